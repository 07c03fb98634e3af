"""The result of a condition for an asset or a partition, with reasons."""

from __future__ import annotations

from dataclasses import dataclass

from jobnb.definitions.automation.condition import AutomationCondition
from jobnb.definitions.keys import AssetKey
from jobnb.storage.decisions import Decision


@dataclass(frozen=True)
class ConditionResult:
    """Whether a condition is true of an asset or a partition, and why.

    Attributes:
        asset_key: The asset.
        partition_key: The partition; None of an asset as a whole.
        condition: The condition.
        is_true: Whether it is true.
        reason: Why, in words.
        children: The results of the conditions that it is put together from.
        check_name: The check that was looked at, where it was one.
    """

    asset_key: AssetKey
    partition_key: str | None
    condition: AutomationCondition
    is_true: bool
    reason: str
    children: tuple[ConditionResult, ...] = ()
    check_name: str | None = None

    @property
    def name(self) -> str:
        """The asset, with its partition or its check, as people write it."""
        name = self.asset_key.to_user_string()
        if self.check_name is not None:
            return f"{name}:{self.check_name}"
        return name if self.partition_key is None else f"{name} [{self.partition_key}]"

    def decision(self) -> Decision:
        """Return the same as plain data, as it is stored and shown."""
        parts = tuple(each.decision() for each in self.children)
        return Decision(self.name, str(self.condition), self.is_true, self.reason, parts)

    def tree(self) -> str:
        """Return the condition and its parts, a line for each, with their results."""
        return self.decision().tree()
