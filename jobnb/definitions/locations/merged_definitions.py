"""Putting `Definitions` together: several into one, resources beneath them, all of them checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from jobnb.definitions.metadata import normalize
from jobnb.errors import InvalidDefinitionError, JobnbError

if TYPE_CHECKING:
    from jobnb.definitions.locations.definitions import Definitions

__all__ = ["MergedDefinitions"]

_LISTS = ("assets", "source_assets", "asset_checks", "jobs", "schedules", "sensors")
_MAPPINGS = ("resources", "loggers")


class MergedDefinitions:
    """What makes `Definitions` of `Definitions`."""

    @classmethod
    def merge(cls, *def_sets: Definitions) -> Definitions:
        """All of several `Definitions` as one; what several of them hold is in it once.

        Args:
            *def_sets: The definitions.

        Raises:
            InvalidDefinitionError: If they have different resources, loggers, executors or values
                of one name; all of these at once.

        Example:
            >>> from jobnb import Definitions, asset
            >>> orders, prices = asset(name="orders")(lambda: 3), asset(name="prices")(lambda: 4)
            >>> Definitions.merge(Definitions([orders]), Definitions([prices, orders]))
            Definitions(2 assets)

        Source: Dagster's `Definitions.merge`.
        """
        problems: list[str] = []
        lists = {name: _once(getattr(each, name) for each in def_sets) for name in _LISTS}
        named = {
            name: _agreed(name[:-1], [getattr(each, name) for each in def_sets], problems)
            for name in _MAPPINGS
        }
        executors = [{"": each.executor} for each in def_sets if each.executor is not None]
        executor = _agreed("executor", executors, problems).get("")
        metadata = _agreed("metadata", [normalize(each.metadata) for each in def_sets], problems)
        if problems:
            raise InvalidDefinitionError(
                "These definitions do not go together:\n  " + "\n  ".join(problems)
            )
        lists["assets"] += lists.pop("source_assets")
        parts: dict[str, Any] = {**lists, **named}
        made = cast("type[Definitions]", cls)
        return made(**parts, executor=executor, metadata=metadata)

    def with_resources(self, resources: Mapping[str, Any] | None) -> Definitions:
        """The same with more resources; those of a key that is there take its place."""
        own = cast("Definitions", self)
        return type(own)(
            assets=[*own.assets, *own.source_assets],
            asset_checks=own.asset_checks,
            jobs=own.jobs,
            schedules=own.schedules,
            sensors=own.sensors,
            resources={**own.resources, **(resources or {})},
            executor=own.executor,
            loggers=own.loggers,
            metadata=own.metadata,
        )

    @staticmethod
    def validate_loadable(defs: Definitions) -> None:
        """Check that every job can be planned, as a test of a whole code location.

        Args:
            defs: The definitions.

        Raises:
            InvalidDefinitionError: If jobs cannot; all of them, each with its reason.
        """
        problems = []
        names = [*defs.job_names, *(["__ASSET_JOB"] if defs.assets else [])]
        for name in names:
            try:
                _ = defs.get_job_def(name).required_resource_keys
            except JobnbError as error:
                problems.append(f"{name!r}: {error}")
        if problems:
            raise InvalidDefinitionError("These jobs cannot run:\n  " + "\n  ".join(problems))

    def resolve_job_def(self, name: str) -> Any:
        """Dagster's newer name for `get_job_def`."""
        return cast("Definitions", self).get_job_def(name)

    def resolve_schedule_def(self, name: str) -> Any:
        """Dagster's newer name for `get_schedule_def`."""
        return cast("Definitions", self).get_schedule_def(name)

    def resolve_sensor_def(self, name: str) -> Any:
        """Dagster's newer name for `get_sensor_def`."""
        return cast("Definitions", self).get_sensor_def(name)


def _once(lists: Iterable[Iterable[Any]]) -> list[Any]:
    """The elements of all lists, each object once."""
    return list({id(each): each for several in lists for each in several}.values())


def _agreed(noun: str, several: Iterable[Mapping[str, Any]], problems: list[str]) -> dict[str, Any]:
    """The entries of all mappings; those that differ under one name go to the problems."""
    made: dict[str, Any] = {}
    for mapping in several:
        for name, value in mapping.items():
            known = made.setdefault(name, value)
            if known is not value and known != value:
                which = f"the {noun} {name!r}" if name else f"the {noun}"
                problems.append(f"{which} is {known!r} in one of them and {value!r} in another.")
    return made
