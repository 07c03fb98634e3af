"""Whether a config fits, as GraphQL tells it: the launchpad's words, each at its path."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobnb.config import load_yaml
from jobnb.config.places import ConfigNode, form_of
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.errors import InvalidConfigError, JobnbError, Problem
from jobnb.plan.run_config import config_schema_of
from jobnb.server.config_types import ConfigTypeField, field_at
from jobnb.server.nodes import Node


@dataclass(frozen=True)
class EvaluationStackPathEntry(Node):
    """A named place on the way to an error."""

    field_name: str


@dataclass(frozen=True)
class EvaluationStackListItemEntry(Node):
    """An entry of a list on the way to an error."""

    list_index: int


@dataclass(frozen=True)
class EvaluationStackMapKeyEntry(Node):
    """A key of a mapping on the way to an error."""

    map_key: Any


@dataclass(frozen=True)
class EvaluationStackMapValueEntry(Node):
    """A value of a mapping on the way to an error."""

    map_key: Any


@dataclass(frozen=True)
class EvaluationStack(Node):
    """The way to an error."""

    entries: Sequence[Node]


class _ConfigError(Node):
    reason = "RUNTIME_TYPE_MISMATCH"

    def __init__(self, problem: Problem, job: JobDefinition | None) -> None:
        self._problem, self._job = problem, job

    @property
    def message(self) -> str:
        """What is wrong, and where."""
        return str(self._problem)

    @property
    def path(self) -> list[str]:
        """Where it is wrong."""
        return list(self._problem.path)

    @property
    def stack(self) -> EvaluationStack:
        """The way there."""
        return EvaluationStack([_entry(part) for part in self._problem.path])


def _entry(part: str) -> Node:
    is_number = part.isascii() and part.isdigit() and len(part) < 10
    return EvaluationStackListItemEntry(int(part)) if is_number else EvaluationStackPathEntry(part)


class RuntimeMismatchConfigError(_ConfigError):
    """A value does not fit."""

    @property
    def value_rep(self) -> str | None:
        """The value, as far as it may be shown."""
        found = re.search(r"\(got (.*)\)", self._problem.message)
        return found[1] if found else None


class MissingFieldConfigError(_ConfigError):
    """A field must be given."""

    reason = "MISSING_REQUIRED_FIELD"

    @property
    def field(self) -> ConfigTypeField:
        """The field."""
        root = ConfigNode({}, {}) if self._job is None else form_of(config_schema_of(self._job))
        return field_at(root, self._problem.path)


class MissingFieldsConfigError(MissingFieldConfigError):
    """Never told: each missing field is told by itself."""

    reason = "MISSING_REQUIRED_FIELDS"

    @property
    def fields(self) -> list[ConfigTypeField]:
        """The fields."""
        return [self.field]


class FieldNotDefinedConfigError(_ConfigError):
    """There is no such field."""

    reason = "FIELD_NOT_DEFINED"

    @property
    def field_name(self) -> str:
        """Its name."""
        return self._problem.path[-1] if self._problem.path else ""


class FieldsNotDefinedConfigError(FieldNotDefinedConfigError):
    """Never told: each unknown field is told by itself."""

    reason = "FIELDS_NOT_DEFINED"

    @property
    def field_names(self) -> list[str]:
        """The names."""
        return [self.field_name]


class SelectorTypeConfigError(_ConfigError):
    """Just one of some fields must be given."""

    reason = "SELECTOR_FIELD_ERROR"

    @property
    def incoming_fields(self) -> list[str]:
        """The fields that were given."""
        given = self._problem.value
        return [str(name) for name in given] if isinstance(given, Mapping) else []


_KINDS: dict[str, type[_ConfigError]] = {
    "missing": MissingFieldConfigError,
    "unexpected": FieldNotDefinedConfigError,
}


@dataclass(frozen=True)
class PipelineConfigValidationValid(Node):
    """The config fits."""

    pipeline_name: str


@dataclass(frozen=True)
class RunConfigValidationInvalid(Node):
    """The config does not fit."""

    pipeline_name: str
    errors: Sequence[_ConfigError]


def invalid(
    error: InvalidConfigError, name: str, job: JobDefinition | None = None
) -> RunConfigValidationInvalid:
    """Return the problems of a config, as an answer."""
    found = error.problems or (Problem((), str(error)),)
    told = [_KINDS.get(each.kind, RuntimeMismatchConfigError)(each, job) for each in found]
    return RunConfigValidationInvalid(name, told)


def given_config(given: Any) -> dict[str, Any] | None:
    """Return the config that a query gives: an object, or YAML as text.

    Returns:
        The raw config; None if none was given, so that the job's own is used.

    Raises:
        InvalidConfigError: If it is neither.

    Example:
        >>> given_config("ops: {load: {config: {year: 2013}}}")
        {'ops': {'load': {'config': {'year': 2013}}}}
    """
    if given is None or given == "":
        return None
    if isinstance(given, Mapping):
        return dict(given) or None
    if not isinstance(given, str):
        kind = type(given).__name__
        raise InvalidConfigError(f"A run config is an object or a text of YAML, not a {kind}.")
    try:
        found = load_yaml(given if "\n" in given else f"{given}\n")
    except InvalidConfigError:
        raise
    except JobnbError as error:
        raise InvalidConfigError(str(error)) from error
    return found or None
