"""IO managers outside of a run, each set up once for each config."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

from jobnb.definitions.resources.resource import ScopedResources, resource_def_of
from jobnb.errors import UnknownResourceError, did_you_mean
from jobnb.execution.resources import bound_config, build_resources


class CachedIOManager(NamedTuple):
    """An IO manager that is set up.

    Attributes:
        manager: The IO manager.
        config: Its own config.
        resources: The resources that it asked for.
    """

    manager: Any
    config: Any
    resources: ScopedResources


class IOManagerCache:
    """Sets up IO managers when they are first needed.

    Args:
        resources: Resources by key.
        own: Those that assets bring along, which come first.

    Attributes:
        ready: Gives an IO manager that is set up already, by its key.
    """

    def __init__(self, resources: Mapping[str, Any], own: Iterable[Mapping[str, Any]]) -> None:
        self.ready: Callable[[str], CachedIOManager | None] | None = None
        self._resources = resources
        self._own = list(own)
        self._stack = ExitStack()
        self._made: dict[tuple[str, str], CachedIOManager] = {}

    def get(self, key: str, instance: Any, configs: Mapping[str, Any] | None) -> CachedIOManager:
        """Return the IO manager of a key.

        Args:
            key: The key.
            instance: What resources see as `context.instance`.
            configs: Config by resource key, each as `{"config": ...}`.

        Raises:
            UnknownResourceError: If nothing provides it.
            InvalidConfigError: If the config does not fit.
        """
        found = self.ready(key) if self.ready is not None else None
        if found is not None:
            return found
        place = (key, repr(sorted((configs or {}).items())))
        if place not in self._made:
            self._made[place] = self._set_up(key, instance, configs or {})
        return self._made[place]

    def _set_up(self, key: str, instance: Any, configs: Mapping[str, Any]) -> CachedIOManager:
        resources = dict(self._resources)
        for each in self._own:
            resources.update(each)
        if key == "io_manager" and key not in resources:
            from jobnb.storage.values import fs_io_manager

            resources[key] = fs_io_manager
        if key not in resources:
            hint = did_you_mean(key, resources, noun="There are")
            raise UnknownResourceError(f"Nothing provides the IO manager {key!r}. {hint}")
        wanted = _with_needed(key, resources)
        made = self._stack.enter_context(
            build_resources(wanted, instance=instance, resource_config=configs)
        )
        needed = {each: getattr(made, each) for each in wanted[key].required_resource_keys}
        return CachedIOManager(
            getattr(made, key),
            wanted[key].config_with(bound_config(wanted[key], key, configs.get(key))),
            ScopedResources(needed, f"The IO manager {key!r}"),
        )

    def close(self) -> None:
        """Tear the managers down."""
        self._stack.close()
        self._made.clear()


def _with_needed(key: str, resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource and all that it asks for."""
    found: dict[str, Any] = {}
    waiting = [key]
    while waiting:
        each = waiting.pop()
        if each in resources and each not in found:
            found[each] = resource_def_of(resources[each])
            waiting += found[each].required_resource_keys
    return found
