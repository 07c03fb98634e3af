"""Sensors that look for materializations of one asset."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jobnb.definitions.arguments import telling_nearest
from jobnb.definitions.automation.results import DefaultSensorStatus, SensorType, SkipReason
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.errors import InvalidInvocationError

if TYPE_CHECKING:
    from jobnb.automation.sensor_context import SensorEvaluationContext


class AssetSensorDefinition(SensorDefinition):
    """Calls its function for the latest materialization of an asset, once for each.

    Args:
        name: Its name; that of the function if absent.
        asset_key: The asset.
        job_name: The name of the job, where it is not given as such.
        asset_materialization_fn: Takes the context and the event, and resources by annotation.
        minimum_interval_seconds: How many seconds are between two evaluations at least.
        description: In words, Markdown.
        job: The job that it launches.
        jobs: Several jobs; each request then says which.
        default_status: Whether it runs without anybody having started it.
        required_resource_keys: The resources that the function takes from its context.

    Source: Dagster's `AssetSensorDefinition`.
    """

    sensor_type = SensorType.ASSET
    _extra = 1

    def __init__(
        self,
        name: str | None,
        asset_key: CoercibleToAssetKey,
        job_name: str | None,
        asset_materialization_fn: Callable[..., Any],
        minimum_interval_seconds: int | None = None,
        description: str | None = None,
        job: Any = None,
        jobs: Sequence[Any] | None = None,
        default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
        required_resource_keys: Iterable[str] | None = None,
    ) -> None:
        self.asset_key = AssetKey.from_coercible(asset_key)
        super().__init__(
            name,
            evaluation_fn=asset_materialization_fn,
            job_name=job_name,
            minimum_interval_seconds=minimum_interval_seconds,
            description=description,
            job=job,
            jobs=jobs,
            default_status=default_status,
            required_resource_keys=required_resource_keys,
        )

    def asked(self, context: SensorEvaluationContext) -> Any:
        """Call its function for the latest materialization, if there is a new one."""
        return list(self._about_latest(context, {}))

    def _place(self, cursor: str | None) -> int | None:
        try:
            return int(cursor) if cursor else None
        except ValueError:
            raise InvalidInvocationError(
                f"{cursor!r} is no cursor of the asset sensor {self.name!r}. Delete it: it then "
                "sees the latest materialization again."
            ) from None

    def _about_latest(self, context: Any, resources: dict[str, Any]) -> Iterator[Any]:
        record = context.latest_materialization(self.asset_key, self._place(context.cursor))
        if record is None:
            name = self.asset_key.to_user_string()
            yield SkipReason(f"The asset {name!r} has not been materialized since.")
            return
        found = self._function.call(context, record.event_log_entry, resources=resources)
        if inspect.isgenerator(found) or isinstance(found, (list, tuple)):
            yield from found
        elif found is not None:
            yield found
        context.update_cursor(str(record.storage_id))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call its function, as a unit test does: with the context alone, or with an event, too.

        With the context alone, an iterator over what the function returns for the latest
        materialization comes back.

        Raises:
            InvalidInvocationError: If the context is missing.
        """
        context_only = len(args) == 1 and not set(kwargs) & set(self._function.positional)
        if context_only and len(self._function.positional) > 1:
            return self._about_latest(args[0], kwargs)
        return super().__call__(*args, **kwargs)


@telling_nearest
def asset_sensor(
    asset_key: CoercibleToAssetKey,
    *,
    job_name: str | None = None,
    name: str | None = None,
    minimum_interval_seconds: int | None = None,
    description: str | None = None,
    job: Any = None,
    jobs: Sequence[Any] | None = None,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
    required_resource_keys: Iterable[str] | None = None,
) -> Callable[[Callable[..., Any]], AssetSensorDefinition]:
    """Define a sensor whose function is called when an asset has been materialized.

    Args:
        asset_key: The asset.
        job_name: The name of the job, where it is not given as such.
        name: The name; that of the function if absent.
        minimum_interval_seconds: How many seconds are between two evaluations at least; 30 if
            absent.
        description: In words; the function's docstring if absent.
        job: The job that it launches.
        jobs: Several jobs; each request then says which.
        default_status: Whether it runs without anybody having started it.
        required_resource_keys: The resources that the function takes from its context.

    Example:
        >>> from jobnb import Instance, RunRequest, asset, build_sensor_context, materialize
        >>> @asset
        ... def orders(): ...
        >>> @asset_sensor(asset_key="orders", job_name="report")
        ... def orders_made(context, event):
        ...     return RunRequest(run_key=event.run_id)
        >>> instance = Instance.ephemeral()
        >>> made = materialize([orders], instance=instance)
        >>> found = orders_made.evaluate_tick(build_sensor_context(instance=instance))
        >>> found.run_requests[0].run_key == made.run_id
        True

    Source: Dagster's `@asset_sensor`.
    """

    def decorate(fn: Callable[..., Any]) -> AssetSensorDefinition:
        return AssetSensorDefinition(
            name,
            asset_key,
            job_name,
            fn,
            minimum_interval_seconds,
            description,
            job,
            jobs,
            default_status,
            required_resource_keys,
        )

    return decorate
