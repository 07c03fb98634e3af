"""The session: all that this kernel knows, and the short way to run it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from traitlets import Unicode
from traitlets.config import Configurable

from jobnb.definitions import doors
from jobnb.definitions.announce import listen
from jobnb.definitions.assets_definition import AssetsDefinition
from jobnb.definitions.definitions import Definitions
from jobnb.definitions.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidDefinitionError, InvalidSubsetError, did_you_mean
from jobnb.registry.catalogue import Catalogue, Entry, kind_of
from jobnb.registry.cells import Cell, CellWatch

__all__ = ["Session", "current_session", "session"]


class Session(Configurable):
    """What this kernel knows: definitions by name, resources, and where the history is.

    Definitions made in a notebook (in `__main__`) come here by themselves; those of a module
    are added with `add`. Running a cell again replaces what it defined and forgets what it no
    longer defines.

    Example:
        >>> from jobnb import asset
        >>> from jobnb.registry.session import Session
        >>> @asset
        ... def orders():
        ...     return [1, 2]
        >>> session = Session()
        >>> session.add(orders).materialize("orders", instance=Instance.ephemeral()).success
        True
    """

    home = Unicode(
        None, allow_none=True, help="The folder of the history; $JOBNB_HOME or .jobnb if not set."
    ).tag(config=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.catalogue = Catalogue()
        self.resources: dict[str, Any] = {}
        self.watch = CellWatch(self._cell_done)
        self._executor: Any = None
        self._loggers: dict[str, Any] = {}
        self._sources: dict[str, Cell | None] = {}
        self._defined_now: set[tuple[str, str]] = set()

    # --- what comes and goes ----------------------------------------------

    def hear(self, definition: Any, module: str) -> None:
        """Take in a definition that was announced, if it was made in a notebook or script."""
        if module == "__main__":
            self._put(definition)

    def _put(self, definition: Any) -> None:
        if isinstance(definition, Definitions):
            self._put_all(definition)
            return
        kind, cell = kind_of(definition), self.watch.current
        for name in self.catalogue.put(definition, cell):
            self._defined_now.add((str(kind), name))

    def _put_all(self, definitions: Definitions) -> None:
        self.resources.update(definitions.resources)
        self._executor = definitions.executor or self._executor
        self._loggers.update(definitions.loggers)
        for each in (
            *definitions.assets,
            *definitions.source_assets,
            *definitions.jobs,
            *definitions.schedules,
            *definitions.sensors,
        ):
            self._put(each)

    def add(self, *things: Any, resources: Mapping[str, Any] | None = None) -> Session:
        """Make definitions known that were not made in a cell.

        Args:
            *things: Definitions, `Definitions` objects, lists of these, or modules that hold them.
            resources: Resources by key.

        Returns:
            The session itself.

        Raises:
            InvalidDefinitionError: If something is no definition.
        """
        for each in things:
            if isinstance(each, (list, tuple, set, frozenset)):
                self.add(*each)
            elif isinstance(each, ModuleType):
                self._add_module(each)
            elif isinstance(each, Definitions) or kind_of(each) is not None:
                self._put(each)
            else:
                raise InvalidDefinitionError(
                    f"{each!r} is no definition. Add assets, ops, graphs, jobs, schedules, "
                    "sensors, Definitions, or a module of these."
                )
        self.resources.update(resources or {})
        return self

    def _add_module(self, module: ModuleType) -> None:
        for value in vars(module).values():
            if isinstance(value, Definitions) or kind_of(value) is not None:
                self._put(value)

    def remove(self, *names: str) -> Session:
        """Forget definitions by name or key.

        Raises:
            InvalidSubsetError: If one is not known.
        """
        kinds = ("asset", "job", "graph", "op", "schedule", "sensor")
        for name in names:
            if not any([self.catalogue.remove(kind, name) for kind in kinds]):
                known = [entry.name for entry in self.catalogue.entries()]
                hint = did_you_mean(name, known, noun="It knows")
                raise InvalidSubsetError(f"The session knows no {name!r}. {hint}".rstrip())
        return self

    def clear(self) -> Session:
        """Forget all definitions and resources; the history stays."""
        self.catalogue.clear()
        self.resources.clear()
        self._loggers.clear()
        self._executor = None
        return self

    def _cell_done(self, cell: Cell) -> None:
        """Forget what the cell had defined before and does not define any more."""
        for entry in self.catalogue.of_cell(cell.id):
            if (entry.kind, entry.name) not in self._defined_now:
                self.catalogue.remove(entry.kind, entry.name)
        self._defined_now.clear()

    def attach(self, shell: Any) -> None:
        """Follow the cells of an IPython shell, and its configuration."""
        self.parent = shell
        self.watch.attach(shell)

    # --- what it knows ----------------------------------------------------

    def snapshot(self) -> Definitions:
        """All definitions as they are now, frozen: cells run later change nothing in it."""
        return Definitions.of(
            assets=self.catalogue.definitions("asset"),
            jobs=self.catalogue.definitions("job"),
            schedules=self.catalogue.definitions("schedule"),
            sensors=self.catalogue.definitions("sensor"),
            resources=dict(self.resources),
            executor=self._executor,
            loggers=dict(self._loggers),
        )

    @property
    def definitions(self) -> Definitions:
        """All definitions as they are now, frozen."""
        return self.snapshot()

    def entry(self, name: Any) -> Entry:
        """A definition with where it was written: an asset by key, else a job, graph or op.

        Raises:
            InvalidSubsetError: If it is not known.
        """
        text = name if isinstance(name, str) else AssetKey.from_coercible(name).to_user_string()
        for kind in ("asset", "job", "graph", "op", "schedule", "sensor"):
            found = self.catalogue.by_name(kind).get(text)
            if found is not None:
                return found
        known = [entry.name for entry in self.catalogue.entries()]
        hint = did_you_mean(text, known, noun="It knows")
        raise InvalidSubsetError(f"The session knows no {text!r}. {hint}".rstrip())

    def asset(self, key: Any) -> AssetsDefinition:
        """The definition of an asset."""
        definition: AssetsDefinition = self.entry(AssetKey.from_coercible(key)).definition
        return definition

    def job(self, name: str) -> JobDefinition:
        """The job called so, with the session's assets and resources.

        Raises:
            InvalidSubsetError: If there is none.
        """
        return self.snapshot().get_job_def(name)

    # --- running it -------------------------------------------------------

    @property
    def instance(self) -> Any:
        """Where the history and the values are."""
        return doors.instance(self.home)

    def materialize(self, selection: Any = None, *, config: Any = None, **parameters: Any) -> Any:
        """Make the selected assets and wait for it.

        Args:
            selection: `"*revenue"`, `"group:load"`, a list, assets or an `AssetSelection`; all
                assets if absent.
            config: A `RunConfig` or dict.
            **parameters: Those of `materialize`: run_config, instance, resources,
                partition_key, raise_on_error, tags.

        Returns:
            An `ExecuteInProcessResult`; it shows the graph, times and values.
        """
        __tracebackhide__ = True
        parameters.setdefault("run_config", config)
        return doors.materialize_session(self, selection, **parameters)

    def execute_job(self, job: Any, *, config: Any = None, **parameters: Any) -> Any:
        """Run a job and wait for it; the run is kept in the history.

        Args:
            job: A job or its name.
            config: A `RunConfig` or dict.
            **parameters: Those of `JobDefinition.execute_in_process`.
        """
        __tracebackhide__ = True
        name = job if isinstance(job, str) else job.name
        known = isinstance(job, str) or name in self.catalogue.by_name("job")
        found = self.job(name) if known else job
        parameters.setdefault("run_config", config)
        parameters.setdefault("instance", self.instance)
        return found.execute_in_process(**parameters)

    def value(self, key: Any, partition: str | None = None) -> Any:
        """The last value of an asset, from this kernel or an earlier one.

        Args:
            key: The key of the asset.
            partition: The partition to load.

        Raises:
            InvalidSubsetError: If there is no such asset.
            JobnbError: If it has never been stored.
        """
        return doors.load_asset_value(
            self.snapshot(), key, instance=self.instance, partition_key=partition
        )

    @property
    def runs(self) -> Any:
        """The history: runs, the latest first."""
        return doors.run_table(self.instance)

    @classmethod
    @contextmanager
    def capture(cls) -> Iterator[Session]:
        """While it lasts, what is defined goes to a session of its own."""
        global _current
        before, _current = _current, cls()
        try:
            yield _current
        finally:
            _current = before

    def __repr__(self) -> str:
        counts = [
            f"{len(found)} {kind}{'s' if len(found) > 1 else ''}"
            for kind in ("asset", "job", "graph", "op")
            if (found := self.catalogue.definitions(kind))
        ]
        return f"<session: {', '.join(counts) or 'nothing defined yet'}>"


def current_session() -> Session:
    """The session that definitions go to now: the kernel's, or one that captures."""
    return _current


session = Session()
_current = session
listen(lambda definition, module: _current.hear(definition, module))
