"""What assets know of automation conditions, which are defined above them: their type."""

from __future__ import annotations

from typing import Any

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidDefinitionError


class AssetCondition(msgspec.Struct, frozen=True):
    """The base of `AutomationCondition`."""

    def __bool__(self) -> bool:
        """Refuse: `a and b` would be `b` alone."""
        raise InvalidDefinitionError(
            "A condition is neither true nor false by itself. Join conditions with & (and), "
            "| (or) and ~ (not): `a & b` in place of `a and b`."
        )


def check_condition(condition: Any, key: AssetKey) -> Any:
    """Return the automation condition of an asset.

    Args:
        condition: The condition; None if it has none.
        key: The asset.

    Raises:
        InvalidDefinitionError: If it is anything else.
    """
    if condition is None or isinstance(condition, AssetCondition):
        return condition
    name = getattr(condition, "__qualname__", "")
    hint = "Give one, for example AutomationCondition.eager()."
    if callable(condition) and name.startswith("AutomationCondition."):
        hint = f"Call it: {name}()."
    raise InvalidDefinitionError(
        f"The automation_condition of the asset {key.to_user_string()!r} is {condition!r}, which "
        f"is no AutomationCondition. {hint}"
    )


def is_given(value: Any) -> bool:
    """Whether an attribute of an asset is set; a condition always is."""
    return isinstance(value, AssetCondition) or bool(value)
