"""Launch run requests: checked before a tick is decided, launched after that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.jobs.run_request import RunRequest
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.partitions.dynamic_partitions import KeysAsRequested
from jobnb.execution.launch import launch
from jobnb.execution.spec import RunSpec
from jobnb.execution.start import subset_of
from jobnb.plan.build import build_plan
from jobnb.plan.partitions import run_partitions
from jobnb.staleness.survey import as_it_stands
from jobnb.state import RunStatus
from jobnb.storage.instance import Instance
from jobnb.storage.run import SCHEDULE_TAG, SENSOR_TAG, new_run_id
from jobnb.storage.ticks import Instigator, TickRun

RUN_KEY_TAG = "dagster/run_key"

Launch = Callable[[RunSpec], object]
"""Launches a run and returns at once."""


def launch_run(spec: RunSpec) -> object:
    """Launch a run in the background of this process."""
    return launch(spec)


@dataclass(frozen=True)
class Prepared:
    """A run that a tick will launch.

    Attributes:
        run: What is kept of it.
        config: Its config as it was requested: what is kept is plain JSON.
    """

    run: TickRun
    config: Any


def prepared(
    request: RunRequest,
    job_name: str,
    definitions: Definitions,
    instigator: Instigator,
    instance: Instance,
    partitions_requests: Sequence[Any] = (),
) -> Prepared:
    """Return a request as a run that can be launched, with the id that the run will have.

    Args:
        request: What was requested.
        job_name: The job that it is for.
        definitions: The code location.
        instigator: The schedule or sensor.
        instance: The history.
        partitions_requests: Keys of dynamic partitions that come or go along with the run.

    Raises:
        JobnbError: If it could not run: its config does not fit, there is no such partition...
    """
    tag = SCHEDULE_TAG if instigator.kind == "SCHEDULE" else SENSOR_TAG
    tags = {**request.tags, tag: instigator.name}
    if request.run_key is not None:
        tags[RUN_KEY_TAG] = request.run_key
    assets, checks = request.asset_selection, request.asset_check_keys
    run = TickRun(
        run_id=new_run_id(),
        job_name=job_name,
        run_key=request.run_key,
        config=_plain(request.run_config) or None,
        tags=tags,
        assets=None if assets is None else [list(key.path) for key in assets],
        checks=None if checks is None else [_told(key) for key in checks],
        partition=request.partition_key,
        stale_only=request.stale_assets_only,
    )
    config = request.run_config or None
    store = KeysAsRequested(instance, partitions_requests)
    _check(_spec(run, config, definitions, instance), store)
    return Prepared(run, config)


def _told(key: AssetCheckKey) -> tuple[list[str], str]:
    return list(AssetKey.from_coercible(key.asset_key).path), key.name


def _plain(config: Mapping[str, Any] | None) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(config or {}, enc_hook=str))
    return found


def _spec(run: TickRun, config: Any, definitions: Definitions, instance: Instance) -> RunSpec:
    job: JobDefinition = definitions.get_job_def(run.job_name)
    return RunSpec(
        job=job,
        instance=instance,
        config=config,
        partition=run.partition,
        asset_selection=None if run.assets is None else [AssetKey(path) for path in run.assets],
        asset_check_selection=(
            None
            if run.checks is None
            else [AssetCheckKey(AssetKey(path), name) for path, name in run.checks]
        ),
        tags=run.tags,
        run_id=run.run_id,
        stale_only=run.stale_only,
    )


def _check(spec: RunSpec, store: Any) -> None:
    """Plan it, so that a tick whose runs could not run launches none of them."""
    job = as_it_stands(spec.job, spec.instance)
    job = subset_of(job, None, spec.asset_selection, spec.asset_check_selection)
    partitions = run_partitions(job, spec.partition, store)
    build_plan(job, run_config=spec.config, partitions=partitions)


def ensure_launched(
    run: TickRun,
    config: Any,
    definitions: Callable[[], Definitions],
    instance: Instance,
    start: Launch,
    *,
    resumed: bool,
) -> bool:
    """Launch a run, unless it was launched before; whether it was launched now.

    Args:
        run: The run.
        config: Its config.
        definitions: Gives the code location.
        instance: The history.
        start: Launches it.
        resumed: Whether another loop, which is gone, may have launched it.
    """
    if resumed and not _is_missing(run.run_id, instance):
        return False
    start(_spec(run, config, definitions(), instance))
    return True


def _is_missing(run_id: str, instance: Instance) -> bool:
    """Whether a run is not there; one that was recorded and never began is taken out for that."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        return True
    status = record.dagster_run.status
    never_began = record.start_time is None and status in (
        RunStatus.NOT_STARTED,
        RunStatus.STARTING,
        RunStatus.FAILURE,
    )
    if never_began and not instance.events(run_id, limit=2)[1:]:
        instance.delete_run(run_id)
        return True
    return False
