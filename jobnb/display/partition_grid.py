"""Partitions laid out in rows: days by month, hours by day, one dimension against another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from math import ceil, prod

import msgspec

from jobnb.definitions.partitions.cron_times import ScheduleType
from jobnb.definitions.partitions.multi_partitions import MultiPartitionsDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.time_window import TimeWindowPartitionsDefinition

_WRAP = 40  # cells in a row, where nothing else says how many
_FEW = 24  # keys that are listed by name, one in a row
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Row(msgspec.Struct, frozen=True):
    """A row of cells; the cell in column `skip + n` is the partition `first + n * stride`.

    Attributes:
        label: What stands before it.
        first: The place of its first partition among all, from 0.
        count: How many cells it has.
        skip: How many columns are empty before them.
        stride: From one cell to the next, in places.
    """

    label: str
    first: int
    count: int
    skip: int = 0
    stride: int = 1

    def places(self) -> range:
        """Return the places of its partitions."""
        return range(self.first, self.first + self.count * self.stride, self.stride)


class Grid(msgspec.Struct, frozen=True):
    """Partitions in rows.

    Attributes:
        columns: What stands above each column.
        rows: The rows, the earliest first.
        is_matrix: Whether rows and columns are two dimensions; else cells follow each other.
        row_name: What the rows are, where it has a name.
        column_name: What the columns are.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    is_matrix: bool = False
    row_name: str = ""
    column_name: str = ""


def grid_of(partitions_def: PartitionsDefinition, keys: Sequence[str]) -> Grid:
    """Return the grid that fits these partitions.

    Args:
        partitions_def: What they are partitions of.
        keys: Their keys, in order; a row's places count along them.

    Example:
        >>> from jobnb import DailyPartitionsDefinition
        >>> days = DailyPartitionsDefinition("2013-01-30", "2013-02-03")
        >>> [
        ...     (r.label, r.first, r.count, r.skip)
        ...     for r in grid_of(days, days.get_partition_keys()).rows
        ... ]
        [('2013-01', 0, 2, 29), ('2013-02', 2, 2, 0)]
    """
    if isinstance(partitions_def, MultiPartitionsDefinition):
        matrix = _matrix(partitions_def, keys)
        if matrix is not None:
            return matrix
    if isinstance(partitions_def, TimeWindowPartitionsDefinition):
        schedule_type = partitions_def.schedule_type
        if schedule_type is not None:
            return _CALENDARS[schedule_type](partitions_def, keys)
    return _wrapped(keys)


def _wrapped(keys: Sequence[str]) -> Grid:
    """Return a few keys by name, one below the other; of many, each row is called by its first."""
    if len(keys) <= _FEW:
        return Grid(("",) if keys else (), tuple(Row(key, at, 1) for at, key in enumerate(keys)))
    rows = [
        Row(keys[start], start, min(_WRAP, len(keys) - start))
        for start in range(0, len(keys), _WRAP)
    ]
    return Grid(tuple("" for _ in range(min(_WRAP, len(keys)))), tuple(rows))


# --- calendars --------------------------------------------------------------


def _calendar(
    keys: Sequence[str],
    row_of: Callable[[str], str],
    column_of: Callable[[str], int],
    columns: Sequence[str],
) -> Grid:
    """Return rows by label; a row starts in the column of its first key, without gaps."""
    rows: list[Row] = []
    place = 0
    for label, group in groupby(keys, row_of):
        for run in _runs([column_of(key) for key in group]):
            rows.append(Row(label, place, len(run), run[0]))
            place += len(run)
    return Grid(tuple(columns), tuple(rows))


def _runs(columns: list[int]) -> Iterator[list[int]]:
    """Iterate over runs of consecutive columns; a missing day or repeated hour starts another."""
    run: list[int] = []
    for column in columns:
        if run and column != run[-1] + 1:
            yield run
            run = []
        run.append(column)
    if run:
        yield run


def _starts(
    partitions_def: TimeWindowPartitionsDefinition, keys: Sequence[str]
) -> dict[str, datetime]:
    """Return the start of each partition, on the clock of its time zone."""
    fmt = partitions_def.fmt
    if fmt.startswith("%Y-%m-%d"):  # read five times faster than any format
        hours = fmt[8:11] == "-%H"
        return {
            key: datetime.fromisoformat(f"{key[:10]}T{key[11:13]}" if hours else key[:10])
            for key in keys
        }
    return {key: partitions_def.start_time_for_partition_key(key) for key in keys}


def _days(partitions_def: TimeWindowPartitionsDefinition, keys: Sequence[str]) -> Grid:
    at = _starts(partitions_def, keys)
    return _calendar(
        keys,
        lambda key: f"{at[key].year}-{at[key].month:02}",
        lambda key: at[key].day - 1,
        [str(day) for day in range(1, 32)],
    )


def _hours(partitions_def: TimeWindowPartitionsDefinition, keys: Sequence[str]) -> Grid:
    at = _starts(partitions_def, keys)
    return _calendar(
        keys,
        lambda key: str(at[key].date()),
        lambda key: at[key].hour,
        [f"{hour:02}" for hour in range(24)],
    )


def _weeks(partitions_def: TimeWindowPartitionsDefinition, keys: Sequence[str]) -> Grid:
    at = _starts(partitions_def, keys)
    return _calendar(
        keys,
        lambda key: str(at[key].isocalendar().year),
        lambda key: at[key].isocalendar().week - 1,
        [f"w{week}" for week in range(1, 54)],
    )


def _months(partitions_def: TimeWindowPartitionsDefinition, keys: Sequence[str]) -> Grid:
    at = _starts(partitions_def, keys)
    return _calendar(keys, lambda key: str(at[key].year), lambda key: at[key].month - 1, _MONTHS)


_CALENDARS = {
    ScheduleType.HOURLY: _hours,
    ScheduleType.DAILY: _days,
    ScheduleType.WEEKLY: _weeks,
    ScheduleType.MONTHLY: _months,
}


# --- two dimensions ---------------------------------------------------------


def _matrix(partitions_def: MultiPartitionsDefinition, keys: Sequence[str]) -> Grid | None:
    """Return one dimension down and the others across; None unless all combinations exist."""
    names = partitions_def.partition_dimension_names
    parts = [tuple(str(key).split("|")) for key in keys]
    sides = [list(dict.fromkeys(part[place] for part in parts)) for place in range(len(names))]
    if not keys or len(keys) != prod(map(len, sides)):
        return None
    primary = names.index(partitions_def.primary_dimension.name)
    if primary == len(names) - 1 and len(names) == 2:
        # The last dimension varies fastest: its neighbours stand next to each other.
        down, across = sides[1], sides[0]
        rows = tuple(
            Row(label, place, len(across), 0, len(down)) for place, label in enumerate(down)
        )
        return Grid(tuple(across), rows, True, names[1], names[0])
    down, wide = sides[0], len(keys) // len(sides[0])
    across = [" | ".join(part[1:]) for part in parts[:wide]]
    rows = tuple(Row(label, place * wide, wide) for place, label in enumerate(down))
    return Grid(tuple(across), rows, True, names[0], " | ".join(names[1:]))


def binned(count: int, most: int) -> list[range]:
    """Divide `count` places into at most `most` intervals of about the same length.

    Example:
        >>> binned(5, 2)
        [range(0, 3), range(3, 5)]
    """
    size = max(1, ceil(count / most))
    return [range(start, min(count, start + size)) for start in range(0, count, size)]
