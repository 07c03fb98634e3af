"""How the partitions of one asset stand, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.storage.backfill import PartitionBackfill
from jobnb.storage.partition_history import AssetPartitionStatus
from jobnb.storage.standing_table import StandingTable

if TYPE_CHECKING:
    from jobnb.state import StepStatus
    from jobnb.storage.instance import Instance

__all__ = ["PartitionTable"]


LEFT_OUT = ("skipped", "blocked")
"""How a partition stands that a failed run never tried."""


class PartitionTable(StandingTable):
    """The partitions of an asset, each with how it stands; read when it is looked at.

    `session.partitions("asset")` gives it; a cell shows it as a calendar or matrix in which
    partitions can be selected and made.

    Args:
        asset_key: The asset.
        partitions_def: Its partitions.
        instance: Whose history.
        backfill: Makes some of them, where that can be done from here.

    Example:
        >>> from jobnb import Instance, StaticPartitionsDefinition, asset, materialize
        >>> letters_def = StaticPartitionsDefinition(["a", "b"])
        >>> @asset(partitions_def=letters_def)
        ... def letters(): ...
        >>> instance = Instance.ephemeral()
        >>> made = materialize([letters], instance=instance, partition_key="b")
        >>> table = PartitionTable(letters.key, letters_def, instance)
        >>> table.counts["missing"], table.subset("materialized").get_partition_keys()
        (1, ['b'])
    """

    STATUSES: ClassVar[Mapping[str, AssetPartitionStatus | None]] = {
        "missing": None,
        "materialized": AssetPartitionStatus.MATERIALIZED,
        "failed": AssetPartitionStatus.FAILED,
        "in_progress": AssetPartitionStatus.IN_PROGRESS,
        **dict.fromkeys(LEFT_OUT, AssetPartitionStatus.FAILED),
    }
    DEED = "Materialize"
    WHEN = "made"

    def __init__(
        self,
        asset_key: AssetKey,
        partitions_def: PartitionsDefinition,
        instance: Instance,
        backfill: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(asset_key.to_user_string(), partitions_def, instance, backfill)
        self.asset_key = asset_key
        self._left_out: dict[str, StepStatus | None] = {}

    def _standing(self, keys: Sequence[str]) -> Mapping[str, AssetPartitionStatus | None]:
        return self.instance.get_status_by_partition(self.asset_key, keys, self.partitions_def)

    def statuses(self, keys: Sequence[str] | None = None) -> list[str]:
        """How each partition stands, in the order of the keys: a word of `STATUSES`.

        Of those whose last run failed, `skipped` and `blocked` are told apart from `failed`.
        """
        keys = self.keys if keys is None else keys
        found = super().statuses(keys)
        if "failed" not in found:
            return found
        never_tried = self.instance.untried_partitions(self.asset_key, self._left_out)
        return [
            never_tried[key].value if word == "failed" and key in never_tried else word
            for key, word in zip(keys, found, strict=True)
        ]

    def last_run(self, key: str) -> tuple[str, float] | None:
        """The run that last made a partition, and when; None if it was never made."""
        found = self.instance.get_latest_materialization_by_partition(self.asset_key, [key])
        made = found.get(key)
        return (made.run_id, made.timestamp) if made is not None else None

    def is_filled_by(self, backfill: PartitionBackfill) -> bool:
        """Whether a backfill makes the asset."""
        return self.asset_key in backfill.asset_selection

    def to_pandas(self) -> Any:
        """A frame with a row for each partition: key, status, when and by which run it was made."""
        import pandas as pd

        keys = self.keys
        latest = self.instance.get_latest_materialization_by_partition(self.asset_key, keys)
        made = [latest.get(key) for key in keys]
        times = [datetime.fromtimestamp(m.timestamp, UTC) if m else None for m in made]
        return pd.DataFrame(
            {
                "partition": list(keys),
                "status": self.statuses(keys),
                "made": pd.to_datetime(pd.Series(times, dtype="object"), utc=True),
                "run_id": [each.run_id if each else None for each in made],
            }
        )
