"""Events that user code reports: materializations, expectations, observations of assets."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from time import time as now
from typing import TYPE_CHECKING, Any

from jobnb.definitions.checks.asset_check import AssetCheckResult
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.metadata import to_json
from jobnb.definitions.ops.output import DataVersion, DataVersionsByPartition, ObserveResult, Output
from jobnb.definitions.user_events import (
    AssetObservation,
)
from jobnb.errors import InvariantViolationError, did_you_mean
from jobnb.events import AssetObserved
from jobnb.execution.checks import with_asset
from jobnb.execution.run import RunScope
from jobnb.plan.asset_choice import observed_output
from jobnb.plan.step import Step

if TYPE_CHECKING:
    from jobnb.definitions.assets.source_asset import SourceAsset

DATA_VERSION_TAG = "dagster/data_version"


def tell_observations(
    run: RunScope,
    step: Step,
    key: str,
    result: Any,
    emit: Callable[[str, Any, Any], None],
    tell: Callable[[Any], None],
) -> None:
    """Log the observations that the function returned.

    Args:
        run: The run.
        step: The step.
        key: Its key.
        result: What the function returned, or the generator that it is.
        emit: Takes the name of each output, so that what waits for it goes on.
        tell: Takes the results of checks.

    Raises:
        InvariantViolationError: If it told nothing, or of something else.
    """
    seen: set[AssetKey] = set()
    for item in _items(result):
        if isinstance(item, AssetCheckResult):
            tell(item)
            continue
        if isinstance(item, AssetObservation):
            source = _source(step, key, item.asset_key)
            _tell(run, key, source, item.partition, None, item.metadata, item.tags)
        elif isinstance(item, ObserveResult):
            source = _source(step, key, item.asset_key)
            own = _partition(run, source)
            _tell(run, key, source, own, item.data_version, item.metadata, item.tags)
            for said in item.check_results:
                tell(with_asset(said, source.key))
        else:
            source = _source(step, key, None)
            _tell_versions(run, key, source, item)
        seen.add(source.key)
    missing = [each.key.to_user_string() for each in step.observes if each.key not in seen]
    if missing and (not seen or len(step.observes) == 1):
        raise InvariantViolationError(
            f"{key!r} observes {', '.join(missing)} but told nothing. Return a DataVersion, or an "
            "ObserveResult for each asset."
        )
    for each in step.observes:
        if each.key in seen:
            emit(observed_output(each), None, None)


def _items(result: Any) -> Iterator[Any]:
    if inspect.isgenerator(result):
        with contextlib.closing(result):
            yield from map(_unpacked, result)
    elif isinstance(result, (list, tuple)):
        yield from map(_unpacked, result)
    elif result is not None:
        yield _unpacked(result)


def _unpacked(item: Any) -> Any:
    return item.value if isinstance(item, Output) else item


def _source(step: Step, key: str, asset_key: Any) -> SourceAsset:
    """Return the source asset that is meant; it goes without saying where there is one."""
    sources = {each.key: each for each in step.observes}
    if asset_key is None:
        if len(sources) == 1:
            return step.observes[0]
        raise InvariantViolationError(
            f"{key!r} observes several assets: say which in ObserveResult(asset_key=...)."
        )
    wanted = AssetKey.from_coercible(asset_key)
    if wanted in sources:
        return sources[wanted]
    names = [each.to_user_string() for each in sources]
    hint = did_you_mean(wanted.to_user_string(), names, noun="It observes")
    raise InvariantViolationError(
        f"{key!r} told of {wanted.to_user_string()!r}, which it is not asked to observe. {hint}"
    )


def _tell_versions(run: RunScope, key: str, source: SourceAsset, given: Any) -> None:
    name = source.key.to_user_string()
    if isinstance(given, DataVersionsByPartition):
        if source.partitions_def is None:
            raise InvariantViolationError(
                f"{name!r} is not partitioned, but {key!r} told versions by partition. Return a "
                "DataVersion."
            )
        for each, version in given.data_versions_by_partition.items():
            _tell(run, key, source, each, version, None, None)
        return
    if not isinstance(given, DataVersion):
        raise InvariantViolationError(
            f"{key!r} observes {name!r} and told {given!r}, a {type(given).__name__}. Return a "
            "DataVersion, DataVersionsByPartition or ObserveResult."
        )
    partition = _partition(run, source)
    if source.partitions_def is not None and partition is None:
        raise InvariantViolationError(
            f"{name!r} is partitioned, but {key!r} told one version. Return "
            "DataVersionsByPartition, or observe one partition."
        )
    _tell(run, key, source, partition, given, None, None)


def _partition(run: RunScope, source: SourceAsset) -> str | None:
    return run.plan.partition_key if source.partitions_def is not None else None


def _tell(
    run: RunScope,
    key: str,
    source: SourceAsset,
    partition: str | None,
    version: Any,
    metadata: Mapping[str, Any] | None,
    tags: Mapping[str, str] | None,
) -> None:
    all_tags = dict(tags or {})
    if version is not None:
        all_tags[DATA_VERSION_TAG] = getattr(version, "value", version)
    path = tuple(source.key.path)
    run.append(AssetObserved(now(), key, path, partition, None, to_json(metadata or {}), all_tags))
