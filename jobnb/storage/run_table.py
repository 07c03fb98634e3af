"""The history as a table: runs, the latest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, overload

from jobnb.storage.run import UNREADABLE_TAG, RunRecord, RunsFilter

if TYPE_CHECKING:
    from jobnb.execution.background import Run
    from jobnb.storage.instance import Instance

_SHOWN = 20


class RunTable:
    """Runs of an instance, the latest first; read from the history when used.

    Args:
        instance: Whose runs.
        filters: Which runs; all if absent.
        look_up: Gives a run by its id, or how that begins.
    """

    def __init__(
        self,
        instance: Instance,
        filters: RunsFilter | None = None,
        look_up: Callable[[str], Run] | None = None,
    ) -> None:
        self.instance = instance
        self.filters = filters
        self.look_up = look_up

    def __len__(self) -> int:
        return self.instance.get_runs_count(self.filters)

    def records(self, limit: int | None = None) -> list[RunRecord]:
        """Return the first `limit` runs; all if absent."""
        return list(self.instance.get_run_records(self.filters, limit=limit))

    def __iter__(self) -> Iterator[RunRecord]:
        return iter(self.records())

    @overload
    def __getitem__(self, index: int) -> RunRecord: ...
    @overload
    def __getitem__(self, index: str) -> Run: ...
    def __getitem__(self, index: int | str) -> RunRecord | Run:
        """Return the record at a position; for an id, or its beginning, the run itself."""
        if isinstance(index, str):
            if self.look_up is None:
                raise TypeError("This table has no runs by id: use session.runs.")
            return self.look_up(index)
        if index < 0:
            return self.records()[index]
        return self.records(limit=index + 1)[index]

    def rows(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the runs as plain rows."""
        return [
            {
                "run_id": record.run.run_id,
                "job": record.run.title,
                "status": record.run.status.value,
                "created": record.create_timestamp,
                "seconds": _seconds(record),
                "partition": record.run.partition_key,
                "notebook": record.notebook,
                "tags": dict(record.run.tags),
            }
            for record in self.records(limit)
        ]

    def to_pandas(self) -> Any:
        """Return the runs as a data frame: one row each, times in UTC, durations in seconds."""
        import pandas as pd

        columns = ["run_id", "job", "status", "created", "seconds", "partition", "notebook", "tags"]
        return pd.DataFrame(self.rows(), columns=columns)

    def __repr__(self) -> str:
        lines = [
            f"{row['run_id'][:8]}  {row['status']:<10} "
            f"{row['created'].astimezone():%Y-%m-%d %H:%M:%S}  "
            f"{row['seconds'] or 0:>8.2f} s  {row['job']}{_mark(row)}"
            for row in self.rows(_SHOWN)
        ]
        total = len(self)
        rest = [f"and {total - _SHOWN} more"] if total > _SHOWN else []
        return "\n".join([f"{total} run{'' if total == 1 else 's'}", *lines, *rest])


def _mark(row: dict[str, Any]) -> str:
    return " (unreadable)" if UNREADABLE_TAG in row["tags"] else ""


def _seconds(record: RunRecord) -> float | None:
    if record.start_time is None or record.end_time is None:
        return None
    return record.end_time - record.start_time
