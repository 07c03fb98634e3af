"""Jobs as GraphQL tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jobnb.config import Section, dump_yaml
from jobnb.config.places import form_of
from jobnb.config.samples import with_defaults
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.jobs.logger import default_loggers
from jobnb.definitions.locations.definitions import GLOBAL_ASSET_JOB
from jobnb.definitions.metadata import normalize
from jobnb.errors import InvalidConfigError, InvalidSubsetError, JobnbError, did_you_mean
from jobnb.plan.asset_graph import AssetGraphDefinition
from jobnb.plan.build import build_plan
from jobnb.plan.job_subset import selected_graph
from jobnb.plan.resources import all_resource_defs
from jobnb.plan.run_config import config_schema_of
from jobnb.server import problems
from jobnb.server.config_errors import (
    PipelineConfigValidationValid,
    RunConfigValidationInvalid,
    given_config,
    invalid,
)
from jobnb.server.config_types import ConfigTypeField, all_types, field_of_schema, type_of
from jobnb.server.instigators import Schedule, Sensor, schedules_of, sensors_of
from jobnb.server.metadata import entries
from jobnb.server.nodes import Node, digest, type_named
from jobnb.server.ops import GraphInJob, Solid, SolidHandle, handles_below
from jobnb.server.plans import ExecutionPlan
from jobnb.server.runs import Run, find_runs, key_of
from jobnb.server.tags import PipelineTag, tags_of
from jobnb.server.types import RegularDagsterType, types_of
from jobnb.server.workspace import REPOSITORY, Location, RequestReader
from jobnb.storage.run import RunsFilter

if TYPE_CHECKING:
    from jobnb.server.repositories import Repository


class JobNotFound(Exception):
    """There is no such job; `answer` tells so."""

    def __init__(self, answer: problems.PipelineNotFoundError) -> None:
        super().__init__(answer.message)
        self.answer = answer


class SubsetNotFound(Exception):
    """A job has no such part; `answer` tells so."""

    def __init__(self, answer: problems.InvalidSubsetError) -> None:
        super().__init__(answer.message)
        self.answer = answer


@dataclass(frozen=True)
class Resource(Node):
    """A resource of a job."""

    name: str
    description: str | None
    config_field: ConfigTypeField | None


@dataclass(frozen=True)
class Logger(Node):
    """A logger of a job."""

    name: str
    description: str | None
    config_field: ConfigTypeField | None


class Mode(Node):
    """The resources and loggers of a job."""

    name = "default"
    description: str | None = None

    def __init__(self, job: JobDefinition) -> None:
        self._job = job

    @property
    def id(self) -> str:
        """Names it."""
        return digest(self._job.name, "default")

    @property
    def resources(self) -> list[Resource]:
        """The resources."""
        return [
            Resource(key, each.description, field_of_schema(each.config_schema))
            for key, each in sorted(all_resource_defs(self._job, None).items())
        ]

    @property
    def loggers(self) -> list[Logger]:
        """The loggers."""
        known: Mapping[str, Any] = self._job.loggers or default_loggers()
        return [
            Logger(key, each.description, field_of_schema(each.config_schema))
            for key, each in sorted(known.items())
        ]


@dataclass(frozen=True)
class PipelinePreset(Node):
    """A config that was kept under a name."""

    name: str
    solid_selection: Sequence[str] | None
    run_config_yaml: str
    tags: Sequence[PipelineTag]
    mode: str = "default"


class _JobNode(Node):
    """A job.

    Args:
        reading: What the request reads.
        location: What defines it.
        job: The job.
        solid_selection: The ops that it is a part of it for.
    """

    is_job = True
    parent_snapshot_id: str | None = None

    def __init__(
        self,
        reading: RequestReader,
        location: Location,
        job: JobDefinition,
        solid_selection: Sequence[str] | None = None,
    ) -> None:
        self._reading, self._location, self._job = reading, location, job
        self.name = job.name
        self.solid_selection = None if solid_selection is None else list(solid_selection)

    name: str
    solid_selection: list[str] | None

    @property
    def id(self) -> str:
        """Names it."""
        return digest(self._location.name, self.name)

    @property
    def pipeline_snapshot_id(self) -> str:
        """Names it as it is defined now."""
        handles = (each.handle_id for each in self._place.handles())
        return digest(self._location.name, self.name, *handles)

    @property
    def description(self) -> str | None:
        """What it does."""
        return self._job.description

    @property
    def is_asset_job(self) -> bool:
        """Whether it materializes assets."""
        return self._job.asset_layer is not None

    @property
    def graph_name(self) -> str:
        """The name of its graph."""
        is_of_assets = isinstance(self._job.graph, AssetGraphDefinition)
        return self.name if is_of_assets else self._job.graph.name

    @property
    def tags(self) -> list[PipelineTag]:
        """Tags of its runs."""
        return tags_of(self._job.tags)

    @property
    def metadata_entries(self) -> list[Node]:
        """Facts."""
        return entries(normalize(self._job.metadata))

    @property
    def modes(self) -> list[Mode]:
        """Its resources and loggers."""
        return [Mode(self._job)]

    @property
    def repository(self) -> Repository:
        """What defines it."""
        definitions = self._reading.definitions(self._location)
        found: Repository = type_named("Repository")(self._reading, self._location, definitions)
        return found

    @property
    def presets(self) -> list[PipelinePreset]:
        """The configs that were kept for it."""
        kept = self._reading.instance.get_presets(self.name)
        return [
            PipelinePreset(
                name,
                None,
                dump_yaml(dict(each.get("config") or {})),
                tags_of(each.get("tags") or {}),
            )
            for name, each in kept.items()
        ]

    # --- its ops

    @cached_property
    def _place(self) -> GraphInJob:
        return GraphInJob(self._reading, self._location, self._job, selected_graph(self._job))

    @property
    def solids(self) -> list[Solid]:
        """What is used in it."""
        return self._place.solids()

    def solid_handle(self, handle_id: str) -> SolidHandle | None:
        """Return the use at a place."""
        return self._place.handle(handle_id)

    def solid_handles(self, parent_handle_id: str | None = None) -> list[SolidHandle]:
        """Return the uses in it and in the graphs within it."""
        return handles_below(self._place, parent_handle_id)

    @property
    def dagster_types(self) -> list[RegularDagsterType]:
        """The types of its values."""
        return types_of(self._job.graph)

    def dagster_type_or_error(
        self, dagster_type_name: str
    ) -> RegularDagsterType | problems.DagsterTypeNotFoundError:
        """Return a type of its values."""
        known = {each.display_name: each for each in self.dagster_types}
        found = known.get(dagster_type_name)
        if found is not None:
            return found
        hint = did_you_mean(dagster_type_name, known, noun="There are")
        message = f"The job {self.name!r} has no type {dagster_type_name!r}. {hint}".rstrip()
        return problems.DagsterTypeNotFoundError(message, dagster_type_name)

    # --- what happens with it

    def runs(self, cursor: str | None = None, limit: int | None = None) -> list[Run]:
        """Return its runs, the newest first."""
        return find_runs(self._reading, RunsFilter(job_name=self.name), cursor, limit)

    @property
    def schedules(self) -> list[Schedule]:
        """The schedules that launch it."""
        known = schedules_of(self._reading, self._location)
        return [each for each in known if each.pipeline_name == self.name]

    @property
    def sensors(self) -> list[Sensor]:
        """The sensors that launch it."""
        known = sensors_of(self._reading, self._location)
        return [s for s in known if any(each.pipeline_name == self.name for each in s.targets)]


class Pipeline(_JobNode):
    """A job, under its older name."""


class Job(_JobNode):
    """A job."""


class PipelineSnapshot(_JobNode):
    """The job of a run."""

    @classmethod
    def of_run(
        cls,
        reading: RequestReader,
        location: Location | None,
        name: str,
        selection: Sequence[str] | None,
    ) -> PipelineSnapshot | UnknownPipeline:
        """Return the job of a run as it is defined now."""
        if location is not None:
            try:
                job = reading.definitions(location).get_job_def(name)
                return cls(reading, location, job, selection)
            except JobnbError:
                pass  # it is told by its name only
        return UnknownPipeline(name, selection)


@dataclass(frozen=True)
class UnknownPipeline(Node):
    """The name of a job that is not defined any more."""

    name: str
    solid_selection: Sequence[str] | None = None


# --- finding one ----------------------------------------------------------------------


def not_found(
    selector: Mapping[str, Any], name: str, why: str = ""
) -> problems.PipelineNotFoundError:
    """Answer that there is no such job."""
    message = why or f"There is no job called {name!r}."
    place = selector["repository_location_name"]
    return problems.PipelineNotFoundError(message, name, selector["repository_name"], place)


def find_location(reading: RequestReader, selector: Mapping[str, Any]) -> Location | None:
    """Return the location that a query names, or None."""
    if selector["repository_name"] != REPOSITORY:
        return None
    return reading.served.location(selector["repository_location_name"])


def find_job(reading: RequestReader, selector: Mapping[str, Any]) -> tuple[Location, JobDefinition]:
    """Return the job that a query names, all of it.

    Raises:
        JobNotFound: If there is none.
        JobnbError: If what defines it cannot be loaded.
    """
    name = selector.get("pipeline_name") or selector.get("job_name") or ""
    location = find_location(reading, selector)
    if location is None:
        known = [each.name for each in reading.served.locations]
        place = selector["repository_location_name"]
        hint = did_you_mean(place, known, noun="There are")
        raise JobNotFound(
            not_found(
                selector,
                name,
                f"There is no repository {selector['repository_name']!r} at {place!r}. Each "
                f"location has one, {REPOSITORY!r}. {hint}".rstrip(),
            )
        )
    definitions = reading.definitions(location)
    if name == GLOBAL_ASSET_JOB and not definitions.assets:
        raise JobNotFound(not_found(selector, name, f"{location.name} defines no assets."))
    try:
        return location, definitions.get_job_def(name)
    except InvalidSubsetError as error:
        raise JobNotFound(not_found(selector, name, str(error))) from error


def selected_job(
    reading: RequestReader, selector: Mapping[str, Any]
) -> tuple[Location, JobDefinition]:
    """Return the job that a query names, the part that it selects.

    Raises:
        JobNotFound: If there is none.
        SubsetNotFound: If it has no such part.
        JobnbError: If what defines it cannot be loaded.
    """
    from jobnb.execution.start import subset_of

    location, job = find_job(reading, selector)
    ops, assets = selector.get("solid_selection"), selector.get("asset_selection")
    if not ops and not assets:
        return location, job
    chosen = [key_of(each) for each in assets] if assets else None
    try:
        part = subset_of(job, ops or None, chosen, None)
        build_plan(part, check_config=False)  # it says what the selection names in vain
    except JobnbError as error:
        whole = Pipeline(reading, location, job)
        raise SubsetNotFound(problems.InvalidSubsetError(str(error), whole)) from error
    return location, part


# --- config ---------------------------------------------------------------------------


class RunConfigSchema(Node):
    """What the config of a job takes."""

    def __init__(self, job: JobDefinition) -> None:
        self._job = job

    @cached_property
    def _tree(self) -> Any:
        return config_schema_of(self._job)

    @cached_property
    def root_config_type(self) -> Any:
        """What it takes as a whole."""
        tree = self._tree if isinstance(self._tree, Section) else Section({})
        return type_of(form_of(tree), f"{self._job.name}.config")

    @property
    def all_config_types(self) -> list[Any]:
        """What all places in it take."""
        return list(all_types(self.root_config_type))

    @property
    def root_default_yaml(self) -> str:
        """The defaults."""
        from jobnb.config import raw_config

        own = raw_config(self._job.run_config) if self._job.run_config is not None else {}
        if not isinstance(self._tree, Section):
            return dump_yaml(own)
        return dump_yaml(with_defaults(self._tree, own))

    def is_run_config_valid(
        self, run_config_data: Any = None
    ) -> PipelineConfigValidationValid | RunConfigValidationInvalid | problems.PythonError:
        """Whether a config fits."""
        return check_config(self._job, run_config_data)


def check_config(
    job: JobDefinition, given: Any
) -> PipelineConfigValidationValid | RunConfigValidationInvalid | problems.PythonError:
    """Whether a config fits a job."""
    try:
        build_plan(job, run_config=given_config(given))
    except InvalidConfigError as error:
        return invalid(error, job.name, job)
    except JobnbError as error:
        return problems.python_error(error)
    return PipelineConfigValidationValid(job.name)


def plan_or_error(
    job: JobDefinition, given: Any
) -> ExecutionPlan | RunConfigValidationInvalid | problems.PythonError:
    """Return the steps that a job would run with a config."""
    try:
        return ExecutionPlan(build_plan(job, run_config=given_config(given)))
    except InvalidConfigError as error:
        return invalid(error, job.name, job)
    except JobnbError as error:
        return problems.python_error(error)
