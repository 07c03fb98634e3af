"""Sensors that look for materializations of several assets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jobnb.definitions.arguments import telling_nearest
from jobnb.definitions.automation.results import DefaultSensorStatus, SensorType
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidDefinitionError


class MultiAssetSensorDefinition(SensorDefinition):
    """Calls its function with a context that knows the new materializations of several assets.

    Args:
        name: Its name; that of the function if absent.
        monitored_assets: The keys of the assets, or an `AssetSelection`.
        job_name: The name of the job, where it is not given as such.
        asset_materialization_fn: Takes the context, and resources by annotation.
        minimum_interval_seconds: How many seconds are between two evaluations at least.
        description: In words, Markdown.
        job: The job that it launches.
        jobs: Several jobs; each request then says which.
        default_status: Whether it runs without anybody having started it.
        request_assets: The assets that its runs make, in place of a job.
        required_resource_keys: The resources that the function takes from its context.

    Source: Dagster's `MultiAssetSensorDefinition`.
    """

    sensor_type = SensorType.MULTI_ASSET
    _builder = "build_multi_asset_sensor_context"

    def __init__(
        self,
        name: str | None,
        monitored_assets: Sequence[AssetKey] | AssetSelection,
        job_name: str | None,
        asset_materialization_fn: Callable[..., Any],
        minimum_interval_seconds: int | None = None,
        description: str | None = None,
        job: Any = None,
        jobs: Sequence[Any] | None = None,
        default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
        request_assets: AssetSelection | None = None,
        required_resource_keys: Iterable[str] | None = None,
    ) -> None:
        super().__init__(
            name,
            evaluation_fn=asset_materialization_fn,
            job_name=job_name,
            minimum_interval_seconds=minimum_interval_seconds,
            description=description,
            job=job,
            jobs=jobs,
            default_status=default_status,
            asset_selection=request_assets,
            required_resource_keys=required_resource_keys,
        )
        given: Any = monitored_assets
        if isinstance(given, (AssetSelection, str)):
            self.monitored_assets: Any = AssetSelection.from_coercible(given)
        elif isinstance(given, (list, tuple)) and given:
            self.monitored_assets = [AssetKey.from_coercible(each) for each in given]
        else:
            raise InvalidDefinitionError(
                f"The {self._what} monitors {given!r}. Give the keys of assets, or an "
                "AssetSelection."
            )

    @property
    def request_assets(self) -> AssetSelection | None:
        """The assets that its runs make, in place of a job."""
        return self.asset_selection


@telling_nearest
def multi_asset_sensor(
    monitored_assets: Sequence[AssetKey] | AssetSelection,
    *,
    job_name: str | None = None,
    name: str | None = None,
    minimum_interval_seconds: int | None = None,
    description: str | None = None,
    job: Any = None,
    jobs: Sequence[Any] | None = None,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
    request_assets: AssetSelection | None = None,
    required_resource_keys: Iterable[str] | None = None,
) -> Callable[[Callable[..., Any]], MultiAssetSensorDefinition]:
    """Define a sensor whose function evaluates the materializations of several assets.

    Args:
        monitored_assets: The keys of the assets, or an `AssetSelection`.
        job_name: The name of the job, where it is not given as such.
        name: The name; that of the function if absent.
        minimum_interval_seconds: How many seconds are between two evaluations at least; 30 if
            absent.
        description: In words; the function's docstring if absent.
        job: The job that it launches.
        jobs: Several jobs; each request then says which.
        default_status: Whether it runs without anybody having started it.
        request_assets: The assets that its runs make, in place of a job.
        required_resource_keys: The resources that the function takes from its context.

    Example:
        >>> from jobnb import AssetKey, RunRequest
        >>> @multi_asset_sensor(
        ...     monitored_assets=[AssetKey("orders"), AssetKey("prices")], job_name="report"
        ... )
        ... def both_made(context):
        ...     if all(context.latest_materialization_records_by_key().values()):
        ...         context.advance_all_cursors()
        ...         return RunRequest()
        >>> both_made.monitored_assets
        [AssetKey(['orders']), AssetKey(['prices'])]

    Source: Dagster's `@multi_asset_sensor`.
    """

    def decorate(fn: Callable[..., Any]) -> MultiAssetSensorDefinition:
        return MultiAssetSensorDefinition(
            name,
            monitored_assets,
            job_name,
            fn,
            minimum_interval_seconds,
            description,
            job,
            jobs,
            default_status,
            request_assets,
            required_resource_keys,
        )

    return decorate
