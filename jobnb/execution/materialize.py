"""Materialize and observe assets in this process, without a job of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any

from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.jobs.job_config import OBSERVATION_JOB
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.locations.definitions import Definitions, each_asset
from jobnb.definitions.locations.launching import check_no_conflict
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidSubsetError, InvariantViolationError
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.execution.runner import execute
from jobnb.execution.spec import ASSET_JOB, RunSpec
from jobnb.plan.partitions import PartitionsAsked
from jobnb.storage.instance import Instance
from jobnb.storage.values import mem_io_manager


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
    """Materialize assets in this process and wait for the result.

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
    definitions = _definitions_of(assets, resources)
    spec = RunSpec(
        job=definitions.job_of_assets(ASSET_JOB, selection),
        instance=instance or Instance.ephemeral(),
        config=run_config,
        partition=partition_key,
        tags=tags,
        keep_outputs=True,
        in_process=True,
    )
    return execute(spec, raise_on_error=raise_on_error)


_recent: deque[tuple[Sequence[Any], Definitions]] = deque(maxlen=4)


def _definitions_of(assets: Sequence[Any], resources: Mapping[str, Any] | None) -> Definitions:
    """Return these assets and resources together.

    The same few assets are often materialized again: what was planned of them is used again.
    Resources, which may be connections, are not held for that.
    """
    several = list(each_asset(assets))
    if resources:
        check_no_conflict(several, resources)
        return Definitions.of(assets=several, resources=resources)
    for known, definitions in _recent:
        if len(known) == len(several) and all(map(is_, known, several)):
            return definitions
    made = Definitions.of(assets=several)
    _recent.append((several, made))
    return made


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
    """Materialize assets in this process and keep their values in memory only.

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
    check_no_conflict(each_asset(assets), resources or {})
    in_memory = dict.fromkeys(keys, mem_io_manager)
    definitions = Definitions.of(assets=assets, resources={**(resources or {}), **in_memory})
    spec = RunSpec(
        job=definitions.job_of_assets(ASSET_JOB, selection),
        instance=instance or Instance.ephemeral(),
        config=run_config,
        partition=partition_key,
        resources=in_memory,
        tags=tags,
        keep_outputs=True,
        in_process=True,
    )
    return execute(spec, raise_on_error=raise_on_error)


def observe(
    source_assets: Sequence[Any],
    run_config: Any = None,
    instance: Instance | None = None,
    resources: Mapping[str, Any] | None = None,
    partition_key: str | None = None,
    raise_on_error: bool = True,
    tags: Mapping[str, str] | None = None,
) -> ExecuteInProcessResult:
    """Observe source assets, whose functions return their data versions, and wait for it.

    Args:
        source_assets: Source assets; those that nothing observes are passed over.
        run_config: A `RunConfig` or dict.
        instance: Where the history goes; an ephemeral one if absent.
        resources: Resources by key.
        partition_key: The partition to look at.
        raise_on_error: Whether a failure is raised.
        tags: Tags of the run.

    Returns:
        An `ExecuteInProcessResult`.

    Raises:
        InvalidSubsetError: If none of them can be observed.

    Source: Dagster's `observe`.
    """
    __tracebackhide__ = True
    definitions = Definitions.of(assets=source_assets, resources=resources)
    spec = RunSpec(
        job=observation_job(definitions),
        instance=instance or Instance.ephemeral(),
        config=run_config,
        partition=partition_key,
        tags=tags,
        keep_outputs=True,
        in_process=True,
    )
    return execute(spec, raise_on_error=raise_on_error)


def observation_job(definitions: Definitions, selection: Any = None) -> JobDefinition:
    """Return the job that observes the selected source assets; all observable ones if None.

    Raises:
        InvalidSubsetError: If none of them can be observed.
    """
    chosen = _observable(definitions, selection)
    return definitions.job_of_assets(OBSERVATION_JOB, chosen)


def _observable(definitions: Definitions, selection: Any) -> AssetSelection:
    """Return the source assets that a function observes, among those that are selected.

    Raises:
        InvalidSubsetError: If there are none.
    """
    sources = definitions.source_assets
    wanted = AssetSelection.all(include_sources=True)
    if selection is not None:
        wanted = AssetSelection.from_coercible(selection)
    chosen = wanted.resolve([*definitions.assets, *sources])
    keys = [each.key for each in sources if each.is_observable and each.key in chosen]
    if not keys:
        names = ", ".join(sorted(key.to_user_string() for key in chosen)) or "no asset"
        raise InvalidSubsetError(
            f"Nothing observes {names}. Give a SourceAsset an observe_fn, or use "
            "@observable_source_asset."
        )
    return AssetSelection.keys(*keys)
