"""The times of a schedule: one or several cron strings in a time zone.

A time that the clock skips in spring comes at the moment the clock jumps to; one that it
passes twice in autumn comes once, but for schedules that come every hour or oftener.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from jobnb.definitions.partitions.cron_times import (
    cron_instants,
    cron_times,
    standard_cron,
    zone_of,
)
from jobnb.errors import InvalidDefinitionError

_FIELDS = 5
_EVER = timedelta(days=36500)


class CronSchedule:
    """The moments that cron strings name, in a time zone.

    Args:
        cron_schedule: Five fields or a nickname such as `@daily`, or several of these.
        timezone: The name of the time zone; UTC if None.
        what: Whose it is, for messages.

    Raises:
        InvalidDefinitionError: If one cannot be read, or there is no such time zone.

    Example:
        >>> from itertools import islice
        >>> both = CronSchedule(["0 9 * * *", "30 17 * * 5"], "Europe/Berlin")
        >>> [str(each) for each in islice(both.after(datetime(2024, 3, 28, 12, tzinfo=UTC)), 3)]
        ['2024-03-29 09:00:00+01:00', '2024-03-29 17:30:00+01:00', '2024-03-30 09:00:00+01:00']
    """

    def __init__(
        self, cron_schedule: str | Sequence[str], timezone: str | None = None, what: str = "This"
    ) -> None:
        given: Any = [cron_schedule] if isinstance(cron_schedule, str) else cron_schedule
        if not isinstance(given, (list, tuple)) or not given:
            raise InvalidDefinitionError(
                f"{what} has the cron_schedule {cron_schedule!r}. Give five fields such as "
                "'0 6 * * 1-5', a nickname such as '@daily', or a list of these."
            )
        self.timezone = timezone
        self._zone = zone_of(timezone or "UTC")
        self._crons = tuple(self._read(each, what) for each in given)

    def _read(self, cron: Any, what: str) -> str:
        standard: Any = standard_cron(cron)
        if isinstance(standard, str) and (count := len(standard.split())) != _FIELDS:
            fields = "1 field" if count == 1 else f"{count} fields"
            raise InvalidDefinitionError(
                f"{what} has the cron schedule {cron!r}, which has {fields}. "
                "Write minute, hour, day, month and weekday, such as '0 6 * * 1-5', or @daily."
            )
        cron_times(standard, datetime(2000, 1, 1, tzinfo=UTC), self._zone)
        return " ".join(standard.split())

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Iterate over the moments after one, the earliest first, each once."""
        begin = moment.astimezone(UTC)
        last: datetime | None = None
        several = [cron_instants(cron, begin, self._zone) for cron in self._crons]
        for each in heapq.merge(*several):
            if each != last:
                last = each
                yield each.astimezone(self._zone)

    def localized(self, seconds: float) -> datetime:
        """Return a moment, given in seconds since the epoch, in the time zone of the schedule."""
        return datetime.fromtimestamp(seconds, self._zone)

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first moment after one; None if there is none."""
        return next(self.after(moment), None)

    def latest(self, start: datetime, end: datetime, most: int) -> tuple[list[datetime], bool]:
        """Return the last moments after `start` and up to `end`, and whether there are more.

        Args:
            start: The moment before the first.
            end: The last moment that counts.
            most: How many of the last ones are given.
        """
        reach = timedelta(hours=1)
        while True:
            # A long pause of a schedule that comes every minute is not walked through.
            begin = max(start, end - reach) if reach < _EVER else start
            found = list(takewhile(lambda each: each <= end, self.after(begin)))
            if begin == start or len(found) > most:
                return found[-most:], len(found) > most
            reach *= 8

    def __str__(self) -> str:
        return f"{' and '.join(self._crons)} ({self.timezone or 'UTC'})"
