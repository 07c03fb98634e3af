"""Dagster's small functions that its own libraries use: `dagster._utils` and others."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from jobnb.definitions.metadata import normalize
from jobnb.definitions.ops.output import DataProvenance, DataVersion, provenance_of
from jobnb.definitions.plain import check_tags
from jobnb.errors import InvalidInvocationError

PICKLE_PROTOCOL = 4
"""The version of pickles that each Python reads that Dagster runs on."""


def dict_without_keys(ddict: Mapping[Any, Any], *keys: Any) -> dict[Any, Any]:
    """Return a dict without some of its keys.

    Example:
        >>> dict_without_keys({"a": 1, "b": 2}, "b")
        {'a': 1}
    """
    return {key: value for key, value in ddict.items() if key not in keys}


def parse_env_var(env_var_str: str) -> tuple[str, str]:
    """Return the name and the value of `NAME=VALUE`, or of a variable of this process.

    Raises:
        InvalidInvocationError: If no value is given and the process has no such variable.
    """
    name, sign, value = env_var_str.partition("=")
    if sign:
        return name, value
    if name not in os.environ:
        raise InvalidInvocationError(
            f"The environment variable {name!r} is not set. Set it, or write {name}=VALUE."
        )
    return name, os.environ[name]


def coerce_valid_log_level(log_level: str | int) -> int:
    """Return the number of a log level.

    Example:
        >>> coerce_valid_log_level("warning"), coerce_valid_log_level(10)
        (30, 10)

    Raises:
        InvalidInvocationError: If there is no such level.
    """
    known = logging.getLevelNamesMapping()
    level = known.get(log_level.upper()) if isinstance(log_level, str) else log_level
    if level not in known.values():
        raise InvalidInvocationError(
            f"There is no log level {log_level!r}. It is one of {', '.join(sorted(known))}."
        )
    assert level is not None
    return level


def cached_method(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that computes its value once for each object and arguments.

    Example:
        >>> class Half:
        ...     @cached_method
        ...     def of(self, number):
        ...         print("computed")
        ...         return number / 2
        >>> half = Half()
        >>> half.of(3), half.of(number=3)
        computed
        (1.5, 1.5)
    """
    import inspect

    signature, name = inspect.signature(method), f"_cached_{method.__name__}"

    @wraps(method)
    def cached(self: Any, *args: Any, **kwargs: Any) -> Any:
        values = self.__dict__.setdefault(name, {})
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        key = (bound.args[1:], tuple(sorted(bound.kwargs.items())))
        if key not in values:
            values[key] = method(self, *args, **kwargs)
        return values[key]

    return cached


def normalize_renamed_param(
    new_val: Any,
    new_arg: str,
    old_val: Any,
    old_arg: str,
    coerce_old_to_new: Callable[[Any], Any] | None = None,
) -> Any:
    """Return the value of a parameter that was given by its new name or by its old one.

    Example:
        >>> normalize_renamed_param(None, "jobs", "a", "job", lambda job: [job])
        ['a']

    Raises:
        InvalidInvocationError: If both are given.
    """
    if new_val is not None and old_val is not None:
        raise InvalidInvocationError(
            f"{new_arg} and {old_arg} are one parameter. Give {new_arg} only."
        )
    if old_val is None:
        return new_val
    return coerce_old_to_new(old_val) if coerce_old_to_new is not None else old_val


def deprecation_warning(
    subject: str,
    breaking_version: str,
    additional_warn_text: str | None = None,
    stacklevel: int = 3,
) -> None:
    """Warn that something will be gone in a later version."""
    told = f"{subject} is deprecated and will be removed in {breaking_version}."
    more = f" {additional_warn_text}" if additional_warn_text else ""
    warnings.warn(told + more, DeprecationWarning, stacklevel)


def experimental_warning(*_told: Any, **_more: Any) -> None:
    """Warn of nothing: to jobnb nothing is experimental."""


def convert_config_input(inp: Any) -> Any:
    """Return config as a dict, where it is a `RunConfig`."""
    from jobnb.config import RunConfig

    return inp.to_config_dict() if isinstance(inp, RunConfig) else inp


def validate_tags(tags: Mapping[str, Any] | None, allow_reserved_tags: bool = True) -> Any:  # noqa: ARG001
    """Return tags as strings.

    Raises:
        InvalidDefinitionError: If a value cannot be JSON.
    """
    return check_tags(tags, "this call")


def normalize_metadata(
    metadata: Mapping[str, Any],
    allow_invalid: bool = False,  # noqa: ARG001
) -> Mapping[str, Any]:
    """Return metadata as values of the kinds that the history stores.

    Raises:
        InvalidMetadataError: If a value is of none of them.
    """
    return normalize(metadata)


def maintained(definition: Any) -> Any:
    """Return a resource or IO manager that Dagster's own libraries define, as it is."""
    return definition


dagster_maintained_io_manager = dagster_maintained_resource = maintained


class DagsterLibraryRegistry:
    """The libraries of Dagster's that have been imported, and their versions.

    Source: Dagster's `DagsterLibraryRegistry`.
    """

    _versions: dict[str, str] = {}  # noqa: RUF012

    @classmethod
    def register(cls, name: str, version: str, *, is_dagster_package: bool = True) -> None:  # noqa: ARG003
        """Note that a library has been imported."""
        cls._versions[name] = version

    @classmethod
    def get(cls) -> Mapping[str, str]:
        """Return the versions by library."""
        return dict(cls._versions)


def extract_data_version_from_entry(entry: Any) -> DataVersion | None:
    """Return the data version that a line of the log tells; None if it tells none."""
    event = entry.dagster_event
    found = getattr(event, "data_version", None)
    return None if found is None else DataVersion(found)


def extract_data_provenance_from_entry(entry: Any) -> DataProvenance | None:
    """Return what a materialization in the log was made of; None if it does not tell."""
    return provenance_of(getattr(entry.dagster_event, "tags", {}))
