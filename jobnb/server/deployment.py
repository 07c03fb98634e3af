"""The place of the history, what may be done, and resources, as GraphQL tells them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobnb.config import ConfiguredSchema, env_name, env_names
from jobnb.definitions.resources.resource import ResourceDefinition, resource_defs_of
from jobnb.errors import JobnbError
from jobnb.server.automaterialize import is_paused
from jobnb.server.config_types import ConfigTypeField, field_of_schema
from jobnb.server.metadata import AssetKey
from jobnb.server.nodes import Node, type_named
from jobnb.server.problems import PythonError
from jobnb.server.workspace import Location, RequestReader
from jobnb.storage.ticks import live_loops

if TYPE_CHECKING:
    from jobnb.server.jobs import Job
    from jobnb.server.ops import SolidHandle


@dataclass(frozen=True)
class Permission(Node):
    """What may be done."""

    permission: str
    value: bool = True
    disabled_reason: str | None = None


_NAMES = (
    "launch_pipeline_execution",
    "launch_pipeline_reexecution",
    "start_schedule",
    "stop_running_schedule",
    "edit_sensor",
    "update_sensor_cursor",
    "terminate_pipeline_execution",
    "delete_pipeline_run",
    "reload_repository_location",
    "reload_workspace",
    "wipe_assets",
    "launch_partition_backfill",
    "cancel_partition_backfill",
    "edit_dynamic_partitions",
)


def permissions_of(reading: RequestReader) -> list[Permission]:
    """Return what may be done: all of it, or nothing where nothing may be changed."""
    refusal = reading.served.refusal
    return [Permission(name, not refusal, refusal or None) for name in _NAMES]


# --- the place of the history ---------------------------------------------------------


@dataclass(frozen=True)
class RunLauncher(Node):
    """What launches runs."""

    name: str


@dataclass(frozen=True)
class ConcurrencyKeyInfo(Node):
    """A pool: how many of its steps run at once, and who waits; a limit of 0 if it has none."""

    concurrency_key: str
    slot_count: int
    active_slot_count: int = 0
    active_run_ids: Sequence[str] = ()
    pending_step_count: int = 0
    pending_step_run_ids: Sequence[str] = ()
    assigned_step_count: int = 0
    assigned_step_run_ids: Sequence[str] = ()


def _told(info: Any) -> ConcurrencyKeyInfo:
    return ConcurrencyKeyInfo(
        info.concurrency_key,
        info.slot_count or 0,
        info.active_slot_count,
        list(info.active_run_ids),
        info.pending_step_count,
        list(info.pending_step_run_ids),
    )


@dataclass(frozen=True)
class DaemonStatus(Node):
    """Whether a loop goes on."""

    daemon_type: str
    healthy: bool | None
    last_heartbeat_time: float | None = None
    required: bool = False
    last_heartbeat_errors: Sequence[PythonError] = ()

    @property
    def id(self) -> str:
        """Names it."""
        return self.daemon_type


class DaemonHealth(Node):
    """Whether the loops go on."""

    id = "daemonHealth"

    def __init__(self, reading: RequestReader) -> None:
        self._reading = reading

    @property
    def all_daemon_statuses(self) -> list[DaemonStatus]:
        """Each of them; backfills need none."""
        states = self._reading.instance.all_instigator_state()
        told = []
        for daemon, kind in (("SCHEDULER", "SCHEDULE"), ("SENSOR", "SENSOR")):
            own = [each for each in states if each.instigator.kind == kind]
            last = max((each.last_end or 0.0 for each in own), default=0.0) or None
            told.append(DaemonStatus(daemon, bool(live_loops) or None, last, required=bool(own)))
        return [*told, DaemonStatus("BACKFILL", healthy=True), DaemonStatus("ASSET", healthy=None)]

    def daemon_status(self, daemon_type: str | None = None) -> DaemonStatus:
        """One of them; the first if none is named.

        Raises:
            JobnbError: If there is none of this kind.
        """
        known = {each.daemon_type: each for each in self.all_daemon_statuses}
        daemon_type = daemon_type or next(iter(known))
        if daemon_type not in known:
            raise JobnbError(f"There is no daemon {daemon_type!r}. There are {', '.join(known)}.")
        return known[daemon_type]


class Instance(Node):
    """The place of the history."""

    id = "Instance"
    has_info = True
    run_queuing_supported = False
    has_captured_log_manager = True
    executable_path = sys.executable

    def __init__(self, reading: RequestReader) -> None:
        self._reading = reading

    @property
    def auto_materialize_paused(self) -> bool:
        """Whether no asset is materialized by itself."""
        return is_paused(self._reading)

    @property
    def supports_concurrency_limits(self) -> bool:
        """Whether other processes see the pools."""
        return not self._reading.instance.is_ephemeral

    @property
    def concurrency_limits(self) -> list[ConcurrencyKeyInfo]:
        """The pools that have a limit."""
        keys = self._reading.instance.pools.get_concurrency_keys()
        return [self._pool(key) for key in sorted(keys)]

    def concurrency_limit(self, concurrency_key: str | None = None) -> ConcurrencyKeyInfo | None:
        """Return one pool; None if none is named."""
        return None if concurrency_key is None else self._pool(concurrency_key)

    def _pool(self, key: str) -> ConcurrencyKeyInfo:
        return _told(self._reading.instance.pools.get_concurrency_info(key))

    @property
    def info(self) -> str:
        """Where it is."""
        return self._reading.instance.info_str()

    @property
    def run_launcher(self) -> RunLauncher:
        """What launches runs."""
        return RunLauncher("jobnb")

    @property
    def daemon_health(self) -> DaemonHealth:
        """Whether the loops go on."""
        return DaemonHealth(self._reading)


# --- resources ------------------------------------------------------------------------


@dataclass(frozen=True)
class ConfiguredValue(Node):
    """A value that a resource was given."""

    key: str
    value: str
    type: str


@dataclass(frozen=True)
class NestedResourceEntry(Node):
    """A resource within a resource."""

    name: str
    type: str
    resource: ResourceDetails | None


@dataclass(frozen=True)
class JobWithOps(Node):
    """A job, and its ops that use a resource."""

    job: Job
    ops_using: Sequence[SolidHandle]


class ResourceDetails(Node):
    """A resource.

    Args:
        reading: What the request reads.
        location: What defines it.
        name: Its key.
        given: What it was defined as.
    """

    is_top_level = True

    def __init__(self, reading: RequestReader, location: Location, name: str, given: Any) -> None:
        self._reading, self._location, self.name, self._given = reading, location, name, given

    name: str

    @property
    def _definition(self) -> ResourceDefinition:
        return resource_defs_of({self.name: self._given})[self.name]

    @property
    def description(self) -> str | None:
        """What it is."""
        return self._definition.description

    @property
    def resource_type(self) -> str:
        """Its class."""
        kind = type(self._given)
        return f"{kind.__module__}.{kind.__qualname__}"

    @property
    def config_fields(self) -> list[ConfigTypeField]:
        """The config that it takes."""
        field = field_of_schema(self._definition.config_schema)
        return list(getattr(field.config_type, "fields", ())) if field is not None else []

    @property
    def configured_values(self) -> list[ConfiguredValue]:
        """What it was given; variables by name, secrets as stars."""
        dump = getattr(self._given, "model_dump", None)
        values: Mapping[str, Any] = dump() if callable(dump) else {}
        return [_value(key, each) for key, each in values.items()]

    @property
    def env_vars(self) -> set[str]:
        """The environment variables that it reads."""
        schema = self._definition.config_schema
        fixed = schema.config_or_config_fn if isinstance(schema, ConfiguredSchema) else None
        return {*env_names(self._given), *env_names(fixed)}

    @property
    def _inner(self) -> Mapping[str, Any]:
        fields = getattr(type(self._given), "model_fields", {})
        values = {name: getattr(self._given, name, None) for name in fields}
        known = self._reading.definitions(self._location).resources.values()
        return {k: v for k, v in values.items() if any(v is each for each in known)}

    @property
    def nested_resources(self) -> list[NestedResourceEntry]:
        """The resources within it."""
        return [
            NestedResourceEntry(each.name, "TOP_LEVEL", each)
            for each in resources_of(self._reading, self._location)
            if any(each._given is inner for inner in self._inner.values())
        ]

    @property
    def parent_resources(self) -> list[NestedResourceEntry]:
        """The resources that it is in."""
        return [
            NestedResourceEntry(each.name, "TOP_LEVEL", each)
            for each in resources_of(self._reading, self._location)
            if any(self._given is inner for inner in each._inner.values())
        ]

    @property
    def asset_keys_using(self) -> list[AssetKey]:
        """The assets that use it."""
        assets = self._reading.definitions(self._location).assets
        using = (each for each in assets if self.name in each.required_resource_keys)
        return [AssetKey.of(key) for each in using for key in each.ordered_keys]

    @property
    def jobs_ops_using(self) -> list[JobWithOps]:
        """The ops that use it, by job."""
        told, kind = [], type_named("Job")
        for definition in self._reading.definitions(self._location).get_all_job_defs():
            job: Job = kind(self._reading, self._location, definition)
            using = [each for each in job.solid_handles() if self.name in each.resource_keys]
            if using and not job.is_asset_job:
                told.append(JobWithOps(job, using))
        return told


def _value(key: str, value: Any) -> ConfiguredValue:
    variable = env_name(value)
    if variable is not None:
        return ConfiguredValue(key, variable, "ENV_VAR")
    return ConfiguredValue(key, str(value), "VALUE")


def resources_of(reading: RequestReader, location: Location) -> list[ResourceDetails]:
    """Return the resources of a location."""
    known = reading.definitions(location).resources
    return [ResourceDetails(reading, location, *each) for each in sorted(known.items())]


@dataclass(frozen=True)
class ResourceDetailsList(Node):
    """Resources."""

    results: Sequence[ResourceDetails]


@dataclass(frozen=True)
class EnvVarConsumer(Node):
    """What reads an environment variable."""

    name: str
    type: str = "RESOURCE"


@dataclass(frozen=True)
class EnvVarWithConsumers(Node):
    """An environment variable, and the resources that read it."""

    env_var_name: str
    env_var_consumers: Sequence[EnvVarConsumer]


@dataclass(frozen=True)
class EnvVarWithConsumersList(Node):
    """Environment variables."""

    results: Sequence[EnvVarWithConsumers]


def env_vars_of(reading: RequestReader, location: Location) -> EnvVarWithConsumersList:
    """Return the environment variables that the resources of a location read."""
    known: dict[str, list[EnvVarConsumer]] = {}
    for resource in resources_of(reading, location):
        for name in resource.env_vars:
            known.setdefault(name, []).append(EnvVarConsumer(resource.name))
    return EnvVarWithConsumersList([EnvVarWithConsumers(*each) for each in sorted(known.items())])


# --- what Dagster's own page asks for -------------------------------------------------


@dataclass(frozen=True)
class Scheduler(Node):
    """What evaluates schedules."""

    scheduler_class: str | None = "AutomationLoop"


@dataclass(frozen=True)
class SchedulerNotDefinedError(Node):
    """Nothing evaluates schedules; there is always a loop here that can."""

    message: str


class TestFields(Node):
    """What tries how a page tells errors."""

    @property
    def always_exception(self) -> str | None:
        """Raise an error.

        Raises:
            JobnbError: Always.
        """
        raise JobnbError("alwaysException is a field that always fails, to see how errors look.")


@dataclass(frozen=True)
class LogTelemetrySuccess(Node):
    """What somebody did was noted; jobnb notes nothing, and tells nobody."""

    action: str
