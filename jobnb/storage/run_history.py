"""The part of an instance that reads, tags and deletes runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import jobnb.events as ev
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.plain import check_tags
from jobnb.errors import RunNotFoundError
from jobnb.state import RunState, fold
from jobnb.storage.records import JobRunStats
from jobnb.storage.run import JobBucket, JobRun, RunRecord, RunsFilter, TagBucket

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobnb.storage.history import History

_STATS_KINDS = frozenset(
    kind.event_type.value
    for kind in (ev.StepSucceeded, ev.StepFailed, ev.AssetMaterialized, ev.ExpectationChecked,
                 ev.RunStarting, ev.RunStarted)
)  # fmt: skip


class RunHistory:
    """Reads, tags and deletes runs.

    Args:
        history: What it reads and writes.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def get_runs(
        self,
        filters: RunsFilter | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        bucket_by: JobBucket | TagBucket | None = None,
        ascending: bool = False,
    ) -> Sequence[JobRun]:
        """Return runs, newest first.

        Args:
            filters: Which ones.
            cursor: The id of the last run of the page before.
            limit: How many at most.
            bucket_by: At most so many of each job, or of each value of a tag.
            ascending: Oldest first instead.

        Raises:
            RunNotFoundError: If the run that `cursor` names is gone.

        Example:
            >>> from jobnb.storage.instance import Instance
            >>> instance = Instance.ephemeral()
            >>> for _ in range(3):
            ...     run = instance.create_run(JobRun("daily"))
            >>> page = instance.get_runs(limit=2)
            >>> len(page), len(instance.get_runs(cursor=page[-1].run_id))
            (2, 1)

        Source: Dagster's `DagsterInstance.get_runs`.
        """
        records = self.get_run_records(
            filters, limit, cursor=cursor, bucket_by=bucket_by, ascending=ascending
        )
        return [record.dagster_run for record in records]

    def get_run_records(
        self,
        filters: RunsFilter | None = None,
        limit: int | None = None,
        order_by: str | None = None,
        ascending: bool = False,
        cursor: str | None = None,
        bucket_by: JobBucket | TagBucket | None = None,
    ) -> Sequence[RunRecord]:
        """Return runs with their times, newest first.

        Args:
            filters: Which ones.
            limit: How many at most.
            order_by: `id`, `create_timestamp`, `update_timestamp`, `start_time` or `end_time`.
            ascending: Lowest first instead.
            cursor: The id of the last run of the page before.
            bucket_by: At most so many of each job, or of each value of a tag.

        Raises:
            RunNotFoundError: If the run that `cursor` names is gone.
        """
        from jobnb.storage import run_queries

        return self._history.read(
            lambda connection: run_queries.find_records(
                connection, filters, cursor=cursor, limit=limit, order_by=order_by,
                ascending=ascending, bucket_by=bucket_by,
            )
        )  # fmt: skip

    def get_run_by_id(self, run_id: str) -> JobRun | None:
        """Return the run with this id, or None."""
        record = self.get_run_record_by_id(run_id)
        return record.dagster_run if record is not None else None

    def get_run_record_by_id(self, run_id: str) -> RunRecord | None:
        """Return the run with this id and its times, or None.

        Raises:
            StorageError: If the status that it has is none that is known here.
        """
        from jobnb.storage.run_queries import check_status

        found = self.get_run_records(RunsFilter(run_ids=[run_id]), limit=1)
        for record in found:
            check_status(record)
            return record
        return None

    def get_run_ids(
        self, filters: RunsFilter | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Sequence[str]:
        """Return the ids of runs, newest first; see `get_runs`."""
        from jobnb.storage import run_queries

        return self._history.read(
            lambda connection: run_queries.find_run_ids(connection, filters, cursor, limit)
        )

    def get_runs_count(self, filters: RunsFilter | None = None) -> int:
        """Count the runs that match."""
        from jobnb.storage import run_queries

        return self._history.read(lambda connection: run_queries.count_runs(connection, filters))

    def has_run(self, run_id: str) -> bool:
        """Whether there is a run with this id."""
        return self.get_runs_count(RunsFilter(run_ids=[run_id])) > 0

    def get_run_group(self, run_id: str) -> tuple[str, Sequence[JobRun]]:
        """Return the id of the first run of a chain of repetitions, and all runs of the chain.

        Raises:
            RunNotFoundError: If there is no such run.
        """
        from jobnb.storage import run_queries

        return self._history.read(lambda connection: run_queries.find_group(connection, run_id))

    def get_run_tags(
        self,
        tag_keys: Sequence[str] | None = None,
        value_prefix: str | None = None,
        limit: int | None = None,
    ) -> Sequence[tuple[str, set[str]]]:
        """Return the tags of all runs, each with its values.

        Args:
            tag_keys: Of these tags only.
            value_prefix: Values that begin so only.
            limit: How many pairs of tag and value at most.
        """
        from jobnb.storage import run_queries

        return self._history.read(
            lambda connection: run_queries.find_tags(connection, tag_keys, value_prefix, limit)
        )

    def get_run_tag_keys(self) -> Sequence[str]:
        """Return every tag that any run has."""
        from jobnb.storage import run_queries

        return self._history.read(run_queries.tag_keys)

    def get_run_notebooks(self) -> Sequence[str]:
        """Return every notebook, script or module that launched any run."""
        from jobnb.storage import run_queries

        return self._history.read(run_queries.notebooks)

    def made_elsewhere(self, keys: Collection[AssetKey]) -> dict[AssetKey, str]:
        """Return the assets that another notebook materialized last, with that notebook.

        Args:
            keys: The assets that are asked for.
        """
        from jobnb.storage import run_queries

        own, wanted = self._history.launcher, {key.to_string(): key for key in keys}
        if own is None or not wanted:
            return {}
        found = self._history.read(
            lambda connection: run_queries.other_notebooks(connection, wanted.keys(), own)
        )
        return {wanted[name]: notebook for name, notebook in found}

    def launched_elsewhere(self, run_id: str) -> str:
        """Return the notebook that launched a run, if it is another than this."""
        run, own = self.get_run_by_id(run_id), self._history.launcher
        known = run is not None and own is not None and run.notebook != own
        return (run.notebook or "") if run is not None and known else ""

    def add_run_tags(self, run_id: str, new_tags: Mapping[str, str]) -> None:
        """Add tags to a run; existing ones get the new value.

        Raises:
            RunNotFoundError: If there is no such run.
        """
        from jobnb.storage import run_queries, writing

        tags = dict(check_tags(new_tags, f"the run {run_id!r}"))
        self._history.write(
            lambda connection: writing.replace_tags(
                connection, run_queries.change_tags(connection, run_id, tags)
            )
        )

    def delete_run(self, run_id: str) -> None:
        """Delete a run with its log; its assets return to the records of the run before.

        Raises:
            RunNotFoundError: If there is no such run.
        """
        from jobnb.storage import asset_queries, run_queries

        if not self.has_run(run_id):
            raise RunNotFoundError(f"There is no run {run_id!r} in this history.")
        for log in self._history.logs_of(run_id):
            log.discard()
            self._history.forget_log(log)

        def work(connection: Connection) -> None:
            run_queries.remove_run(connection, run_id)
            asset_queries.forget_run(connection, run_id)

        self._history.write(work)

    def run_state(self, run_id: str) -> RunState:
        """Return the state of a run, step by step; also while any process executes it.

        Raises:
            RunNotFoundError: If there is no such run.
        """
        from jobnb.storage import event_queries

        run = self.get_run_by_id(run_id)
        if run is None:
            raise RunNotFoundError(f"There is no run {run_id!r} in this history.")
        state = RunState(status=run.status, job_name=run.job_name)
        return self._history.read(
            lambda connection: fold(
                (event for _, _, event in event_queries.run_events(connection, run_id)), state
            )
        )

    def get_run_stats(self, run_id: str) -> JobRunStats:
        """Return a run in numbers.

        Raises:
            RunNotFoundError: If there is no such run.
        """
        from jobnb.storage import event_queries

        record = self.get_run_record_by_id(run_id)
        if record is None:
            raise RunNotFoundError(f"There is no run {run_id!r} in this history.")
        found: list[ev.Event] = self._history.read(
            lambda connection: [
                event
                for _, _, event in event_queries.run_events(connection, run_id, kinds=_STATS_KINDS)
            ]
        )
        return JobRunStats(
            run_id=run_id,
            steps_succeeded=sum(isinstance(event, ev.StepSucceeded) for event in found),
            steps_failed=sum(isinstance(event, ev.StepFailed) for event in found),
            materializations=sum(isinstance(event, ev.AssetMaterialized) for event in found),
            expectations=sum(isinstance(event, ev.ExpectationChecked) for event in found),
            launch_time=next((e.time for e in found if isinstance(e, ev.RunStarting)), None),
            start_time=record.start_time,
            end_time=record.end_time,
        )
