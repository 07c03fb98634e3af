"""What users give to select by, as the parts of rules; or an error that says what to give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.asset_rules import AssetRule, Key
from jobnb.definitions.selections.selection_rules import AnyOf, Rule
from jobnb.definitions.selections.selection_text import written
from jobnb.errors import InvalidDefinitionError

__all__ = [
    "check_keys_of",
    "depth_of",
    "keys_of",
    "rule_of",
    "rule_of_keys",
    "text_of",
    "written_text",
]


def text_of(selection: Any) -> str:
    """The text of a selection.

    Raises:
        InvalidDefinitionError: If it is none.
    """
    if isinstance(selection, str):
        return selection
    raise InvalidDefinitionError(
        f"A selection in text form is text, not {selection!r}: use AssetSelection.from_coercible."
    )


def rule_of_keys(keys: Iterable[AssetKey]) -> AssetRule:
    """Any of these keys."""
    return AnyOf.of(Key(key) for key in keys)


def rule_of(other: Any) -> AssetRule:
    """The rule of a selection that is joined with another.

    Raises:
        InvalidDefinitionError: If it is no selection.
    """
    rule = getattr(other, "rule", None)
    if isinstance(rule, Rule):
        return rule
    raise InvalidDefinitionError(
        f"A selection is joined with another AssetSelection, not with {other!r}: "
        "use AssetSelection.from_coercible."
    )


def depth_of(depth: Any) -> int | None:
    """How many steps to go; None is all the way.

    Raises:
        InvalidDefinitionError: If it does not count steps.
    """
    if depth is None or (isinstance(depth, int) and depth >= 0):
        return depth
    raise InvalidDefinitionError(f"depth counts steps, from 0, or is None; not {depth!r}.")


def written_text(value: Any, what: str) -> str:
    """A text that stands for itself, as rules keep it.

    Raises:
        InvalidDefinitionError: If it is no text.
    """
    if not isinstance(value, str):
        raise InvalidDefinitionError(f"{what} is named by text, not by {value!r}.")
    return written(value)


def check_keys_of(given: Any) -> Iterable[AssetCheckKey]:
    """The keys of the checks that something stands for.

    Raises:
        InvalidDefinitionError: If it stands for none.
    """
    if isinstance(given, AssetCheckKey):
        return (given,)
    if isinstance(given, str):
        return (AssetCheckKey.from_user_string(given),)
    keys: Iterable[AssetCheckKey] | None = getattr(given, "check_keys", None)
    if keys is not None:
        return sorted(keys)
    raise InvalidDefinitionError(
        f"{given!r} names no checks: give a check, an AssetCheckKey, or asset:check as text."
    )


def keys_of(asset: Any) -> Iterable[AssetKey]:
    """The keys of the assets that something stands for.

    Raises:
        InvalidDefinitionError: If it stands for none.
    """
    if isinstance(asset, (str, AssetKey)):
        return (AssetKey.from_coercible(asset),)
    keys = getattr(asset, "keys", None)
    if keys and hasattr(asset, "asset_deps"):
        return sorted(keys)
    key = getattr(asset, "key", None)
    if isinstance(key, AssetKey):
        return (key,)
    raise InvalidDefinitionError(
        f"{asset!r} cannot select assets: give an AssetSelection, text, an AssetKey, an asset, "
        "or a list of these."
    )
