"""The status of an asset, and the causes that made it stale, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

import msgspec

from jobnb.code.version import CodeNote
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey

_MOST_NOTES = 6


NO_PARTITIONS = "no partitions yet"
"""The status of an asset whose partitions have no keys so far."""


class StaleStatus(str, Enum):
    """The status of an asset, compared with the present definitions."""

    MISSING = "missing"
    STALE = "stale"
    FRESH = "fresh"
    FAILED = "failed"


class CauseKind(str, Enum):
    """The kind of change that makes an asset stale."""

    CODE = "code"
    CONFIG = "config"
    DATA = "data"
    DEPENDENCIES = "dependencies"
    MISSING = "missing"


class Cause(msgspec.Struct, frozen=True, gc=False):
    """A cause of staleness: the first change, however far upstream.

    Attributes:
        key: The asset that changed.
        kind: What sort of change it is.
        words: The change in words.
    """

    key: AssetKey
    kind: CauseKind
    words: str

    def seen_from(self, key: AssetKey) -> str:
        """Return the cause in words, as it concerns an asset.

        Example:
            >>> cause = Cause(AssetKey("orders"), CauseKind.CODE, "code changed in cell 7")
            >>> cause.seen_from(AssetKey("orders")), cause.seen_from(AssetKey("revenue"))
            ('code changed in cell 7', "upstream 'orders': code changed in cell 7")
        """
        if key == self.key:
            return self.words
        name = f"upstream {self.key.to_user_string()!r}"
        if self.kind in (CauseKind.DATA, CauseKind.MISSING):
            return f"{name} {self.words}"
        return f"{name}: {self.words}"


class PartitionCounts(msgspec.Struct, frozen=True, gc=False):
    """The numbers of an asset's partitions by status.

    Attributes:
        total: All that there are.
        missing: Those never made.
        stale: Those made of what is not what it is now.
        failed: Those whose last attempt failed.
        skipped: Those that a failed run never tried, as an upstream asset failed.
        made: Those that were made, whatever happened since.
        in_progress: Those that a run makes just now.
        knows_stale: Whether it was looked at which are stale.

    Example:
        >>> print(PartitionCounts(365, missing=3, stale=12))
        12 of 365 partitions stale, 3 missing
    """

    total: int
    missing: int = 0
    stale: int = 0
    failed: int = 0
    made: int = 0
    in_progress: int = 0
    knows_stale: bool = True
    skipped: int = 0

    @property
    def worst(self) -> StaleStatus:
        """The status of an asset with these partitions."""
        if self.failed or self.skipped:
            return StaleStatus.FAILED
        if self.stale:
            return StaleStatus.STALE
        return StaleStatus.MISSING if self.missing else StaleStatus.FRESH

    @property
    def words(self) -> str:
        """The number of materialized partitions, and what else is notable, in words.

        Example:
            >>> PartitionCounts(365, missing=1, stale=2, failed=1, made=364).words
            '364 of 365 made, 1 failed, 2 stale'
        """
        if not self.total:
            return NO_PARTITIONS
        made = (
            f"all {self.total:,}" if self.made == self.total else f"{self.made:,} of {self.total:,}"
        )
        counts = {"failed": self.failed, "skipped": self.skipped, "stale": self.stale}
        counts["under way"] = self.in_progress
        told = [f"{count:,} {word}" for word, count in counts.items() if count]
        return ", ".join([f"{made} made", *told])

    def __str__(self) -> str:
        if not self.total:
            return self.words
        counts = {"failed": self.failed, "skipped": self.skipped, "stale": self.stale}
        counts["missing"] = self.missing
        told = [f"{count:,} {word}" for word, count in counts.items() if count]
        if not self.knows_stale:
            told.append("which are stale is not known yet")
        if not told:
            return f"all {self.total:,} partition{'s'[: self.total != 1]} fresh"
        if not told[0][0].isdigit():
            return f"{self.total:,} partition{'s'[: self.total != 1]}, {told[0]}"
        first, _, word = told[0].partition(" ")
        noun = "partition" if self.total == 1 else "partitions"
        return ", ".join([f"{first} of {self.total:,} {noun} {word}", *told[1:]])


class AssetStatus(msgspec.Struct, frozen=True, gc=False):
    """The status of one asset, or of one of its partitions.

    Attributes:
        key: The asset.
        status: missing, stale or fresh; failed if the last attempt to make it failed.
        causes: Why it is stale: changes of its own first, then those upstream.
        made: When it was last made, in seconds since the epoch.
        run_id: The run that made it, or failed to.
        error: The class of what the last attempt raised.
        partition: Which partition, where it is about one.
        counts: How many partitions stand how, where it is about all of them.
        notes: What the version of its code does not tell: what could not be followed, what the
            code changes itself, and modules that were edited since they were imported.
        renamed_from: The asset that it may be under a new name: its code is the same, and nothing
            defines that asset any more.
    """

    key: AssetKey
    status: StaleStatus
    causes: tuple[Cause, ...] = ()
    made: float | None = None
    run_id: str = ""
    error: str = ""
    partition: str | None = None
    counts: PartitionCounts | None = None
    notes: tuple[CodeNote, ...] = ()
    renamed_from: AssetKey | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons why it is not fresh, in words."""
        failed = (f"failed with {self.error}",) if self.error else ()
        if self.counts is not None:
            missing: tuple[str, ...] = (str(self.counts),)
        else:
            missing = ("never made",) if self.made is None and not failed else ()
        if self.renamed_from is not None:
            missing += (rename_words(self.renamed_from, self.key),)
        return (*failed, *missing, *(cause.seen_from(self.key) for cause in self.causes))

    @property
    def blind(self) -> tuple[str, ...]:
        """The dependencies of its code whose changes may go unnoticed, in words."""
        return _few_words(note for note in self.notes if note.is_blind)

    @property
    def word(self) -> str:
        """The status; that there is nothing to materialize, where there are no partitions."""
        nothing = self.counts is not None and not self.counts.total
        return NO_PARTITIONS if nothing else self.status.value

    @property
    def line(self) -> str:
        """The status and its reasons, without notes."""
        name = self.key.to_user_string() + (f"[{self.partition}]" if self.partition else "")
        if self.counts is not None and not self.counts.total:
            return f"{name} has {self.word}"
        if self.status is StaleStatus.FAILED and self.error:
            return f"{name} {'; '.join(self.reasons)}"
        told = self.causes or self.counts or self.renamed_from
        why = f": {'; '.join(self.reasons)}" if told else ""
        verb = "has" if self.status is StaleStatus.FAILED else "is"
        return f"{name} {verb} {self.status.value}{why}"

    def __str__(self) -> str:
        return f"{self.line} ({'; '.join(self.blind)})" if self.blind else self.line

    def __repr__(self) -> str:
        return f"<{self}>"


