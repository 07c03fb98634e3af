"""Merge the parts of several `Definitions`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobnb.definitions.metadata import normalize
from jobnb.errors import InvalidDefinitionError

if TYPE_CHECKING:
    from jobnb.definitions.locations.definitions import Definitions

_LISTS = ("assets", "source_assets", "asset_checks", "jobs", "schedules", "sensors")
_MAPPINGS = ("resources", "loggers")


def merged_parts(def_sets: Sequence[Definitions]) -> dict[str, Any]:
    """Return the parameters of `Definitions` for the union of several.

    Raises:
        InvalidDefinitionError: If they differ in something of one name; lists all of them.
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
    # `Definitions` takes source assets among its assets.
    lists["assets"] += lists.pop("source_assets")
    return {**lists, **named, "executor": executor, "metadata": metadata}


def _once(lists: Iterable[Iterable[Any]]) -> list[Any]:
    """Return the elements of all lists, each object once."""
    return list({id(each): each for several in lists for each in several}.values())


def _agreed(noun: str, several: Iterable[Mapping[str, Any]], problems: list[str]) -> dict[str, Any]:
    """Merge mappings; entries that differ under one name are added to the problems."""
    made: dict[str, Any] = {}
    for mapping in several:
        for name, value in mapping.items():
            known = made.setdefault(name, value)
            if known is not value and known != value:
                which = f"the {noun} {name!r}" if name else f"the {noun}"
                problems.append(f"{which} is {known!r} in one of them and {value!r} in another.")
    return made
