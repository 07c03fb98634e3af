"""Start a run: plan a run spec, record the run, and create its scope.

What only some runs need is imported where it turns out that they do: assets with their code,
partitions, earlier runs. A first run of a few ops would spend most of its time on these.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from jobnb.definitions.jobs.job_config import OBSERVATION_JOB, is_nameless, job_words, run_words
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.plain import check_tags
from jobnb.definitions.types import NOTHING
from jobnb.errors import InvariantViolationError
from jobnb.execution.executors.choice import JOBS_OWN, AskedExecutor, asked_executor, with_executor
from jobnb.execution.run import HANDLED, RunScope
from jobnb.execution.spec import RunSpec
from jobnb.execution.stopping import Interrupts, Stop, Stopping
from jobnb.execution.watch import opened
from jobnb.plan.build import build_plan
from jobnb.plan.step import Plan
from jobnb.state import RunStatus
from jobnb.storage.instance import Instance
from jobnb.storage.run import PARENT_TAG, RESUME_TAG, ROOT_TAG, JobRun, new_run_id
from jobnb.storage.run_log import BatchLog, FollowedLog, RunBatch, RunLog
from jobnb.storage.values import mem_io_manager

if TYPE_CHECKING:
    from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore
    from jobnb.execution.reexecution import Elements, Repetition
    from jobnb.plan.partitions import RunPartitions
    from jobnb.staleness.choice import StaleChoice
    from jobnb.staleness.versions import CodeVersions


class _PlannedRun(NamedTuple):
    """A planned run that is not in the history yet."""

    plan: Plan
    tags: Mapping[str, str]
    parent: JobRun | None
    again: Repetition | None
    choice: StaleChoice | None
    executor: AskedExecutor


def start(spec: RunSpec, interrupts: Interrupts, stop: Stop | None = None) -> RunScope:
    """Plan the run, record it, and return its scope; no step has run yet.

    Args:
        spec: What is asked for.
        interrupts: Those of this thread, entered: from the record of the run on, they wait.
        stop: The signal that stops the run; None if by these interrupts only.

    Raises:
        InvalidConfigError: If the run config does not fit; there is no run then.
        InvalidSubsetError: If a selection names what is not there.
        RunNotFoundError: If the run to repeat is not there.
    """
    plan, tags, parent, again, choice, executor = interrupts.call(_planned, spec)
    chosen: Elements | None = again.chosen if again is not None else None
    if choice is not None:
        chosen = dict.fromkeys(choice.steps)
    scope = open_run(
        plan,
        spec.instance,
        tags=tags,
        run_id=spec.run_id,
        parent=parent,
        chosen=chosen,
        keep_outputs=spec.keep_outputs,
        stop=stop or interrupts,
        executor=executor,
        detached=spec.detach,
        awaited=stop is None and not spec.detach,
    )
    if again is not None:
        keep_earlier(scope, again)
    if choice is not None:
        _keep_fresh(scope, choice)
    scope.in_process = spec.in_process
    if plan.job.asset_layer is not None and not plan.steps:
        from jobnb.staleness.survey import nothing_stands_so

        scope.notes += filter(None, [nothing_stands_so(plan.job)])
    return scope


def plan_of(spec: RunSpec) -> Plan:
    """Plan what is asked for; nothing of it is recorded.

    Raises:
        InvalidConfigError: If the run config does not fit.
        InvalidSubsetError: If a selection names what is not there.
    """
    return _plan_and_more(spec)[0]


def _planned(spec: RunSpec) -> _PlannedRun:
    plan, spec, tags, partitions, parent = _plan_and_more(spec)
    instance, job = spec.instance, plan.job
    steps = spec.repeats.step_selection if spec.repeats is not None else ()
    again = None
    if parent and steps:
        from jobnb.execution.reexecution import repetition_of

        again = repetition_of(plan, instance, parent, steps)
    choice = stale_choice(plan, instance, spec.place_of) if spec.stale_only and not steps else None
    warn_of_others(instance, job, plan.asset_keys)
    executor = asked_executor(spec.executor)
    tags = run_tags(job, tags, partitions, instance)
    return _PlannedRun(plan, tags, parent, again, choice, executor)


def _plan_and_more(
    spec: RunSpec,
) -> tuple[Plan, RunSpec, Mapping[str, str], RunPartitions | None, JobRun | None]:
    """Return the plan, with the spec, tags, partitions and parent run that it was built from."""
    instance, parent = spec.instance, None
    if spec.repeats is not None:
        from jobnb.execution.reexecution import parent_of

        parent = parent_of(instance, spec.repeats.parent_run_id)
        spec = _taken_over(spec, parent)
    job = with_executor(spec.job, spec.executor)
    layer = job.asset_layer
    if layer is not None and layer.is_undecided and not (parent and parent.asset_selection):
        from jobnb.staleness.survey import as_it_stands

        job = as_it_stands(job, instance)
    job = subset_of(job, spec.op_selection, spec.asset_selection, spec.asset_check_selection)
    tags = {**job.tags, **(spec.tags or {})}
    could = spec.partition is not None or tags or getattr(job.graph, "is_partitioned", False)
    partitions = _partitions_of(spec, job, tags) if could else None
    plan = build_plan(
        job,
        run_config=spec.config,
        input_values=spec.input_values,
        partitions=partitions,
        resources=in_memory_resources(job, spec.resources) if spec.in_memory else spec.resources,
    )
    return plan, spec, tags, partitions, parent


def _partitions_of(
    spec: RunSpec, job: JobDefinition, tags: Mapping[str, str]
) -> RunPartitions | None:
    """Return the partitions that are asked for, by name or by the tags of the run."""
    from jobnb.plan.partitions import asked_in_tags, run_partitions

    asked = asked_in_tags(job, tags) if tags and spec.partition is None else spec.partition
    if asked is None and job.asset_layer is None:
        return None
    # Calls with Dagster's name run in this process; `launch` and the session's have their own.
    argument = "partition_key" if spec.in_process else "partition"
    return run_partitions(job, asked, spec.instance, argument)


def open_run(
    plan: Plan,
    instance: Instance,
    *,
    tags: Mapping[str, str],
    run_id: str | None = None,
    parent: JobRun | None = None,
    chosen: Elements | None = None,
    keep_outputs: bool = False,
    stop: Stopping | None = None,
    batch: RunBatch | None = None,
    executor: AskedExecutor = JOBS_OWN,
    detached: bool = False,
    versions: CodeVersions | None = None,
    awaited: bool = False,
) -> RunScope:
    """Record the run of a plan and give its scope.

    Args:
        plan: What it does.
        instance: Where its history goes.
        tags: All its tags.
        run_id: Its id; a new one if None.
        parent: The run that it repeats.
        chosen: The numbers of the steps that run, and for which elements; None for all.
        keep_outputs: Whether values in memory are kept after their last reader.
        stop: The signal that stops it.
        batch: Records it together with other runs, where it is one of many.
        executor: The executor that was asked for.
        detached: Whether another process does it and writes its log.
        versions: Code that was read before, where several runs are of the same definitions.
        awaited: Whether nobody knows of it before its first events, with which it is recorded.
    """
    if versions is None and (instance.is_persistent or plan.job.asset_layer is not None):
        from jobnb.staleness.versions import CodeVersions  # of ops in memory, no code is read

        versions = CodeVersions()
    queued = instance.is_persistent and instance.run_queue.is_on
    record = JobRun(
        plan.job.name,
        run_id or new_run_id(),
        run_config=plan.run_config,
        asset_selection=frozenset(plan.asset_keys or _observed(plan)) or None,
        asset_check_selection=plan.check_selection,
        op_selection=_selection_of(plan),
        step_keys_to_execute=_keys_of(plan, chosen),
        tags=tags,
        parent_run_id=parent.run_id if parent else None,
        root_run_id=(parent.root_run_id or parent.run_id) if parent else None,
        notebook=instance.launcher,
        executor=executor.name,
        executor_config=executor.config,
        is_detached=detached,
        # Only a history that lasts is compared with later definitions.
        code_versions=(
            _noted_code(versions, plan, instance) if versions and instance.is_persistent else {}
        ),
        status=RunStatus.QUEUED if queued else RunStatus.NOT_STARTED,
    )
    log: RunLog | BatchLog | FollowedLog
    if batch is not None and not queued:
        log = batch.begin(record)
    elif awaited and not queued and run_id is None:
        log = instance.open_log(record, is_new=True)
    else:
        record = instance.create_run(record)
        log = FollowedLog(record) if detached else instance.open_log(record)
    if not isinstance(log, FollowedLog):
        for tell in opened:
            tell(log)
    numbers = frozenset(chosen) if chosen is not None else None
    scope = RunScope(plan, instance, record, log, keep_outputs, numbers, stop)
    scope.code_versions = versions
    if chosen is not None:
        scope.elements = {i: some for i, some in chosen.items() if some is not None}
    return scope


def _noted_code(versions: CodeVersions, plan: Plan, instance: Instance) -> dict[str, str]:
    """Return the versions of the code of a plan, whose text is stored where it is not yet."""
    found = versions.of_plan(plan)
    if not found.items() <= instance.noted_code:  # as the first time
        from jobnb.staleness.listings import store_listings

        store_listings(instance, plan, versions, found)
    return found


def _observed(plan: Plan) -> list[AssetKey]:
    """Return the assets that a run observes which makes none."""
    if plan.job.name != OBSERVATION_JOB:
        return []
    return [each.key for step in plan.steps for each in step.observes]


def _selection_of(plan: Plan) -> Sequence[str] | None:
    """Return the selection of ops, as one that can be made of the whole job."""
    return [step.key for step in plan.steps] if plan.job.selected_within else plan.job.selected_ops


def _keys_of(plan: Plan, chosen: Elements | None) -> list[str] | None:
    """Return the keys of the steps to run, in order, with elements if only some; None for all."""
    if chosen is None:
        return None
    keys = []
    for index in (i for group in plan.order for i in group if i in chosen):
        key, some = plan.steps[index].key, chosen[index]
        keys += [key] if some is None else [f"{key}[{each}]" for each in sorted(some)]
    return keys


def _taken_over(spec: RunSpec, parent: JobRun) -> RunSpec:
    """Fill in the spec of a repeated run from the earlier one."""
    if parent.job_name != spec.job.name:
        raise InvariantViolationError(
            f"The run {parent.run_id} is of {job_words(parent.job_name)} and cannot be repeated "
            f"with {job_words(spec.job.name)}."
        )
    assets, checks, job = spec.asset_selection, spec.asset_check_selection, spec.job
    if spec.op_selection is None and parent.op_selection:  # which says all, also the job's own
        job = job.replaced(op_selection=parent.op_selection, selected_within=())
    if not assets and spec.job.asset_layer is not None and parent.asset_selection:
        assets = sorted(parent.asset_selection, key=lambda key: tuple(key.path))
    if checks is None and parent.asset_check_selection is not None:
        checks = sorted(parent.asset_check_selection)
    executor = spec.executor
    if executor is None:
        executor = AskedExecutor(parent.executor, parent.executor_config).again
    own = {PARENT_TAG: parent.run_id, ROOT_TAG: parent.root_run_id or parent.run_id}
    if spec.repeats is not None and spec.repeats.step_selection:
        own[RESUME_TAG] = "true"
    inherited = {key: value for key, value in parent.tags.items() if key != RESUME_TAG}
    return replace(
        spec,
        config=parent.run_config if spec.config is None else spec.config,
        executor=executor,
        job=job,
        asset_selection=assets,
        asset_check_selection=checks,
        tags={**inherited, **(spec.tags or {}), **own},
    )


def subset_of(
    job: JobDefinition,
    op_selection: Sequence[str] | None,
    asset_selection: Sequence[Any] | None,
    asset_check_selection: Sequence[Any] | None = None,
) -> JobDefinition:
    """Return the selected part of a job.

    Raises:
        InvariantViolationError: If assets are selected of a job that makes none.
    """
    checks = asset_check_selection
    if (asset_selection or checks) and job.asset_layer is None:
        name = "asset_selection" if asset_selection else "asset_check_selection"
        raise InvariantViolationError(
            f"{job_words(job.name, begins=True)} makes no assets: {name} has nothing "
            "to choose from. Use op_selection."
        )
    if not op_selection and not asset_selection and checks is None:
        return job
    from jobnb.definitions.selections.selection import check_keys_of

    return job.get_subset(
        op_selection=op_selection,
        asset_selection=[AssetKey.from_coercible(key) for key in asset_selection or ()] or None,
        asset_check_selection=(
            None if checks is None else [key for each in checks for key in check_keys_of(each)]
        ),
    )


def run_tags(
    job: JobDefinition,
    tags: Mapping[str, str] | None,
    partitions: RunPartitions | None,
    store: DynamicPartitionsStore | None,
) -> dict[str, str]:
    """Return the tags of a run: those of the job, of its partitions, and those given."""
    merged = {**job.tags, **check_tags(tags, run_words(job.name))}
    if partitions is None:
        return merged
    from jobnb.plan.partitions import PARTITION_TAGS

    key = partitions.single
    if key is not None and not is_nameless(job.name):
        merged = {**job.get_tags_for_partition_key(key), **merged}
    kept = {tag: text for tag, text in merged.items() if tag not in PARTITION_TAGS}
    return {**kept, **partitions.tags(store)}


def in_memory_resources(
    job: JobDefinition, resources: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Return the resources, with an IO manager in memory unless one is given.

    Those of assets are stored all the same: what is made can be loaded.
    """
    named = "io_manager" in job.resource_defs or "io_manager" in (resources or {})
    if named or job.asset_layer is not None:
        return resources
    return {**(resources or {}), "io_manager": mem_io_manager}


