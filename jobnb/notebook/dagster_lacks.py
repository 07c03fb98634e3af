"""What of a notebook Dagster cannot execute, and the functions that its module brings along."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jobnb.config.dagster_fields import refused_by_dagster
from jobnb.config.model import Config
from jobnb.notebook.module_imports import ImportedName, imported_by
from jobnb.notebook.module_statements import Statement, is_builtin, last_giver, statements_of

LACKED = frozenset(
    {
        "AssetCheckFailedError",
        "AssetJobDefinition",
        "AssetRecord",
        "AssetStatus",
        "AssetStatuses",
        "Automation",
        "Backfill",
        "BackfillStatus",
        "Cause",
        "CoercibleToAssetKey",
        "ConcurrencyKeyInfo",
        "DefaultRunCoordinator",
        "DefinitionsDiff",
        "DynamicPartitionsStore",
        "ErrorInfo",
        "ExecutedNotebook",
        "FreshnessPolicySensorContext",
        "FreshnessPolicySensorDefinition",
        "InstigatorState",
        "InstigatorStatus",
        "JobPartitionTable",
        "MissingResourceError",
        "NodeDefinition",
        "NotebookError",
        "PARTITION_TAG",
        "PartitionBackfill",
        "PartitionConfigError",
        "PartitionDimensionDefinition",
        "PartitionLoadingContext",
        "PartitionTable",
        "PartitionsSubset",
        "ReconstructableJob",
        "Run",
        "RunState",
        "RunTable",
        "RunTimeoutError",
        "ScheduleExecutionData",
        "ScheduleType",
        "SensorExecutionData",
        "SensorType",
        "Session",
        "StaleStatus",
        "StepStatus",
        "StepTimeoutError",
        "StorageError",
        "Tick",
        "TickStatus",
        "UnknownInputError",
        "UnknownJobError",
        "UpstreamPartitionsResult",
        "WorkerLostError",
        "async_executor",
        "build_freshness_policy_sensor_context",
        "dask_executor",
        "event_list_hook",
        "external_asset_from_spec",
        "external_assets_from_specs",
        "fold",
        "freshness_policy_sensor",
        "job_after",
        "make_desktop_on_run_failure_sensor",
        "make_webhook_on_run_failure_sensor",
        "notebook_asset",
        "notebook_op",
        "observe",
        "session",
        "thread_executor",
    }
)
"""The public names of jobnb that `dagster` does not have."""

_JOB_AFTER = '''\
def job_after(
    earlier,
    job,
    *,
    run_status="SUCCESS",
    name=None,
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=None,
):
    """Create a sensor that launches a job once after each run of another one."""
    before = earlier if isinstance(earlier, str) else earlier.name
    has_partitions = getattr(job, "partitions_def", None) is not None

    @run_status_sensor(
        name=name or f"{job.name}_after_{before}",
        run_status=DagsterRunStatus(getattr(run_status, "value", run_status)),
        monitored_jobs=None if isinstance(earlier, str) else [earlier],
        request_job=job,
        default_status=default_status,
        minimum_interval_seconds=minimum_interval_seconds,
        description=f"Launches {job.name} after {before}.",
    )
    def launch_after(context):
        run = context.dagster_run
        if run.job_name != before:
            return SkipReason(f"{run.job_name} is not {before}.")
        partition = run.tags.get("dagster/partition") if has_partitions else None
        return RunRequest(run_key=run.run_id, partition_key=partition)

    return launch_after
'''

STAND_INS: Mapping[str, str] = {"job_after": _JOB_AFTER}
"""Functions of jobnb as a module for Dagster defines them itself, with Dagster's own names."""


def lacked_by_dagster(
    statements: list[Statement],
    variables: Mapping[str, Any],
    givers: Mapping[str, list[int]],
) -> dict[int, str]:
    """Return the statements that Dagster cannot execute, by number, with the reasons.

    Args:
        statements: All statements of a notebook.
        variables: What they have defined.
        givers: The numbers of the statements that define each name.
    """
    imports = _names_of_jobnb(statements, givers)
    found: dict[int, str] = {}
    for number, each in enumerate(statements):
        reason = "" if each.is_import else _reason(each, imports, variables)
        if reason:
            found[number] = reason
    while more := dict(_that_need(found, statements, givers)):
        found |= more
    return found


def _names_of_jobnb(
    statements: list[Statement], givers: Collection[str]
) -> dict[str, ImportedName]:
    """Return what the notebook's names import from jobnb."""
    several = [each for one in statements if one.is_import for each in imported_by(one.node)]
    found = {each.gives: each for each in several if each.is_ours}
    if "*" in found:
        lacked = {name: ImportedName("jobnb", name) for name in LACKED if name not in givers}
        found = lacked | found
    return found


def _reason(
    each: Statement, imports: Mapping[str, ImportedName], variables: Mapping[str, Any]
) -> str:
    for name in sorted(each.reads & imports.keys()):
        lacked = imports[name].name
        if lacked in LACKED and lacked not in STAND_INS:
            return f"Dagster has no {lacked!r}"
    modules = {name for name, one in imports.items() if not one.name}
    for lacked in sorted(_reached(each.node, modules)):
        if lacked in LACKED:
            return f"Dagster has no {lacked!r}"
    value = (
        variables.get(next(iter(each.gives), "")) if isinstance(each.node, ast.ClassDef) else None
    )
    refused = (
        refused_by_dagster(value) if isinstance(value, type) and issubclass(value, Config) else None
    )
    return f"Dagster's config has no type for the field `{refused}`" if refused else ""


def _reached(node: ast.stmt, modules: Collection[str]) -> Iterator[str]:
    """Iterate over the names of jobnb that a statement reads from it or imports inside."""
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            if each.value.id in modules:
                yield each.attr
        elif isinstance(each, ast.ImportFrom):
            yield from (one.name for one in imported_by(each) if one.is_ours)


def _that_need(
    found: Mapping[int, str], statements: list[Statement], givers: Mapping[str, list[int]]
) -> Iterator[tuple[int, str]]:
    """Iterate over further statements: those that read what some of these define."""
    for number, each in enumerate(statements):
        if number in found or each.is_import:
            continue
        for name in sorted(each.reads):
            if giver_of(name, number, each, givers) in found:
                yield number, f"it needs {name!r}, which Dagster cannot have"
                break


def giver_of(
    name: str, number: int, statement: Statement, givers: Mapping[str, list[int]]
) -> int | None:
    """Return the statement that defines a name for another one, by number."""
    before = number if name in statement.reads_at_once else None
    found = last_giver(name, givers, before)
    return last_giver(name, givers) if found is None else found


def with_stand_ins(imports: list[ImportedName]) -> tuple[list[ImportedName], str]:
    """Replace the imports of functions that a module brings along for Dagster.

    Args:
        imports: What the module imports from jobnb, and else.

    Returns:
        The imports for Dagster, and the code of these functions.
    """
    brought = [each for each in imports if each.is_ours and each.name in STAND_INS]
    texts = [STAND_INS[each.name].replace(each.name, each.gives, 1) for each in brought]
    reads = {name for text in texts for each in statements_of(text) for name in each.reads}
    others = [each.for_dagster() for each in imports if each not in brought]
    others += [ImportedName("dagster", name) for name in sorted(reads) if not is_builtin(name)]
    return others, "\n\n".join(texts)
