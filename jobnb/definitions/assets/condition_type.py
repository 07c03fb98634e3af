"""What assets know of conditions and policies, which are defined above them: their types."""

from __future__ import annotations

from typing import Any

import msgspec

from jobnb.definitions.arguments import check_kind
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
    """Return the auto-materialize policy of an asset, or raise an error if it is something else."""
    example = "AutoMaterializePolicy.eager() or AutoMaterializePolicy.lazy()"
    owner, called = f"asset {key.to_user_string()!r}", "AutoMaterializePolicy"
    return check_kind(policy, AssetPolicy, "auto_materialize_policy", owner, example, called)


def check_condition(condition: Any, key: AssetKey) -> Any:
    """Return the automation condition of an asset, or raise an error if it is something else."""
    owner, called = f"asset {key.to_user_string()!r}", "AutomationCondition"
    example = "AutomationCondition.eager()"
    return check_kind(condition, AssetCondition, "automation_condition", owner, example, called)


def is_given(value: Any) -> bool:
    """Whether an attribute of an asset is set; a condition always is."""
    return isinstance(value, AssetCondition) or bool(value)
