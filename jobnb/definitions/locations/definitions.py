"""`Definitions`: everything that a code location offers, frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.arguments import check_dict, check_several
from jobnb.definitions.assets.asset_job import AssetJobDefinition, AssetLayer
from jobnb.definitions.assets.asset_spec import AssetSpec
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.observable_asset import ObservableAssets
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.automation.schedule import ScheduleDefinition
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.jobs.logger import LoggerDefinition
from jobnb.definitions.jobs.missing_inputs import unfed_inputs
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.locations.given_parts import executor_given, names_given_twice
from jobnb.definitions.locations.launching import (
    absent_jobs,
    brought_jobs,
    check_no_conflict,
    lacking_resources,
    launching_named,
    launching_problems,
    of_wrong_kind,
    resolved_schedules,
    unknown_times,
)
from jobnb.definitions.locations.merging import merged_parts
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.resources.resource import resource_defs_of
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import (
    InvalidDefinitionError,
    InvalidSubsetError,
    JobnbError,
    UnknownJobError,
    did_you_mean,
)

if TYPE_CHECKING:
    from jobnb.definitions.locations.repository import RepositoryDefinition
    from jobnb.execution.values import AssetValueLoader
    from jobnb.storage.instance import Instance

GLOBAL_ASSET_JOB = "__ASSET_JOB"
_OWNER = "Definitions"
_MOST_JOBS = 32
_PARTS = (
    "assets", "schedules", "sensors", "jobs", "resources", "executor", "loggers", "asset_checks",
)  # fmt: skip


class Definitions:
    """Assets, jobs, schedules, sensors and the resources they share.

    Args:
        assets: Assets, source assets and specs of external assets.
        schedules: Schedules.
        sensors: Sensors.
        jobs: Jobs, from `@job`, `to_job` or `define_asset_job`.
        resources: Resources by key: values, definitions or `ConfigurableResource` objects.
        executor: The executor, where a job does not say.
        loggers: Loggers by name, where a job has none.
        asset_checks: Checks of assets.
        metadata: Metadata shown beside the code location.

    Raises:
        InvalidDefinitionError: If two things have one name, or something is of no known kind;
            lists every problem.

    Example:
        >>> from jobnb import Definitions, asset
        >>> @asset
        ... def orders():
        ...     return 3
        >>> sorted(Definitions(assets=[orders]).assets_by_key)
        [AssetKey(['orders'])]

    Source: Dagster's `Definitions`.
    """

    #: Whether it was written as a whole: then what its jobs lack is an error, and not yet to come.
    is_whole = False

    def __init__(
        self,
        assets: Iterable[Any] | None = None,
        schedules: Iterable[Any] | None = None,
        sensors: Iterable[Any] | None = None,
        jobs: Iterable[Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        executor: Any = None,
        loggers: Mapping[str, Any] | None = None,
        asset_checks: Iterable[Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self._read(assets, schedules, sensors, jobs, resources, executor, loggers, asset_checks)
        check_no_conflict([*self.assets, *self.source_assets], self.resources)
        _raise_all(
            [
                f"{each!r}: {problem}"
                for each in self.assets
                if isinstance(each.node_def, GraphDefinition)
                for problem in unfed_inputs(each.node_def)
            ]
        )
        known = self._known_jobs()
        _raise_all(launching_problems(known, self.schedules, self.sensors, GLOBAL_ASSET_JOB))
        self.metadata = dict(metadata or {})
        self.is_whole = True
        announce_from_caller(self)

    @classmethod
    def of(cls, **parts: Any) -> Definitions:
        """Create them without announcing them."""
        made = cls.__new__(cls)
        for name in _PARTS:
            parts.setdefault(name, None)
        made.metadata = {}
        made._read(**parts)
        return made

    def _read(
        self,
        assets: Iterable[Any] | None,
        schedules: Iterable[Any] | None,
        sensors: Iterable[Any] | None,
        jobs: Iterable[Any] | None,
        resources: Mapping[str, Any] | None,
        executor: Any,
        loggers: Mapping[str, Any] | None,
        asset_checks: Iterable[Any] | None,
    ) -> None:
        problems: list[str] = []
        made: list[AssetsDefinition] = []
        rest: list[Any] = []
        for each in each_asset(assets or ()):
            (made if isinstance(each, AssetsDefinition) else rest).append(each)
        self.assets = tuple(made)
        keys = {key for each in made for key in each.keys}
        # An assets definition wins over a source asset of the same key.
        self.source_assets = tuple(
            each for each in rest if isinstance(each, SourceAsset) and each.key not in keys
        )
        checks = [each for each in rest if isinstance(each, AssetChecksDefinition)]
        own = check_several(asset_checks, "asset_checks", _OWNER, "asset checks")
        given_checks = [*checks, *own]
        self.asset_checks: tuple[AssetChecksDefinition, ...] = tuple(given_checks)
        problems += [
            f"{each!r} is not an asset. Decorate its function with @asset."
            for each in rest
            if not isinstance(each, (SourceAsset, AssetChecksDefinition))
        ]
        self.schedules: tuple[ScheduleDefinition, ...] = tuple(
            check_several(schedules, "schedules", _OWNER, "schedules")
        )
        self.sensors: tuple[SensorDefinition, ...] = tuple(
            check_several(sensors, "sensors", _OWNER, "sensors")
        )
        problems += of_wrong_kind(self.schedules, self.sensors)
        wanted_jobs = check_several(jobs, "jobs", _OWNER, "jobs")
        self._given_jobs: tuple[JobDefinition | AssetJobDefinition, ...] = tuple(wanted_jobs)
        problems += [
            f"{each!r} is not a job. Use @job, graph.to_job() or define_asset_job()."
            for each in wanted_jobs
            if not isinstance(each, (JobDefinition, AssetJobDefinition))
        ]
        self.resources = check_dict(resources, "resources", _OWNER, "resources by name")
        problems += [
            f"The resource {name!r} has no text as its name. Name it as code reads it."
            for name in self.resources
            if not isinstance(name, str)
        ]
        self.executor, wrong = executor_given(executor)
        problems += wrong
        self.loggers = check_dict(loggers, "loggers", _OWNER, "loggers by name")
        problems += [
            f"The logger {name!r} is {each!r}, which is none. Make it with @logger, under a name."
            for name, each in self.loggers.items()
            if not isinstance(each, LoggerDefinition) or not isinstance(name, str)
        ]
        problems += [
            f"{each!r} is not a check. Decorate its function with @asset_check."
            for each in given_checks
            if not isinstance(each, AssetChecksDefinition)
        ]
        problems += names_given_twice(
            self.assets, self.source_assets, self.asset_checks,
            jobs=self._given_jobs, schedules=self.schedules, sensors=self.sensors,
        )  # fmt: skip
        _raise_all(problems)

    @property
    def jobs(self) -> tuple[JobDefinition | AssetJobDefinition, ...]:
        """The jobs that it was given."""
        return self._given_jobs

    def _known_jobs(self) -> dict[str, JobDefinition | AssetJobDefinition | None]:
        """Return the jobs by name; None where one is not made yet."""
        return {each.name: each for each in self._given_jobs}

    @cached_property
    def assets_by_key(self) -> Mapping[AssetKey, AssetsDefinition]:
        """The definition of each asset that can be materialized."""
        return {key: each for each in self.assets for key in each.ordered_keys}

    @cached_property
    def _resource_defs(self) -> Mapping[str, Any]:
        return resource_defs_of(self.resources)

    @cached_property
    def _jobs_by_name(self) -> Mapping[str, JobDefinition | AssetJobDefinition]:
        found = {each.name: each for each in self._given_jobs}
        for target in brought_jobs([*self.schedules, *self.sensors]):
            found.setdefault(target.name, target)
        return found

    @property
    def job_names(self) -> list[str]:
        """The names of its jobs."""
        return list(self._jobs_by_name)

    def get_job_def(self, name: str) -> JobDefinition:
        """Return the job of that name, with the shared resources.

        Raises:
            UnknownJobError: If there is none.
            InvalidDefinitionError: If it lacks resources that these definitions should provide.
        """
        found = self._jobs_by_name.get(name)
        if found is None and name != GLOBAL_ASSET_JOB:
            hint = did_you_mean(name, self._jobs_by_name, noun="There are")
            raise UnknownJobError(f"There is no job called {name!r}. {hint}".rstrip())
        if name not in self._named_jobs:
            bound = self._bound(found) if found else self.get_implicit_global_asset_job_def()
            if self.is_whole:
                _ = bound.required_resource_keys  # it says what is missing, or goes in a circle
            self._named_jobs[name] = bound
        return self._named_jobs[name]

    @cached_property
    def _named_jobs(self) -> dict[str, JobDefinition]:
        """The jobs with the shared resources; cached, because plans are cached with them."""
        return {}

    def _bound(self, job: JobDefinition | AssetJobDefinition) -> JobDefinition:
        if isinstance(job, AssetJobDefinition):
            return job.resolve(
                self.assets,
                self.source_assets,
                self._resource_defs,
                self.executor,
                self.loggers,
                self.asset_checks,
            )
        bound = job.with_top_level_resources(self._resource_defs)
        if self.executor is not None and not job.has_specified_executor:
            bound = bound.with_executor_def(self.executor)
        if self.loggers and not job.has_specified_loggers:
            bound = bound.with_logger_defs(self.loggers)
        return bound

    def get_all_job_defs(self) -> list[JobDefinition]:
        """Return all jobs, and the one of all assets if there are assets."""
        if self.is_whole:
            self.validate_loadable(self)
        jobs = [self.get_job_def(name) for name in self._jobs_by_name]
        return [*jobs, *([self.get_implicit_global_asset_job_def()] if self.assets else [])]

    def get_implicit_global_asset_job_def(self) -> JobDefinition:
        """Return the job that materializes all assets."""
        return self.job_of_assets(GLOBAL_ASSET_JOB)

    def has_implicit_global_asset_job_def(self) -> bool:
        """Whether there is a job that materializes all assets: there is if there are assets."""
        return bool(self.assets)

    def get_implicit_job_def_for_assets(
        self, asset_keys: Iterable[AssetKey]
    ) -> JobDefinition | None:
        """Return the job that materializes all assets if it has these, else None."""
        known = {key for each in self.assets for key in each.keys}
        return self.get_implicit_global_asset_job_def() if known.issuperset(asset_keys) else None

    def job_of_assets(self, name: str, selection: Any = None, **parameters: Any) -> JobDefinition:
        """Return a job that materializes the selected assets, with the shared resources.

        The same selection returns the same job, whose plan is cached.
        """
        if parameters:
            return self._new_job_of_assets(name, selection, **parameters)
        is_text = isinstance(selection, str | None)
        wanted = name, selection if is_text else AssetSelection.from_coercible(selection)
        known = self._jobs_of_assets
        if wanted not in known:
            if len(known) == _MOST_JOBS:
                known.clear()
            known[wanted] = self._new_job_of_assets(name, selection)
        return known[wanted]

    @cached_property
    def _jobs_of_assets(self) -> dict[tuple[str, str | AssetSelection | None], JobDefinition]:
        return {}

    def _new_job_of_assets(self, name: str, selection: Any, **parameters: Any) -> JobDefinition:
        return JobDefinition(
            name=name,
            resource_defs=self._resource_defs,
            executor_def=self.executor,
            logger_defs=self.loggers,
            asset_layer=AssetLayer(self.assets, self.source_assets, selection, self.asset_checks),
            **parameters,
        )

    def job_of_checks(
        self, name: str, checks: Iterable[AssetCheckKey], **parameters: Any
    ) -> JobDefinition:
        """Return a job that evaluates these checks on the stored values.

        Raises:
            InvalidSubsetError: If there is no such check.
        """
        return self.job_of_assets(name, AssetSelection.checks(*checks), **parameters)

    def select_assets(self, selection: Any) -> frozenset[AssetKey]:
        """Resolve the keys of the assets that a selection names.

        Raises:
            InvalidSubsetError: If it names something unknown, or nothing.
        """
        job = self.job_of_assets(GLOBAL_ASSET_JOB, selection)
        return frozenset(key for each in job.graph.assets_by_node.values() for key in each.keys)

    def get_asset_checks_def(self, key: AssetCheckKey) -> AssetChecksDefinition:
        """Return the definition of a check.

        Raises:
            InvalidSubsetError: If there is no such check.
        """
        known = {k.to_user_string(): each for each in self.asset_checks for k in each.check_keys}
        name = key.to_user_string()
        if name in known:
            return known[name]
        hint = did_you_mean(name, known, noun="There are")
        raise InvalidSubsetError(f"There is no check called {name!r}. {hint}".rstrip())

    def get_schedule_def(self, name: str) -> ScheduleDefinition:
        """Return the schedule of that name.

        Raises:
            InvalidSubsetError: If there is none.
        """
        known = resolved_schedules(self.schedules, self.get_job_def)
        return launching_named(known, name, "schedule")

    def get_sensor_def(self, name: str) -> SensorDefinition:
        """Return the sensor of that name.

        Raises:
            InvalidSubsetError: If there is none.
        """
        return launching_named(self.sensors, name, "sensor")

    def get_repository_def(self) -> RepositoryDefinition:
        """Return these definitions as a repository, Dagster's older form."""
        return engine().repository_of(self)

    def get_assets_def(self, key: Any) -> AssetsDefinition | SourceAsset:
        """Return the definition of an asset.

        Raises:
            InvalidSubsetError: If there is none.
        """
        wanted = AssetKey.from_coercible(key)
        known: dict[AssetKey, AssetsDefinition | SourceAsset] = {
            **{each.key: each for each in self.source_assets},
            **self.assets_by_key,
        }
        if wanted in known:
            return known[wanted]
        names = [each.to_user_string() for each in known]
        hint = did_you_mean(wanted.to_user_string(), names, noun="There are")
        raise InvalidSubsetError(f"There is no asset {wanted.to_user_string()!r}. {hint}".rstrip())

    def named_by(
        self, selection: Any, status_of: Callable[[AssetKey], str] | None = None
    ) -> set[AssetKey]:
        """Resolve the keys of all that a selection names, source assets included.

        Args:
            selection: An `AssetSelection`, text, or anything that selects assets.
            status_of: Returns the status of an asset, as in `AssetSelection.resolve`.

        Raises:
            InvalidSubsetError: If it cannot be parsed, or names something unknown.
        """
        return self.resolve_selection(selection, status_of)[0]

    def resolve_selection(
        self, selection: Any, status_of: Callable[[AssetKey], str] | None = None
    ) -> tuple[set[AssetKey], set[AssetCheckKey]]:
        """Resolve the keys of the assets and checks that a selection names; see `named_by`."""
        return engine().resolve_selection(self, selection, status_of)

    def resolve_all_asset_keys(self) -> list[AssetKey]:
        """Return the keys of all assets, external ones included."""
        return [spec.key for spec in self.resolve_all_asset_specs()]

    def resolve_all_asset_specs(self) -> list[AssetSpec]:
        """Return the specs of all assets, external ones included."""
        around: list[Any] = [*self.assets, *self.source_assets]
        return [spec for each in around for spec in each.specs]

    def map_asset_specs(
        self, *, func: Callable[[AssetSpec], AssetSpec], selection: Any = None
    ) -> Definitions:
        """Return a copy with a function applied to the spec of each asset.

        Args:
            func: Takes a spec and returns one.
            selection: The assets to change; all if not given.

        Raises:
            InvalidSubsetError: If the selection names something unknown.

        Example:
            >>> from jobnb import AssetSpec, Definitions
            >>> defs = Definitions(assets=[AssetSpec("orders")])
            >>> owned = defs.map_asset_specs(
            ...     func=lambda spec: spec.merge_attributes(owners=["team:shop"])
            ... )
            >>> owned.get_assets_def("orders").owners
            ['team:shop']
        """
        around: list[Any] = [*self.assets, *self.source_assets]
        everything = AssetSelection.all(include_sources=True)
        chosen = self.named_by(everything if selection is None else selection)

        def changed(spec: AssetSpec) -> AssetSpec:
            return func(spec) if spec.key in chosen else spec

        return self._with_assets([each.map_asset_specs(changed) for each in around])

    map_resolved_asset_specs = map_asset_specs

    def _with_assets(self, assets: Iterable[Any]) -> Definitions:
        made = type(self).of(**{**self._parts(), "assets": assets})
        made.metadata = self.metadata
        return made

    def _parts(self) -> dict[str, Any]:
        """Return what it was given, by the names of its parameters."""
        return {name: getattr(self, name) for name in _PARTS}

    def load_asset_value(
        self,
        asset_key: CoercibleToAssetKey,
        *,
        python_type: type | None = None,
        instance: Instance | None = None,
        partition_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Any:
        """Load the stored value of an asset with its IO manager.

        Args:
            asset_key: Its key.
            python_type: The type to load it as.
            instance: The instance that stores it; `Instance.get()` if not given.
            partition_key: The partition to load.
            metadata: Metadata for the loader.

        Returns:
            What the function of the asset returned, of whatever type; of several partitions a
            dict of values by key.

        Raises:
            JobnbError: If the asset is unknown or has never been stored.
        """
        return engine().load_asset_value(
            self,
            asset_key,
            python_type=python_type,
            instance=instance,
            partition_key=partition_key,
            metadata=metadata,
        )

    def get_asset_value_loader(self, instance: Instance | None = None) -> AssetValueLoader:
        """Return an object that loads several values and sets up resources once."""
        return engine().asset_value_loader(self, instance)

    @classmethod
    def merge(cls, *def_sets: Definitions) -> Definitions:
        """Merge several `Definitions`; objects that several of them hold are included once.

        Args:
            *def_sets: The definitions.

        Raises:
            InvalidDefinitionError: If they have different resources, loggers, executors or values
                of one name; lists all of them.

        Example:
            >>> from jobnb import Definitions, asset
            >>> orders, prices = asset(name="orders")(lambda: 3), asset(name="prices")(lambda: 4)
            >>> Definitions.merge(Definitions([orders]), Definitions([prices, orders]))
            Definitions(2 assets)

        Source: Dagster's `Definitions.merge`.
        """
        return cls(**merged_parts(def_sets))

    def with_resources(self, resources: Mapping[str, Any] | None) -> Definitions:
        """Return a copy with more resources, which replace those of the same keys."""
        parts = self._parts()
        parts["assets"] = [*self.assets, *self.source_assets]
        parts["resources"] = {**self.resources, **(resources or {})}
        return type(self)(**parts, metadata=self.metadata)

    @staticmethod
    def validate_loadable(defs: Definitions) -> None:
        """Check that every job can be planned, as a test of a whole code location.

        The jobs that schedules and sensors launch have to be there, too.

        Args:
            defs: The definitions.

        Raises:
            InvalidDefinitionError: If some cannot; lists all of them, each with its reason.
        """
        problems = []
        names = [*defs._jobs_by_name, *([GLOBAL_ASSET_JOB] if defs.assets else [])]
        for name in names:
            try:
                _ = defs.get_job_def(name).required_resource_keys
            except JobnbError as error:
                problems.append(f"{name!r}: {error}")
        by_name = defs._jobs_by_name
        problems += absent_jobs(defs.schedules, defs.sensors, [*by_name, GLOBAL_ASSET_JOB], by_name)
        problems += lacking_resources(defs.schedules, defs.sensors, defs.resources)
        problems += unknown_times(defs.schedules, defs.get_job_def)
        _raise_all(problems, "Not all of it can run")

    def resolve_job_def(self, name: str) -> JobDefinition:
        """Dagster's newer name for `get_job_def`."""
        return self.get_job_def(name)

    def resolve_schedule_def(self, name: str) -> ScheduleDefinition:
        """Dagster's newer name for `get_schedule_def`."""
        return self.get_schedule_def(name)

    def resolve_sensor_def(self, name: str) -> SensorDefinition:
        """Dagster's newer name for `get_sensor_def`."""
        return self.get_sensor_def(name)

    def __repr__(self) -> str:
        parts = [
            f"{len(things)} {noun}"
            for noun, things in (
                ("assets", self.assets),
                ("source assets", self.source_assets),
                ("checks", self.asset_checks),
                ("jobs", self._given_jobs),
                ("schedules", self.schedules),
                ("sensors", self.sensors),
                ("resources", self.resources),
            )
            if things
        ]
        return f"Definitions({', '.join(parts) or 'nothing'})"


def _raise_all(problems: list[str], what: str = "These definitions are not right") -> None:
    if problems:
        told = "\n  ".join(problems)
        raise InvalidDefinitionError(f"{what}:\n  {told}")


def each_asset(given: Iterable[Any]) -> list[Any]:
    """Return assets and source assets; specs become external assets, and lists are flattened.

    Raises:
        InvalidDefinitionError: If it is no list.
    """
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise InvalidDefinitionError(f"Assets are given as a list: [{given!r}].")
    found: list[Any] = []
    for each in given:
        if isinstance(each, AssetsDefinition):
            found.append(each)
        elif isinstance(each, AssetSpec):
            found.append(SourceAsset.of_spec(each))
        elif isinstance(each, ObservableAssets):
            found += each.sources
        elif isinstance(each, (list, tuple)):
            found += each_asset(each)
        else:
            found.append(each)
    return found
