"""Looking at source assets in this process, without a job of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidSubsetError
from jobnb.execution.either import either
from jobnb.execution.materialize import make_selected
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.plan.partitions import PartitionsAsked
from jobnb.storage.instance import Instance

__all__ = ["observe", "observe_session"]

OBSERVATION_JOB = "in_process_observation_job"


def observe(
    source_assets: Sequence[Any],
    run_config: Any = None,
    instance: Instance | None = None,
    resources: Mapping[str, Any] | None = None,
    partition_key: str | None = None,
    raise_on_error: bool = True,
    tags: Mapping[str, str] | None = None,
) -> ExecuteInProcessResult:
    """Let the functions of source assets tell their data versions, and wait for it.

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
    return make_selected(
        definitions,
        _observable(definitions, None),
        run_config,
        instance,
        partition_key,
        raise_on_error,
        tags,
        job_name=OBSERVATION_JOB,
    )


def observe_session(
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
) -> ExecuteInProcessResult:
    """Observe the selected source assets of a session; all that can be if nothing is selected."""
    __tracebackhide__ = True
    run_config = either("observe_assets", config=config, run_config=run_config)
    asked = either("observe_assets", partition=partition, partition_key=partition_key)
    definitions = session.snapshot()
    return make_selected(
        definitions,
        _observable(definitions, selection),
        run_config,
        instance or session.instance,
        asked,
        raise_on_error,
        tags,
        resources=resources,
        job_name=OBSERVATION_JOB,
    )


def _observable(definitions: Definitions, selection: Any) -> AssetSelection:
    """The source assets that a function observes, among those that are selected.

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
