"""`Definitions`: all that a code location offers, frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jobnb.definitions.announce import announce_from_caller
from jobnb.definitions.assets.asset_job import AssetJobDefinition, AssetLayer
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.defined_assets import DefinedAssets, each_asset
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.doors import engine
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.merged_definitions import MergedDefinitions
from jobnb.definitions.resources.resource import resource_defs_of
from jobnb.definitions.selections.selection import AssetSelection
from jobnb.errors import InvalidDefinitionError, InvalidSubsetError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.locations.repository import RepositoryDefinition
    from jobnb.execution.values import AssetValueLoader
    from jobnb.storage.instance import Instance

__all__ = ["Definitions"]

GLOBAL_ASSET_JOB = "__ASSET_JOB"
_PARTS = (
    "assets", "schedules", "sensors", "jobs", "resources", "executor", "loggers", "asset_checks",
)  # fmt: skip


class Definitions(DefinedAssets, MergedDefinitions):
    """Assets, jobs, schedules, sensors and the resources they share.

    Args:
        assets: Assets, source assets and specs of external assets.
        schedules: Schedules.
        sensors: Sensors.
        jobs: Jobs, from `@job`, `to_job` or `define_asset_job`.
        resources: Resources by key: values, definitions or `ConfigurableResource` objects.
        executor: How steps are run, where a job does not say.
        loggers: Loggers by name, where a job has none.
        asset_checks: Checks of assets.
        metadata: Values shown beside the whole.

    Raises:
        InvalidDefinitionError: If two things have one name, or something is of no known kind;
            all problems at once.

    Example:
        >>> from jobnb import Definitions, asset
        >>> @asset
        ... def orders():
        ...     return 3
        >>> sorted(Definitions(assets=[orders]).assets_by_key)
        [AssetKey(['orders'])]

    Source: Dagster's `Definitions`.
    """

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
        self.metadata = dict(metadata or {})
        announce_from_caller(self)

    @classmethod
    def of(cls, **parts: Any) -> Definitions:
        """The same as calling the class, but nobody is told of it."""
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
        # Whoever makes an asset counts, not who says that it comes from elsewhere.
        self.source_assets = tuple(
            each for each in rest if isinstance(each, SourceAsset) and each.key not in keys
        )
        checks = [each for each in rest if isinstance(each, AssetChecksDefinition)]
        given_checks = [*checks, *(asset_checks or ())]
        self.asset_checks: tuple[AssetChecksDefinition, ...] = tuple(given_checks)
        problems += [
            f"{each!r} is not an asset. Decorate its function with @asset."
            for each in rest
            if not isinstance(each, (SourceAsset, AssetChecksDefinition))
        ]
        self.schedules = tuple(schedules or ())
        self.sensors = tuple(sensors or ())
        wanted_jobs = list(jobs or ())
        self.jobs: tuple[JobDefinition | AssetJobDefinition, ...] = tuple(wanted_jobs)
        problems += [
            f"{each!r} is not a job. Use @job, graph.to_job() or define_asset_job()."
            for each in wanted_jobs
            if not isinstance(each, (JobDefinition, AssetJobDefinition))
        ]
        self.resources = dict(resources or {})
        self.executor = executor
        self.loggers = dict(loggers or {})
        problems += [
            f"{each!r} is not a check. Decorate its function with @asset_check."
            for each in given_checks
            if not isinstance(each, AssetChecksDefinition)
        ]
        problems += self._twice()
        if problems:
            told = "\n  ".join(problems)
            raise InvalidDefinitionError(f"These definitions are not right:\n  {told}")

    def _twice(self) -> list[str]:
        """The names that two different things have."""
        keyed = [(key, each) for each in self.assets for key in each.ordered_keys]
        sources = [(each.key, each) for each in self.source_assets]
        twice = _shared([*keyed, *sources])
        problems = [f"Two assets have the key {key.to_user_string()!r}." for key in twice]
        checking = [*self.asset_checks, *self.assets, *self.source_assets]
        checks = [(k, each) for each in checking for k in getattr(each, "check_keys", ())]
        problems += [f"Two checks are called {k.to_user_string()!r}." for k in _shared(checks)]
        for kind, things in (
            ("jobs", self.jobs),
            ("schedules", self.schedules),
            ("sensors", self.sensors),
        ):
            named = [(getattr(each, "name", None), each) for each in things]
            problems += [f"Two {kind} are called {name!r}." for name in _shared(named)]
        return problems

    @cached_property
    def assets_by_key(self) -> Mapping[AssetKey, AssetsDefinition]:
        """The definition of each asset that can be made."""
        return {key: each for each in self.assets for key in each.ordered_keys}

    @cached_property
    def _resource_defs(self) -> Mapping[str, Any]:
        return resource_defs_of(self.resources)

    @cached_property
    def _jobs_by_name(self) -> dict[str, JobDefinition | AssetJobDefinition]:
        found = {each.name: each for each in self.jobs}
        for each in (*self.schedules, *self.sensors):
            for target in getattr(each, "jobs", None) or ():
                found.setdefault(target.name, target)
        return found

    @property
    def job_names(self) -> list[str]:
        """The names of its jobs."""
        return list(self._jobs_by_name)

    def get_job_def(self, name: str) -> JobDefinition:
        """The job called so, with the resources it shares.

        Raises:
            InvalidSubsetError: If there is none.
        """
        if name == GLOBAL_ASSET_JOB:
            return self.get_implicit_global_asset_job_def()
        found = self._jobs_by_name.get(name)
        if found is None:
            hint = did_you_mean(name, self._jobs_by_name, noun="There are")
            raise InvalidSubsetError(f"There is no job called {name!r}. {hint}".rstrip())
        return self._bound(found)

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
        """All its jobs, and the one of all assets if there are assets."""
        jobs = [self.get_job_def(name) for name in self._jobs_by_name]
        return [*jobs, *([self.get_implicit_global_asset_job_def()] if self.assets else [])]

    def get_implicit_global_asset_job_def(self) -> JobDefinition:
        """The job that makes all assets."""
        return self.job_of_assets(GLOBAL_ASSET_JOB)

    def job_of_assets(self, name: str, selection: Any = None, **parameters: Any) -> JobDefinition:
        """A job that makes the selected assets, with the resources they share."""
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
        """A job that makes these checks and no assets: what was stored is looked at.

        Raises:
            InvalidSubsetError: If there is no such check.
        """
        return self.job_of_assets(name, AssetSelection.checks(*checks), **parameters)

    def select_assets(self, selection: Any) -> frozenset[AssetKey]:
        """The keys of the assets that a selection names.

        Raises:
            InvalidSubsetError: If it names what is not there, or nothing.
        """
        job = self.job_of_assets(GLOBAL_ASSET_JOB, selection)
        return frozenset(key for each in job.graph.assets_by_node.values() for key in each.keys)

    def get_asset_checks_def(self, key: AssetCheckKey) -> AssetChecksDefinition:
        """The definition that makes a check.

        Raises:
            InvalidSubsetError: If none does.
        """
        known = {k.to_user_string(): each for each in self.asset_checks for k in each.check_keys}
        name = key.to_user_string()
        if name in known:
            return known[name]
        hint = did_you_mean(name, known, noun="There are")
        raise InvalidSubsetError(f"There is no check called {name!r}. {hint}".rstrip())

    def get_schedule_def(self, name: str) -> Any:
        """The schedule called so."""
        return _named(self.schedules, name, "schedule")

    def get_sensor_def(self, name: str) -> Any:
        """The sensor called so."""
        return _named(self.sensors, name, "sensor")

    def get_repository_def(self) -> RepositoryDefinition:
        """These definitions as a repository, Dagster's older name for them."""
        return engine().repository_of(self)

    def load_asset_value(
        self,
        asset_key: Any,
        *,
        python_type: Any = None,
        instance: Any = None,
        partition_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Any:
        """The stored value of an asset, loaded by its IO manager.

        Args:
            asset_key: Its key.
            python_type: What the loader is asked for.
            instance: Where it was made; `Instance.get()` if absent.
            partition_key: The partition to load.
            metadata: Values for the loader.

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
        """An object that loads several values and sets resources up once for all."""
        return engine().asset_value_loader(self, instance)

    def __repr__(self) -> str:
        parts = [
            f"{len(things)} {noun}"
            for noun, things in (
                ("assets", self.assets),
                ("source assets", self.source_assets),
                ("checks", self.asset_checks),
                ("jobs", self.jobs),
                ("schedules", self.schedules),
                ("sensors", self.sensors),
                ("resources", self.resources),
            )
            if things
        ]
        return f"Definitions({', '.join(parts) or 'nothing'})"


def _shared(named: Iterable[tuple[Any, Any]]) -> list[Any]:
    """The names, but for None, under which two different things stand."""
    seen: dict[Any, Any] = {}
    twice = [name for name, each in named if seen.setdefault(name, each) is not each]
    return [name for name in dict.fromkeys(twice) if name is not None]


def _named(things: Iterable[Any], name: str, noun: str) -> Any:
    known = {each.name: each for each in things}
    if name in known:
        return known[name]
    hint = did_you_mean(name, known, noun="There are")
    raise InvalidSubsetError(f"There is no {noun} called {name!r}. {hint}".rstrip())
