"""What assets know of conditions and policies, which are defined above them: their types."""

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


class AssetPolicy(msgspec.Struct, frozen=True):
    """The base of `AutoMaterializePolicy`."""


def check_policy(policy: Any, key: AssetKey) -> Any:
    """Return the auto-materialize policy of an asset.

    Args:
        policy: The policy; None if it has none.
        key: The asset.

    Raises:
        InvalidDefinitionError: If it is anything else.
    """
    if policy is None or isinstance(policy, AssetPolicy):
        return policy
    hint = _called(policy, "AutoMaterializePolicy")
    hint = hint or "Give AutoMaterializePolicy.eager() or AutoMaterializePolicy.lazy()."
    raise InvalidDefinitionError(
        f"The auto_materialize_policy of the asset {key.to_user_string()!r} is {policy!r}, which "
        f"is no AutoMaterializePolicy. {hint}"
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
    hint = _called(condition, "AutomationCondition")
    hint = hint or "Give one, for example AutomationCondition.eager()."
    raise InvalidDefinitionError(
        f"The automation_condition of the asset {key.to_user_string()!r} is {condition!r}, which "
        f"is no AutomationCondition. {hint}"
    )


def is_given(value: Any) -> bool:
    """Whether an attribute of an asset is set; a condition always is."""
    return isinstance(value, AssetCondition) or bool(value)


def _called(given: Any, of: str) -> str:
    """Return what to do with a method that was given in place of what it returns; else nothing."""
    name = getattr(given, "__qualname__", "")
    return f"Call it: {name}()." if callable(given) and name.startswith(f"{of}.") else ""
