"""Repositories: Dagster's older form of a code location, with a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.automation.schedule import ScheduleDefinition
from jobnb.definitions.automation.sensor import SensorDefinition
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey, check_name
from jobnb.definitions.locations.definitions import GLOBAL_ASSET_JOB, Definitions
from jobnb.definitions.locations.launching import resolved_schedules
from jobnb.definitions.metadata import normalize
from jobnb.definitions.metadata_values import MetadataValue
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.plain import docstring
from jobnb.errors import InvalidDefinitionError, UnknownJobError, did_you_mean

if TYPE_CHECKING:
    from jobnb.definitions.resources.resource import ResourceDefinition
    from jobnb.plan.graphs import AssetGraph

_UNNAMED = "__repository__"
_KINDS: Mapping[str, tuple[type, ...]] = {
    "assets": (AssetsDefinition, SourceAsset),
    "asset_checks": (AssetChecksDefinition,),
    "jobs": (JobDefinition, AssetJobDefinition, GraphDefinition),
    "schedules": (ScheduleDefinition,),
    "sensors": (SensorDefinition,),
}
_NAMED = ("jobs", "schedules", "sensors")


class RepositoryDefinition(Definitions):
    """Definitions under a name.

    Usually created by `@repository`; new code uses `Definitions`.

    Args:
        name: Letters, digits and underscores.
        repository_data: A list of assets, jobs, schedules and sensors, also nested; or a dict with
            `jobs`, `schedules` and `sensors`, each by name, as objects or as functions that make
            them. Such a function of a job is called when the job is asked for.
        description: A description, in Markdown.
        metadata: Metadata shown beside it.
        default_executor_def: The executor, where a job does not say.
        default_logger_defs: Loggers by name, where a job has none.

    Raises:
        InvalidDefinitionError: If something is of an unknown type; lists every problem.

    Source: Dagster's `RepositoryDefinition`.
    """

    def __init__(
        self,
        name: str,
        repository_data: Sequence[Any] | Mapping[str, Mapping[str, Any]],
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        repository_load_data: Any = None,
        default_executor_def: Any = None,
        default_logger_defs: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = check_name(name, "a repository")
        self.description = description
        self._named_makers: Mapping[str, Any] = {}
        if isinstance(repository_data, Mapping):
            _check_parts(name, repository_data)
            self._named_makers = {
                job: _checked_job(name, job, each)
                for job, each in repository_data.get("jobs", {}).items()
            }
        super().__init__(
            **_parts(self.name, repository_data),
            executor=default_executor_def,
            loggers=default_logger_defs,
            metadata=normalize(metadata),
        )

    @classmethod
    def of_definitions(cls, definitions: Definitions) -> RepositoryDefinition:
        """Return definitions as a repository."""
        made = cls.__new__(cls)
        made.__dict__.update(definitions.__dict__)
        made.name = _UNNAMED
        made.description = None
        made._named_makers = {}
        return made

    @property
    def jobs(self) -> tuple[JobDefinition | AssetJobDefinition, ...]:
        """All jobs that it was given; those that are given as functions are made for it."""
        return (*super().jobs, *(self._jobs_by_name[name] for name in self._named_makers))

    def _known_jobs(self) -> dict[str, JobDefinition | AssetJobDefinition | None]:
        ready = {
            name: None if _is_maker(each) else each for name, each in self._named_makers.items()
        }
        return {**super()._known_jobs(), **ready}

    @cached_property
    def _jobs_by_name(self) -> Mapping[str, JobDefinition | AssetJobDefinition]:
        return _Jobs(self.name, {**super()._jobs_by_name, **self._named_makers})

    @property
    def job_names(self) -> list[str]:
        """Its job names, with that of the job of all assets if there are assets."""
        return [*self._jobs_by_name, *([GLOBAL_ASSET_JOB] if self.assets else [])]

    def get_all_jobs(self) -> list[JobDefinition]:
        """Return all jobs, and the one of all assets if there are assets."""
        return self.get_all_job_defs()

    @cached_property
    def asset_graph(self) -> AssetGraph:
        """Its assets, each with its upstream and downstream."""
        return engine().asset_graph_of(self)

    def get_top_level_resources(self) -> Mapping[str, ResourceDefinition]:
        """Return its resources by key."""
        return self._resource_defs

    def has_job(self, name: str) -> bool:
        """Whether there is a job of that name."""
        return name in self.job_names

    def get_job(self, name: str) -> JobDefinition:
        """Return the job of that name.

        Raises:
            UnknownJobError: If there is none.
        """
        if self.has_job(name):
            return self.get_job_def(name)
        hint = did_you_mean(name, self.job_names, noun="There are")
        raise UnknownJobError(f"{self.name!r} has no job called {name!r}. {hint}".rstrip())

    @property
    def assets_defs_by_key(self) -> Mapping[AssetKey, AssetsDefinition]:
        """The definition of each asset that can be materialized."""
        return self.assets_by_key

    @property
    def source_assets_by_key(self) -> Mapping[AssetKey, SourceAsset]:
        """The source assets by key."""
        return {each.key: each for each in self.source_assets}

    @property
    def asset_checks_defs_by_key(self) -> Mapping[Any, AssetChecksDefinition]:
        """The definition of each check."""
        return {key: each for each in self.asset_checks for key in each.check_keys}

    @property
    def schedule_defs(self) -> list[ScheduleDefinition]:
        """Its schedules."""
        return resolved_schedules(self.schedules, self.get_job_def)

    @property
    def sensor_defs(self) -> list[SensorDefinition]:
        """Its sensors."""
        return list(self.sensors)

    def has_schedule_def(self, name: str) -> bool:
        """Whether there is a schedule of that name."""
        return any(each.name == name for each in self.schedules)

    def has_sensor_def(self, name: str) -> bool:
        """Whether there is a sensor of that name."""
        return any(each.name == name for each in self.sensors)

    def load_asset_value(
        self,
        asset_key: Any,
        *,
        python_type: Any = None,
        instance: Any = None,
        partition_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        resource_config: Mapping[str, Any] | None = None,
    ) -> Any:
        """Load the stored value of an asset with its IO manager.

        Args:
            asset_key: Its key.
            python_type: The type to load it as.
            instance: The instance that stores it; `Instance.get()` if not given.
            partition_key: The partition to load.
            metadata: Metadata for the loader.
            resource_config: The config of resources, as in a run config.

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
            resource_config=resource_config,
        )

    def get_repository_def(self) -> RepositoryDefinition:
        """Return itself."""
        return self

    def __repr__(self) -> str:
        inside = super().__repr__().partition("(")[2]
        return f"RepositoryDefinition({self.name!r}: {inside}"