def rename_words(old: AssetKey, new: AssetKey) -> str:
    """Return that an asset is new by name alone, and the call that keeps its values."""
    before, now = old.to_user_string(), new.to_user_string()
    return (
        f"its code is that of {before!r}, which is no longer defined: "
        f"session.rename({before!r}, {now!r}) keeps the values"
    )


class AssetStatuses(Mapping[AssetKey, AssetStatus]):
    """The statuses of several assets, by key; a key may be given as text.

    Args:
        statuses: These.
        looked_at: All that were looked at, of which these are left; these if absent.
        empty: What it says where it holds none.

    Example:
        >>> fresh = AssetStatus(AssetKey("orders"), StaleStatus.FRESH, made=1.0)
        >>> AssetStatuses({fresh.key: fresh})["orders"]
        <orders is fresh>
    """

    def __init__(
        self,
        statuses: Mapping[AssetKey, AssetStatus],
        looked_at: Mapping[AssetKey, AssetStatus] | None = None,
        empty: str = "All assets are fresh.",
    ) -> None:
        self._statuses = dict(statuses)
        self.empty = empty
        self._looked_at = self._statuses if looked_at is None else looked_at

    def __getitem__(self, key: CoercibleToAssetKey) -> AssetStatus:
        return self._statuses[AssetKey.from_coercible(key)]

    def __iter__(self) -> Iterator[AssetKey]:
        return iter(self._statuses)

    def __len__(self) -> int:
        return len(self._statuses)

    @property
    def not_fresh(self) -> AssetStatuses:
        """The assets that are missing, stale or failed."""
        fresh = StaleStatus.FRESH
        left = {key: each for key, each in self._statuses.items() if each.status is not fresh}
        return AssetStatuses(left, self._looked_at, self.empty)

    @property
    def blind(self) -> dict[AssetKey, tuple[str, ...]]:
        """The changes that may go unnoticed, by asset; also of assets that are left out."""
        return {key: each.blind for key, each in self._looked_at.items() if each.blind}

    def __repr__(self) -> str:
        lines = [each.line for each in self._statuses.values()] or [f"<{self.empty}>"]
        for key, words in self.blind.items():
            lines.append(f"{key.to_user_string()}: {'; '.join(words)}")
        return "\n".join(lines)


def _few_words(notes: Iterable[CodeNote]) -> tuple[str, ...]:
    """Return a limited number of notes in words."""
    words = list(dict.fromkeys(map(str, notes)))
    left = len(words) - _MOST_NOTES
    return (*words[:_MOST_NOTES], *((f"and {left} more",) if left > 0 else ()))
