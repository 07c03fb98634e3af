"""The freshness and backfill policies of assets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from jobnb.definitions.arguments import check_kind
from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidDefinitionError


class FreshnessMinutes(msgspec.Struct, frozen=True):
    """The lateness of an asset.

    Attributes:
        overdue_minutes: Minutes beyond what its policy allows.
        lag_minutes: Minutes that its data lag behind.
    """

    overdue_minutes: float
    lag_minutes: float


class FreshnessPolicy(msgspec.Struct, frozen=True):
    """The maximal age of an asset's data; it is shown with the asset.

    Args:
        maximum_lag_minutes: How many minutes it may lag behind its upstream assets.
        cron_schedule: When it must be that fresh; always if not given.
        cron_schedule_timezone: The time zone of the schedule; UTC if not given.

    Raises:
        InvalidDefinitionError: If the lag is not positive, or the schedule cannot be read.

    Example:
        >>> str(FreshnessPolicy(maximum_lag_minutes=60, cron_schedule="0 9 * * *"))
        'at most 60 min old at 0 9 * * * (UTC)'

    Source: Dagster's `FreshnessPolicy`.
    """

    maximum_lag_minutes: float
    cron_schedule: str | None = None
    cron_schedule_timezone: str | None = None

    def __post_init__(self) -> None:
        """Check what was given."""
        lag: object = self.maximum_lag_minutes
        if isinstance(lag, bool) or not isinstance(lag, int | float) or not lag > 0:
            raise InvalidDefinitionError(f"maximum_lag_minutes is a positive number, not {lag!r}.")
        msgspec.structs.force_setattr(self, "maximum_lag_minutes", float(lag))
        if self.cron_schedule is None:
            if self.cron_schedule_timezone is not None:
                raise InvalidDefinitionError(
                    "A FreshnessPolicy has a cron_schedule_timezone but no cron_schedule."
                )
            return
        from jobnb.definitions.partitions.cron_times import cron_times, zone_of

        zone = zone_of(self.cron_schedule_timezone or "UTC")
        cron_times(self.cron_schedule, datetime(2000, 1, 1, tzinfo=UTC), zone)

    @property
    def maximum_lag_delta(self) -> timedelta:
        """How old the data may be, as a time."""
        return timedelta(minutes=self.maximum_lag_minutes)

    def minutes_overdue(
        self, data_time: datetime | None, evaluation_time: datetime
    ) -> FreshnessMinutes | None:
        """Return by how many minutes an asset exceeds the maximal age.

        Args:
            data_time: The moment up to which its data reach; None if it was never made.
            evaluation_time: The moment that counts as now.

        Returns:
            None if it was never made.

        Example:
            >>> noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
            >>> policy = FreshnessPolicy(maximum_lag_minutes=30)
            >>> policy.minutes_overdue(datetime(2024, 5, 1, 11, tzinfo=UTC), noon)
            FreshnessMinutes(overdue_minutes=30.0, lag_minutes=60.0)
        """
        if data_time is None:
            return None
        at = evaluation_time
        if self.cron_schedule is not None:
            due = self._last_due(evaluation_time)
            if due is None:
                return FreshnessMinutes(0.0, 0.0)
            at = due
        lag = max(0.0, (at - data_time).total_seconds() / 60)
        return FreshnessMinutes(max(0.0, lag - self.maximum_lag_minutes), lag)

    def _last_due(self, moment: datetime) -> datetime | None:
        """Return the last moment up to now at which it had to be fresh."""
        from jobnb.definitions.partitions.cron_times import cron_instants, standard_cron, zone_of

        cron = standard_cron(self.cron_schedule)
        zone, reach = zone_of(self.cron_schedule_timezone or "UTC"), timedelta(hours=2)
        while reach < timedelta(days=36500):
            last = None
            for each in cron_instants(cron, moment - reach, zone):
                if each > moment:
                    break
                last = each
            if last is not None:
                return last
            reach *= 8
        return None

    def __str__(self) -> str:
        lag = f"at most {self.maximum_lag_minutes:g} min old"
        if self.cron_schedule is None:
            return lag
        return f"{lag} at {self.cron_schedule} ({self.cron_schedule_timezone or 'UTC'})"


def check_freshness(policy: Any, key: AssetKey) -> Any:
    """Return the freshness policy of an asset, or raise an error if it is something else."""
    owner, example = f"asset {key.to_user_string()!r}", "FreshnessPolicy(maximum_lag_minutes=60)"
    return check_kind(policy, FreshnessPolicy, "freshness_policy", owner, example)


def check_backfill(policy: Any, owner: str) -> Any:
    """Return the backfill policy of assets, or raise an error if it is something else."""
    example = "BackfillPolicy.single_run() or BackfillPolicy.multi_run(10)"
    return check_kind(policy, BackfillPolicy, "backfill_policy", owner, example)


class BackfillPolicy(msgspec.Struct, frozen=True):
    """The number of partitions of an asset that one run of a backfill materializes.

    Args:
        max_partitions_per_run: The most partitions of one run; None: all in one run.

    Raises:
        InvalidDefinitionError: If it is no positive number.

    Example:
        >>> BackfillPolicy.single_run().max_partitions_per_run is None
        True
        >>> BackfillPolicy.multi_run(max_partitions_per_run=10)
        BackfillPolicy(max_partitions_per_run=10)

    Source: Dagster's `BackfillPolicy`.
    """

    max_partitions_per_run: int | None = 1

    def __post_init__(self) -> None:
        """Check the number."""
        most = self.max_partitions_per_run
        if most is not None and (type(most) is not int or most < 1):
            raise InvalidDefinitionError(
                f"A run makes one partition at least: max_partitions_per_run={most!r} does not do. "
                "Give a positive number, or use BackfillPolicy.single_run()."
            )

    @staticmethod
    def single_run() -> BackfillPolicy:
        """Return the policy of one run for all partitions, in `context.partition_keys`."""
        return BackfillPolicy(None)

    @staticmethod
    def multi_run(max_partitions_per_run: int = 1) -> BackfillPolicy:
        """Return the policy of several runs, each for at most so many partitions."""
        return BackfillPolicy(max_partitions_per_run)
