"""What a selection can say of checks: their names, or the assets that they look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobnb.definitions.assets.asset_graph import AssetGraph
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.selections.asset_rules import AssetRule, hint, note
from jobnb.definitions.selections.selection_grammar import Spot
from jobnb.definitions.selections.selection_rules import Compound, Resolution, Rule
from jobnb.definitions.selections.selection_text import matcher, quoted, written_key

__all__ = ["Check", "ChecksLike", "ChecksOf"]


@dataclass(frozen=True)
class Check(Rule[AssetGraph]):
    """A check by its key; no asset is made."""

    key: AssetCheckKey
    spot: Spot | None = field(default=None, compare=False, repr=False)

    def numbers(self, within: Resolution[AssetGraph]) -> set[int]:
        """No asset."""
        return set()

    def checks(self, within: Resolution[AssetGraph]) -> set[AssetCheckKey]:
        """The check."""
        known = within.graph.check_keys
        if self.key in known:
            return {self.key}
        if not within.allow_missing:
            name = self.key.to_user_string()
            have = sorted(each.to_user_string() for each in known)
            message = f"There is no check called {name!r}. {hint(within, name, have)}"
            note(within, self.spot, message.rstrip())
        return set()

    def __str__(self) -> str:
        return f"check:{quoted(f'{written_key(self.key.asset)}:{self.key.name}')}"


@dataclass(frozen=True)
class ChecksLike(Rule[AssetGraph]):
    """The checks whose asset and name, written `asset:check`, are like a text with wildcards."""

    pattern: str

    def numbers(self, within: Resolution[AssetGraph]) -> set[int]:
        """No asset."""
        return set()

    def checks(self, within: Resolution[AssetGraph]) -> set[AssetCheckKey]:
        """The checks."""
        fits = matcher(self.pattern)
        return {key for key in within.graph.check_keys if fits(key.to_user_string())}

    def __str__(self) -> str:
        return f"check:{quoted(self.pattern)}"


@dataclass(frozen=True)
class ChecksOf(Compound[AssetGraph]):
    """The checks of what a rule names, without the assets themselves; all checks if it is None."""

    rule: AssetRule | None = None

    def numbers(self, within: Resolution[AssetGraph]) -> set[int]:
        """No asset; but what the rule names has to be there."""
        if self.rule is not None:
            self.rule.numbers(within)
        return set()

    def checks(self, within: Resolution[AssetGraph]) -> set[AssetCheckKey]:
        """The checks."""
        if self.rule is None:
            return set(within.graph.check_keys)
        return self.rule.checks(within)

    def parts(self) -> tuple[AssetRule, ...]:
        """The rule, if there is one."""
        return () if self.rule is None else (self.rule,)

    def with_sources(self) -> AssetRule:
        """The checks of the rule with source assets."""
        return self if self.rule is None else ChecksOf(self.rule.with_sources())

    def __str__(self) -> str:
        return f"checks({self.rule or ''})"
