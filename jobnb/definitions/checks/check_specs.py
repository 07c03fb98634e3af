"""Seeing that specs of checks fit together, and the assets whose checks they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jobnb.definitions.checks.asset_check import AssetCheckSpec
from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidDefinitionError

__all__ = ["checks_of", "see_distinct", "see_free"]


def checks_of(
    op_name: str, specs: Sequence[AssetCheckSpec] | None, keys: Iterable[AssetKey]
) -> dict[str, AssetCheckSpec]:
    """The checks that a function makes together with its assets, by the output of each.

    Raises:
        InvalidDefinitionError: If one is of another asset, or two have one name; all at once.
    """
    if not specs:
        return {}
    see_distinct(op_name, specs)
    own = {key.to_user_string() for key in keys}
    foreign = [each.key for each in specs if each.asset_key.to_user_string() not in own]
    if foreign:
        names = ", ".join(sorted(own))
        raise InvalidDefinitionError(
            f"{op_name!r} makes {names} and cannot check another asset on the way: "
            + ", ".join(repr(each.to_user_string()) for each in foreign)
            + ". Use @asset_check for it."
        )
    return {each.get_python_identifier(): each for each in specs}


def see_free(op_name: str, checks: Iterable[str], outs: Iterable[str]) -> None:
    """See that no output of a graph would be both an asset and a check.

    Raises:
        InvalidDefinitionError: If one would.
    """
    taken = sorted({*checks} & {*outs})
    if taken:
        raise InvalidDefinitionError(
            f"{op_name!r} has a check whose output would be called {taken[0]!r}, as that of an "
            "asset. Rename one."
        )


def see_distinct(what: str, specs: Iterable[Any]) -> None:
    """See that there are checks, that they are checks, and that no two have one name.

    Raises:
        InvalidDefinitionError: If not; all problems at once.
    """
    specs = list(specs)
    problems = [
        f"{each!r} is no AssetCheckSpec." for each in specs if not isinstance(each, AssetCheckSpec)
    ]
    keys = [each.key for each in specs if isinstance(each, AssetCheckSpec)]
    twice = {key.to_user_string() for key in keys if keys.count(key) > 1}
    problems += [f"Two checks are called {name!r}. Rename one." for name in sorted(twice)]
    if not specs:
        problems = ["It has no checks: give specs=[AssetCheckSpec(...)]."]
    if problems:
        raise InvalidDefinitionError(
            f"The checks of {what!r} are not right:\n  " + "\n  ".join(problems)
        )
