"""What is wrong with the parts that `Definitions` is given, looked at together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.jobs.executor import ExecutorDefinition, executor_named
from jobnb.errors import InvalidDefinitionError


def executor_given(given: Any) -> tuple[ExecutorDefinition | None, list[str]]:
    """Return the executor that is given, or named; and what is wrong with it."""
    if given is None or isinstance(given, ExecutorDefinition):
        return given, []
    if not isinstance(given, str):
        return None, [f"The executor is {given!r}, which is none. Make it with @executor."]
    try:
        return executor_named(given), []
    except InvalidDefinitionError as error:
        return None, [str(error)]


def names_given_twice(
    assets: Sequence[AssetsDefinition],
    sources: Sequence[SourceAsset],
    checks: Sequence[AssetChecksDefinition],
    **launched: Sequence[Any],
) -> list[str]:
    """Describe names that two different things have, and what is given twice.

    Args:
        assets: The assets that can be materialized.
        sources: The source assets.
        checks: The checks that have functions of their own.
        launched: Jobs, schedules and sensors.
    """
    keyed = [(key, each) for each in assets for key in each.ordered_keys]
    again = [each.ordered_keys[0] for each in _repeated(assets)]
    by_key = [*keyed, *((each.key, each) for each in sources)]
    twice = [*dict.fromkeys(again), *_shared(by_key)]
    problems = [f"Two assets have the key {key.to_user_string()!r}." for key in twice]
    checking = [*checks, *assets, *sources]
    of_checks = [(k, each) for each in checking for k in getattr(each, "check_keys", ())]
    problems += [f"Two checks are called {k.to_user_string()!r}." for k in _shared(of_checks)]
    for kind, things in launched.items():
        named = [(getattr(each, "name", None), each) for each in things]
        problems += [f"Two {kind} are called {name!r}." for name in _shared(named)]
        once = kind == "jobs"  # a job comes along with each of its schedules and sensors
        problems += [
            f"The {kind.removesuffix('s')} {each.name!r} is given twice. Give it once."
            for each in (() if once else _repeated(things))
        ]
    return problems


def _repeated(things: Sequence[Any]) -> list[Any]:
    """Return what is given several times."""
    counts = Counter(map(id, things))
    return list({id(each): each for each in things if counts[id(each)] > 1}.values())


def _shared(named: Iterable[tuple[Any, Any]]) -> list[Any]:
    """Return the names that several different things have."""
    seen: dict[Any, Any] = {}
    twice = [name for name, each in named if seen.setdefault(name, each) is not each]
    return [name for name in dict.fromkeys(twice) if name is not None]
