"""The common part of the contexts of schedules and sensors: instance, resources, log."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from copy import copy
from typing import Any, Self

from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.resources.resource import ScopedResources, resource_def_of
from jobnb.errors import InvariantViolationError
from jobnb.execution.resources import build_resources
from jobnb.storage.instance import Instance

_logger = logging.getLogger("jobnb.automation")

LoggedLine = tuple[float, int, str]
"""What an evaluation logged: when, at which level, and the text."""


class _Lines(logging.Handler):
    """Collects log lines."""

    def __init__(self, lines: list[LoggedLine]) -> None:
        super().__init__()
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.created, record.levelno, record.getMessage()))


class EvaluationContext:
    """The context of a schedule's or sensor's function.

    Args:
        instance: The history; None where there is none.
        name: The schedule or sensor.
        resources: Resources by key: values or definitions.
        definitions: The code location.
        repository_name: What the code location is called.

    Attributes:
        log_lines: What was logged with `log`.
    """

    _word = "context"
    _builder = "build_..._context"

    def __init__(
        self,
        instance: Instance | None,
        name: str | None,
        resources: Mapping[str, Any] | None,
        definitions: Definitions | None,
        repository_name: str | None,
    ) -> None:
        self._instance = instance
        self._name = name
        self._resource_defs = dict(resources or {})
        self._definitions = definitions
        self._repository_name = repository_name
        self.log_lines: list[LoggedLine] = []
        self._reset()

    def _reset(self) -> None:
        self._stack = ExitStack()
        weakref.finalize(self, self._stack.close).atexit = False
        self._resources: ScopedResources | None = None
        self._log: logging.Logger | None = None

    @property
    def has_instance(self) -> bool:
        """Whether it has a history."""
        return self._instance is not None

    @property
    def instance(self) -> Instance:
        """The history.

        Raises:
            InvariantViolationError: If it has none.
        """
        if self._instance is None:
            raise InvariantViolationError(
                f"This context has no instance. Pass one: {self._builder}(instance=...)."
            )
        return self._instance

    @property
    def resources(self) -> ScopedResources:
        """The resources, as attributes; set up when first used."""
        if self._resources is None:
            who = f"The {self._word} {self._name!r}" if self._name else f"The {self._word}"
            opened = build_resources(self._resource_defs, instance=self._instance)
            made = self._stack.enter_context(opened)
            self._resources = ScopedResources(made.original_resource_dict, who)
        return self._resources

    def merge_resources(self, resources_dict: Mapping[str, Any]) -> Self:
        """Return the same context with more resources.

        Args:
            resources_dict: Resources by key.
        """
        made = copy(self)
        made._reset()
        made._resource_defs = {**self._resource_defs, **resources_dict}
        return made

    @property
    def resource_defs(self) -> Mapping[str, Any]:
        """The resources by key, as they were given."""
        return self._resource_defs

    @property
    def definitions(self) -> Definitions | None:
        """The code location, if it is known."""
        return self._definitions

    @property
    def repository_def(self) -> Definitions | None:
        """The code location, if it is known; the same as `definitions`."""
        return self._definitions

    @property
    def repository_name(self) -> str | None:
        """The name of the code location."""
        return self._repository_name

    @property
    def log(self) -> logging.Logger:
        """The logger; its lines are stored with the tick."""
        if self._log is None:
            made = logging.Logger(f"jobnb.automation.{self._name or self._word}", logging.DEBUG)  # noqa: LOG001 one of its own, gone with the tick
            made.parent = _logger
            made.addHandler(_Lines(self.log_lines))
            self._log = made
        return self._log

    @property
    def log_key(self) -> list[str] | None:
        """The place of the tick's log: the tick itself, so there is no other."""
        return None

    def note(self, level: int, text: str) -> None:
        """Keep a line with the tick."""
        self.log_lines.append((time.time(), level, text))

    def close(self) -> None:
        """Tear the resources down."""
        self._resources = None
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def resources_for(keys: Iterable[str], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources of these keys, with those that they need in turn."""
    found: dict[str, Any] = {}
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key in known and key not in found:
            found[key] = known[key]
            waiting.extend(resource_def_of(known[key]).required_resource_keys)
    return found
