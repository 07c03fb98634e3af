"""Making assets in this process, without a job of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobnb.definitions.assets.defined_assets import each_asset
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import InvariantViolationError
from jobnb.execution.either import either
from jobnb.execution.leaving_out import stale_choice
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.execution.run_job import execute_plan, run_tags
from jobnb.plan.build import build_plan
from jobnb.plan.partitions import PartitionsAsked, asked_in_tags, run_partitions
from jobnb.registry.selecting import pinned
from jobnb.staleness.statuses import Place
from jobnb.storage.instance import Instance

__all__ = [
    "ASSET_JOB",
    "make_selected",
    "materialize",
    "materialize_session",
    "materialize_to_memory",
]

ASSET_JOB = "__ephemeral_asset_job__"


def materialize(
    assets: Sequence[Any],
    run_config: Any = None,
    instance: Instance | None = None,
    resources: Mapping[str, Any] | None = None,
    partition_key: PartitionsAsked | None = None,
    raise_on_error: bool = True,
    tags: Mapping[str, str] | None = None,
    selection: Any = None,
) -> ExecuteInProcessResult:
    """Make assets in this process and wait for it.

    Args:
        assets: Assets and source assets.
        run_config: A `RunConfig` or dict.
        instance: Where the history and the values go; an ephemeral one if absent.
        resources: Resources by key.
        partition_key: The partition to make; or several in this one run: a range, some keys.
        raise_on_error: Whether a failure is raised, after all that could run has run.
        tags: Tags of the run.
        selection: Which of the assets to make; all if absent.

    Returns:
        An `ExecuteInProcessResult`.

    Raises:
        InvalidConfigError: If the run config does not fit; nothing has run then.
        Exception: What the first failing step raised, if `raise_on_error`.

    Example:
        >>> from jobnb import asset, materialize
        >>> @asset
        ... def orders():
        ...     return [1, 2]
        >>> materialize([orders]).success
        True

    Source: Dagster's `materialize`.
    """
    __tracebackhide__ = True
    definitions = Definitions.of(assets=assets, resources=resources)
    return make_selected(
        definitions, selection, run_config, instance, partition_key, raise_on_error, tags, True
    )


def materialize_to_memory(
    assets: Sequence[Any],
    run_config: Any = None,
    instance: Instance | None = None,
    resources: Mapping[str, Any] | None = None,
    partition_key: PartitionsAsked | None = None,
    raise_on_error: bool = True,
    tags: Mapping[str, str] | None = None,
    selection: Any = None,
) -> ExecuteInProcessResult:
    """Make assets in this process and keep their values in memory only.

    The parameters are those of `materialize`.

    Raises:
        InvariantViolationError: If `resources` provide an IO manager that the assets use.

    Example:
        >>> from jobnb import asset, materialize_to_memory
        >>> @asset
        ... def orders():
        ...     return [1, 2]
        >>> materialize_to_memory([orders]).asset_value("orders")
        [1, 2]

    Source: Dagster's `materialize_to_memory`.
    """
    __tracebackhide__ = True
    from jobnb.storage.values import mem_io_manager

    keys = {"io_manager"}
    for each in each_asset(assets):
        outs = getattr(getattr(each, "node_def", None), "given_outs", {})
        keys.update(out.io_manager_key for out in outs.values())
        if isinstance(each, SourceAsset):
            keys.discard(each.io_manager_key)
    if given := sorted(keys & set(resources or ())):
        raise InvariantViolationError(
            f"materialize_to_memory keeps values in memory, but resources has the IO manager "
            f"{given[0]!r}. Leave it out, or use materialize()."
        )
    in_memory = dict.fromkeys(keys, mem_io_manager)
    definitions = Definitions.of(assets=assets, resources={**(resources or {}), **in_memory})
    return make_selected(
        definitions,
        selection,
        run_config,
        instance,
        partition_key,
        raise_on_error,
        tags,
        True,
        in_memory,
    )


def materialize_session(
    session: Any,
    selection: Any = None,
    *,
    config: Any = None,
    partition: PartitionsAsked | None = None,
    run_config: Any = None,
    instance: Instance | None = None,
    resources: Mapping[str, Any] | None = None,
    partition_key: PartitionsAsked | None = None,
    raise_on_error: bool = True,
    tags: Mapping[str, str] | None = None,
    stale_only: bool = False,
) -> ExecuteInProcessResult:
    """Make the selected assets of a session; values go to the session's home."""
    __tracebackhide__ = True
    run_config = either("materialize", config=config, run_config=run_config)
    asked = either("materialize", partition=partition, partition_key=partition_key)
    definitions = session.snapshot()
    return make_selected(
        definitions,
        pinned(session, selection),
        run_config,
        instance or session.instance,
        asked,
        raise_on_error,
        tags,
        False,
        resources,
        only_stale_of=session.place_of if stale_only else None,
    )


def make_selected(
    definitions: Definitions,
    selection: Any,
    run_config: Any,
    instance: Instance | None,
    partition_key: PartitionsAsked | None,
    raise_on_error: bool,
    tags: Mapping[str, str] | None,
    keep_outputs: bool = True,
    resources: Mapping[str, Any] | None = None,
    job_name: str = ASSET_JOB,
    only_stale_of: Place | None = None,
) -> ExecuteInProcessResult:
    """Make or observe the selected assets; the parameters are those of `materialize`."""
    __tracebackhide__ = True
    instance = instance or Instance.ephemeral()
    job = definitions.job_of_assets(job_name, selection)
    asked = asked_in_tags(job, tags or {}) if partition_key is None else partition_key
    partitions = run_partitions(job, asked, instance)
    plan = build_plan(job, run_config=run_config, partitions=partitions, resources=resources)
    choice = stale_choice(plan, instance, only_stale_of) if only_stale_of is not None else None
    return execute_plan(
        plan,
        instance,
        None,
        run_tags(job, tags, partitions, instance),
        raise_on_error,
        keep_outputs,
        choice,
    )