def _parts(name: str, data: Any) -> dict[str, Any]:
    """Convert a repository's contents to the parameters of `Definitions`."""
    if isinstance(data, Mapping):
        return {
            part: [each() if _is_maker(each) else each for each in data.get(part, {}).values()]
            for part in ("schedules", "sensors")
        }
    if isinstance(data, Iterable) and not isinstance(data, str):
        return _from_list(name, data)
    raise InvalidDefinitionError(
        f"The repository {name!r} is made of {data!r}. Return a list of assets, jobs, schedules "
        f"and sensors, or a dict with {', '.join(map(repr, _NAMED))}."
    )


def _from_list(name: str, data: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, list[Any]] = {part: [] for part in _KINDS}
    problems = []
    for index, each in enumerate(_flat(data)):
        part = next((part for part, kinds in _KINDS.items() if isinstance(each, kinds)), None)
        if part is None:
            problems.append(f"{each!r}, at place {index}")
        elif all(each is not known for known in found[part]):
            found[part].append(each)
    if problems:
        raise InvalidDefinitionError(
            f"The repository {name!r} holds what is no asset, check, job, graph, schedule or "
            "sensor:\n  " + "\n  ".join(problems)
        )
    found["jobs"] = [_as_job(each) for each in found["jobs"]]
    return found