# --- notebooks that share a home -----------------------------------------------------

_warned: set[tuple[str, str, str]] = set()


def warn_of_others(instance: Instance, job: JobDefinition, keys: Collection[AssetKey]) -> None:
    """Warn, once each, of assets that another notebook has made last, with other code."""
    layer = job.asset_layer
    if layer is None or not instance.is_persistent:
        return
    others = instance.made_elsewhere(keys)
    if not others:
        return
    from jobnb.staleness.statuses import defined_assets
    from jobnb.staleness.versions import CODE

    made, defined = instance.last_made(others), defined_assets(layer.assets)
    for key, notebook in others.items():
        mark = str(instance.home), key.to_user_string(), notebook
        recorded = made[key].tags.get(CODE) if key in made else None
        if recorded in (None, defined[key].code) or mark in _warned:
            continue
        _warned.add(mark)
        warnings.warn(
            f"Asset {mark[1]!r} was last materialized by {notebook}; {instance.launcher} defines "
            "it differently. Materializing it overwrites its value. Give one of them another name "
            "or key prefix, or set JOBNB_HOME to a home of its own.",
            stacklevel=_levels_above(),
        )


def _levels_above() -> int:
    """Return the number of calls between a warning and the user's code."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("jobnb."):
        frame, level = frame.f_back, level + 1
    return level


# --- what earlier runs have made ----------------------------------------------------


def keep_earlier(scope: RunScope, again: Repetition) -> None:
    """Put the values of earlier runs into their slots; return what has to run again."""
    for slot, kept in again.kept.items():
        if isinstance(kept, dict):
            scope.values[slot] = {key: each.value for key, each in kept.items()}
            scope.origins |= {(slot, key): each.run_id for key, each in kept.items()}
        else:
            scope.values[slot], scope.origins[slot, None] = kept.value, kept.run_id
    if again.lost:
        scope.notes.append(
            f"{', '.join(map(repr, again.lost))} run again, too: what they gave in the earlier run "
            "was kept in memory only, or is gone."
        )


# --- skipping what is fresh ---------------------------------------------------------


def stale_choice(
    plan: Plan, instance: Instance, place: Callable[[AssetKey], str] | None = None
) -> StaleChoice:
    """Choose what of a plan has to run; see `jobnb.staleness.choice.choose_stale`."""
    from jobnb.staleness.choice import choose_stale

    in_memory = [key for key, each in plan.resources.items() if each is mem_io_manager]
    return choose_stale(plan, instance, in_memory, place)


def _keep_fresh(scope: RunScope, choice: StaleChoice) -> None:
    """Mark the outputs of what is skipped as stored, and say so when the run begins."""
    for step in scope.plan.steps:
        if step.index not in choice.steps:
            for out in step.outputs:
                scope.values[out.slot] = None if out.data_type is NOTHING else HANDLED
                if out.asset_key is not None and out.asset_key in choice.fresh:
                    scope.origins[out.slot, None] = choice.fresh[out.asset_key]
    scope.fresh = tuple(choice.fresh)
    if choice.words:
        scope.notes.append(choice.words)
