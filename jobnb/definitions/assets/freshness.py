"""How fresh an asset should be."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from jobnb.errors import InvalidDefinitionError

__all__ = ["FreshnessPolicy"]


class FreshnessPolicy(msgspec.Struct, frozen=True):
    """How old the data in an asset may be; it is shown with the asset.

    Args:
        maximum_lag_minutes: How many minutes it may lag behind what it is made from.
        cron_schedule: When it must be that fresh; always if absent.
        cron_schedule_timezone: The time zone of the schedule; UTC if absent.

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
        if not self.maximum_lag_minutes > 0:
            raise InvalidDefinitionError(
                f"maximum_lag_minutes is a positive number, not {self.maximum_lag_minutes!r}."
            )
        if self.cron_schedule is None:
            if self.cron_schedule_timezone is not None:
                raise InvalidDefinitionError(
                    "A FreshnessPolicy has a cron_schedule_timezone but no cron_schedule."
                )
            return
        from jobnb.definitions.partitions.cron_times import cron_times, zone_of

        zone = zone_of(self.cron_schedule_timezone or "UTC")
        cron_times(self.cron_schedule, datetime(2000, 1, 1, tzinfo=UTC), zone)

    def __str__(self) -> str:
        lag = f"at most {self.maximum_lag_minutes:g} min old"
        if self.cron_schedule is None:
            return lag
        return f"{lag} at {self.cron_schedule} ({self.cron_schedule_timezone or 'UTC'})"
