"""Record runs that something launches later: of a job, and again of a run of the history."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobnb.errors import InvariantViolationError
from jobnb.state import RunStatus, StepStatus
from jobnb.storage.run import PARENT_TAG, RESUME_TAG, ROOT_TAG, JobRun, new_run_id
from jobnb.storage.run_history import RunHistory

if TYPE_CHECKING:
    from jobnb.definitions.jobs.job_definition import JobDefinition
    from jobnb.definitions.keys import AssetKey
    from jobnb.storage.history import History


class RecordedRuns:
    """Records runs that `launch_run` begins later.

    Args:
        history: The history that they are added to.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def create_run_for_job(
        self,
        job_def: JobDefinition,
        execution_plan: Any = None,
        run_id: str | None = None,
        run_config: Mapping[str, Any] | None = None,
        resolved_op_selection: Collection[str] | None = None,
        status: RunStatus | None = None,
        tags: Mapping[str, str] | None = None,
        root_run_id: str | None = None,
        parent_run_id: str | None = None,
        op_selection: Sequence[str] | None = None,
        asset_selection: Collection[AssetKey] | None = None,
        external_job_origin: Any = None,
        job_code_origin: Any = None,
        repository_load_data: Any = None,
    ) -> JobRun:
        """Record a run of a job, which `launch_run` begins.

        Args:
            job_def: The job.
            execution_plan: Not used: the run is planned when it begins.
            run_id: Its id; a new one if None.
            run_config: Its run config; that of the job if None.
            resolved_op_selection: The ops that a selection came to.
            status: Its status; not started if None.
            tags: Tags, beside those of the job.
            root_run_id: The first of the chain of runs that it repeats.
            parent_run_id: The run that it repeats.
            op_selection: The ops that run.
            asset_selection: The assets that are materialized.
            external_job_origin: Not used.
            job_code_origin: Not used.
            repository_load_data: Not used.
        """
        own_config = job_def.run_config
        config = own_config if run_config is None and own_config is not None else run_config
        chosen = None if resolved_op_selection is None else frozenset(resolved_op_selection)
        record = JobRun(
            job_def.name,
            run_id or new_run_id(),
            run_config=dict(config or {}),
            asset_selection=None if asset_selection is None else frozenset(asset_selection),
            op_selection=op_selection,
            resolved_op_selection=chosen,
            status=status or RunStatus.NOT_STARTED,
            tags={**job_def.tags, **(tags or {})},
            root_run_id=root_run_id,
            parent_run_id=parent_run_id,
        )
        return self._history.create_run(record)

    def create_reexecuted_run(
        self,
        *,
        parent_run: JobRun,
        code_location: Any = None,
        external_job: Any = None,
        strategy: Any = "ALL_STEPS",
        extra_tags: Mapping[str, Any] | None = None,
        run_config: Mapping[str, Any] | None = None,
        use_parent_run_tags: bool = False,
    ) -> JobRun:
        """Record a run that repeats another one, which `launch_run` begins.

        Args:
            parent_run: The run that is repeated.
            code_location: Not used: the job is looked up when the run begins.
            external_job: Not used.
            strategy: `ALL_STEPS`, or `FROM_FAILURE`: only what did not succeed.
            extra_tags: More tags.
            run_config: The run config; that of the parent if None.
            use_parent_run_tags: Whether the tags of the parent are taken over.

        Raises:
            InvariantViolationError: If it is repeated from a failure, and has not failed.
        """
        name = str(getattr(strategy, "value", strategy))
        root = parent_run.root_run_id or parent_run.run_id
        tags = {**(parent_run.tags if use_parent_run_tags else {}), **(extra_tags or {})}
        tags |= {ROOT_TAG: root, PARENT_TAG: parent_run.run_id}
        steps: Sequence[str] | None = parent_run.step_keys_to_execute
        if name == "FROM_FAILURE":
            if parent_run.status not in (RunStatus.FAILURE, RunStatus.CANCELED):
                raise InvariantViolationError(
                    f"The run {parent_run.run_id} did not fail: repeat all of it, with ALL_STEPS."
                )
            done = StepStatus.SUCCEEDED
            state = RunHistory(self._history).run_state(parent_run.run_id)
            steps = [key for key, step in state.steps.items() if step.status is not done]
            tags[RESUME_TAG] = "true"
        elif name != "ALL_STEPS":
            raise InvariantViolationError(
                f"The strategy is {strategy!r}. Use 'ALL_STEPS' or 'FROM_FAILURE'."
            )
        record = JobRun(
            parent_run.job_name,
            run_config=parent_run.run_config if run_config is None else run_config,
            asset_selection=parent_run.asset_selection,
            asset_check_selection=parent_run.asset_check_selection,
            op_selection=parent_run.op_selection,
            step_keys_to_execute=steps,
            tags=tags,
            root_run_id=root,
            parent_run_id=parent_run.run_id,
        )
        return self._history.create_run(record)
