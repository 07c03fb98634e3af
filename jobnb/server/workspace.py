"""What is served: code locations and a history, and what one request reads of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from jobnb.automation.backfill_place import Place
from jobnb.automation.code_location import CodeLocation
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import JobnbError, StepExecutionError
from jobnb.execution.launch import launch
from jobnb.execution.spec import ASSET_JOB, RunSpec
from jobnb.execution.start import subset_of
from jobnb.plan.graphs import AssetGraph
from jobnb.registry.session import Session
from jobnb.staleness.causes import AssetStatuses
from jobnb.staleness.survey import Survey
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun, RunRecord, RunsFilter

REPOSITORY = "__repository__"
"""The name of the one repository of a location, as Dagster calls that of a `Definitions`."""

Launch = Callable[["Location", RunSpec], str]
"""Launches a run of a location and returns its id."""
Change = tuple[str, str, str]
"""The kind of a change of a location, its message, and the name of the location."""


class Location:
    """A notebook, file or module that is served.

    Args:
        code: What defines it, as the history names it.
        name: What clients call it.

    Attributes:
        loaded_at: When it was loaded, in seconds since the epoch.
    """

    def __init__(self, code: CodeLocation, name: str) -> None:
        self.code, self.name = code, name
        self.loaded_at = time.time()
        self._turn = threading.Lock()
        self._seen: Definitions | None = None

    def definitions(self) -> Definitions:
        """Return the definitions as they are now.

        Raises:
            JobnbError: If they cannot be loaded.
        """
        with self._turn:  # the code of a notebook is executed by one thread at a time
            found = self.code.definitions()
            if found is not self._seen:
                self._seen, self.loaded_at = found, time.time()
            return found

    def reload(self) -> Definitions:
        """Load the definitions again.

        Raises:
            JobnbError: If they cannot be loaded; those of before stay.
        """
        with self._turn:
            return self.code.reload()

    def forget(self) -> None:
        """Discard what is loaded; it is loaded again when next used."""
        with self._turn:
            self.code.forget()
            self._seen = None


def launch_here(location: Location, spec: RunSpec) -> str:
    """Launch a run in the background of this process; returns its id."""
    name = spec.job.name
    return launch(spec, lambda: location.definitions().get_job_def(name)).run_id


def launch_detached(location: Location, spec: RunSpec) -> str:
    """Launch a run in a process of its own, which outlives this one; returns its id.

    One whose history is in memory, or whose definitions cannot go to another process, goes on here.
    """
    if spec.instance.is_ephemeral:
        return launch_here(location, spec)
    try:
        return launch_here(location, replace(spec, detach=True))
    except StepExecutionError:
        return launch_here(location, spec)


class ServedWorkspace:
    """Code locations and the history that they share.

    Args:
        instance: The history.
        locations: The code locations.
        launch: Launches a run; in a process of its own if absent.
        session: Returns the session that backfills are those of; one of the location if absent.
        refusal: Why nothing may be changed; empty where it may.

    Example:
        >>> from jobnb.definitions.locations.definitions import Definitions
        >>> code = CodeLocation.of_definitions(Definitions(), "shop.ipynb")
        >>> served = ServedWorkspace(Instance.ephemeral(), [code])
        >>> [location.name for location in served.locations]
        ['shop.ipynb']
    """

    def __init__(
        self,
        instance: Instance,
        locations: Iterable[CodeLocation],
        *,
        launch: Launch = launch_detached,
        session: Session | None = None,
        refusal: str = "",
    ) -> None:
        self.instance, self.launch, self.refusal = instance, launch, refusal
        self.locations = _named(list(locations))
        self.backfills = Place.ALONE_IF_POSSIBLE if launch is launch_detached else Place.HERE
        self._session = session
        self.hearers: set[Callable[[Change], None]] = set()

    def location(self, name: str) -> Location | None:
        """Return the location of that name, or None."""
        return next((each for each in self.locations if each.name == name), None)

    def session(self, location: Location) -> Session:
        """Return a session that knows what the location defines."""
        return self._session or _session_of(self.instance, location)

    def reload(self, location: Location) -> None:
        """Load a location again, and tell who follows it.

        Raises:
            JobnbError: If it cannot be loaded.
        """
        try:
            location.reload()
        except JobnbError as error:
            self.tell("LOCATION_ERROR", str(error), location)
            raise
        self.tell("LOCATION_UPDATED", f"{location.name} was loaded again.", location)

    def tell(self, kind: str, message: str, location: Location) -> None:
        """Notify those who follow the locations of a change."""
        for hear in list(self.hearers):
            hear((kind, message, location.name))


def _named(codes: Sequence[CodeLocation]) -> list[Location]:
    """Name locations by their files; by all of their paths if these are shared."""
    short = [Path(code.name).name or "notebook" for code in codes]
    return [
        Location(code, name if short.count(name) == 1 else code.name)
        for code, name in zip(codes, short, strict=True)
    ]


def _session_of(instance: Instance, location: Location) -> Session:
    home = str(instance.home) if instance.home is not None else None
    return Session(home).add(location.definitions())


def _graph_of(definitions: Definitions) -> AssetGraph:
    around = (definitions.assets, definitions.source_assets, definitions.asset_checks)
    return AssetGraph(each for several in around for each in several)


class RequestReader:
    """What one request reads: each thing once.

    Args:
        served: What is served.
    """

    def __init__(self, served: ServedWorkspace) -> None:
        self.served = served
        self.instance = served.instance
        self._records: dict[str, RunRecord | None] = {}
        self._definitions: dict[str, Definitions] = {}
        self._statuses: dict[str, AssetStatuses] = {}
        self._failures: dict[str, JobnbError] = {}
        self._graphs: dict[str, AssetGraph] = {}

    def definitions(self, location: Location) -> Definitions:
        """Return the definitions of a location, the same throughout the request.

        Raises:
            JobnbError: If they cannot be loaded.
        """
        if location.name in self._failures:
            raise self._failures[location.name]
        found = self._definitions.get(location.name)
        if found is None:
            found = self._definitions[location.name] = location.definitions()
        return found

    def note_failure(self, location: Location, error: JobnbError) -> None:
        """Record that a location could not be loaded again, for the answer."""
        self._failures[location.name] = error

    def loaded(self) -> list[tuple[Location, Definitions]]:
        """Return the locations that can be loaded, with their definitions."""
        found = []
        for each in self.served.locations:
            try:
                found.append((each, self.definitions(each)))
            except JobnbError:
                continue  # `workspaceOrError` says why
        return found

    def record(self, run_id: str) -> RunRecord | None:
        """Return a run of the history, or None."""
        if run_id not in self._records:
            self.see(self.instance.get_run_records(RunsFilter(run_ids=[run_id]), limit=1))
            self._records.setdefault(run_id, None)
        return self._records[run_id]

    def records(self, run_ids: Sequence[str]) -> list[RunRecord]:
        """Return the records of these runs, in their order."""
        unknown = [each for each in run_ids if each not in self._records]
        if unknown:
            self.see(self.instance.get_run_records(RunsFilter(run_ids=unknown)))
        return [found for each in run_ids if (found := self._records.get(each)) is not None]

    def see(self, records: Iterable[RunRecord]) -> None:
        """Keep runs that were read together."""
        self._records.update((each.dagster_run.run_id, each) for each in records)

    def statuses(self, location: Location) -> AssetStatuses:
        """Return the statuses of all assets of a location."""
        found = self._statuses.get(location.name)
        if found is None:
            survey = Survey(self.definitions(location), self.instance)
            found = self._statuses[location.name] = survey.statuses()
        return found

    def graph(self, location: Location) -> AssetGraph:
        """Return the graph of all assets of a location."""
        found = self._graphs.get(location.name)
        if found is None:
            found = self._graphs[location.name] = _graph_of(self.definitions(location))
        return found

    def keys_of(self, location: Location) -> frozenset[AssetKey]:
        """Return the keys of all assets of a location."""
        return frozenset(self.definitions(location).resolve_all_asset_keys())

    @cached_property
    def assets_defined(self) -> Mapping[AssetKey, Location]:
        """Which location defines each asset; the first one where several do."""
        found: dict[AssetKey, Location] = {}
        for location, definitions in self.loaded():
            for key in definitions.resolve_all_asset_keys():
                found.setdefault(key, location)
        return found

    def location_of_run(self, run: JobRun) -> Location | None:
        """Return the location that launched a run, or else defines its job or assets, or None."""
        if run.notebook is not None:
            for each in self.served.locations:
                if each.code.name == run.notebook:
                    return each
        if run.job_name == ASSET_JOB:
            keys = run.asset_selection or ()
            return next((self.assets_defined.get(key) for key in sorted(keys)), None)
        for location, definitions in self.loaded():
            if run.job_name in definitions.job_names:
                return location
        return self.served.locations[0] if len(self.served.locations) == 1 else None

    def job_of_run(self, location: Location, run: JobRun) -> JobDefinition:
        """Return the job of a run as it is defined now, the part of it that the run was of.

        Raises:
            JobnbError: If it is not defined any more.
        """
        definitions = self.definitions(location)
        if run.job_name == ASSET_JOB:
            return definitions.job_of_assets(ASSET_JOB, sorted(run.asset_selection or ()))
        job = definitions.get_job_def(run.job_name)
        checks = None if run.asset_check_selection is None else sorted(run.asset_check_selection)
        chosen = None if run.asset_selection is None else sorted(run.asset_selection)
        return subset_of(job, run.op_selection, chosen, checks)