def _flat(data: Iterable[Any]) -> Iterator[Any]:
    for each in data:
        # The results of with_resources and load_assets_from_... are lists.
        if isinstance(each, (list, tuple)):
            yield from _flat(each)
        else:
            yield each


class _Jobs(Mapping[str, JobDefinition | AssetJobDefinition]):
    """Jobs by name; one that is given as a function is made at its first use.

    Args:
        repository: The name of the repository.
        given: Jobs, and functions that make them.
    """

    def __init__(self, repository: str, given: Mapping[str, Any]) -> None:
        self._repository = repository
        self._given = dict(given)

    def __getitem__(self, name: str) -> JobDefinition | AssetJobDefinition:
        found = self._given[name]
        if _is_maker(found):
            found = self._given[name] = self._made(name, found())
        job: JobDefinition | AssetJobDefinition = found
        return job

    def _made(self, name: str, made: Any) -> JobDefinition | AssetJobDefinition:
        job = _checked_job(self._repository, name, made)
        if _is_maker(job) or job.name != name:
            raise InvalidDefinitionError(
                f"The repository {self._repository!r} has a function for the job {name!r}, which "
                f"returns {made!r}. Give both the same name."
            )
        found: JobDefinition | AssetJobDefinition = job
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


def _checked_job(repository: str, name: str, given: Any) -> Any:
    """Return a job, made of a graph where one is given; or the function that makes it."""
    if _is_maker(given) or isinstance(given, (JobDefinition, AssetJobDefinition)):
        return given
    if isinstance(given, GraphDefinition):
        return given.to_job(name=name)
    raise InvalidDefinitionError(
        f"The repository {repository!r} has {given!r} as its job {name!r}, which is no job. Use "
        "@job, graph.to_job() or define_asset_job()."
    )


def _check_parts(name: str, data: Mapping[str, Any]) -> None:
    unknown = [key for key in data if key not in _NAMED]
    if unknown:
        hint = did_you_mean(str(unknown[0]), _NAMED, noun="It may have")
        raise InvalidDefinitionError(
            f"The repository {name!r} has a part called {unknown[0]!r}. {hint}"
        )


def _is_maker(thing: Any) -> bool:
    """Whether it is a function that makes a definition."""
    return hasattr(thing, "__code__")


def _as_job(thing: Any) -> Any:
    return thing.to_job() if isinstance(thing, GraphDefinition) else thing


@overload
def repository(definitions_fn: Callable[[], Any]) -> RepositoryDefinition: ...
@overload
def repository(
    definitions_fn: None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    default_executor_def: Any = None,
    default_logger_defs: Mapping[str, Any] | None = None,
) -> Callable[[Callable[[], Any]], RepositoryDefinition]: ...
def repository(
    definitions_fn: Callable[[], Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, MetadataValue | Any] | None = None,
    default_executor_def: Any = None,
    default_logger_defs: Mapping[str, Any] | None = None,
) -> Any:
    """Define a repository with a function that returns definitions.

    Args:
        definitions_fn: The function; the decorator also works without parentheses.
        name: The name; that of the function if not given.
        description: A description; the function's docstring if not given.
        metadata: Metadata shown beside it.
        default_executor_def: The executor, where a job does not say.
        default_logger_defs: Loggers by name, where a job has none.

    Example:
        >>> from jobnb import asset, repository
        >>> @asset
        ... def orders():
        ...     return 3
        >>> @repository
        ... def shop():
        ...     return [orders]
        >>> shop.get_all_jobs()[0].execute_in_process().asset_value("orders")
        3

    Source: Dagster's `@repository`.
    """

    def decorate(function: Callable[[], Any]) -> RepositoryDefinition:
        return RepositoryDefinition(
            name or function.__name__,
            function(),
            description or docstring(function),
            metadata,
            default_executor_def=default_executor_def,
            default_logger_defs=default_logger_defs,
        )

    return decorate if definitions_fn is None else decorate(definitions_fn)
