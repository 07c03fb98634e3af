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
from jobnb.definitions.defined_assets import each_asset
from jobnb.definitions.definitions import Definitions
from jobnb.definitions.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidDefinitionError, InvalidSubsetError, did_you_mean
from jobnb.registry.catalogue import Catalogue, Entry, can_be_known, kind_of
from jobnb.registry.cells import Cell, CellWatch
from jobnb.registry.selecting import pinned

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
        >>> from jobnb import Instance
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
        self.watch = CellWatch(self._cell_starts, self._cell_done)
        self._executor: Any = None
        self._loggers: dict[str, Any] = {}
        self._brought: dict[tuple[str, str], Cell | None] = {}
        self._defined_now: dict[str | None, set[tuple[str, str]]] = {}

    # --- what comes and goes ----------------------------------------------

    def hear(self, definition: Any, module: str) -> None:
        """Take in a definition that was announced, if it was made in a notebook or script."""
        if module == "__main__":
            self._put(definition)

    def _put(self, definition: Any) -> None:
        if isinstance(definition, Definitions):
            self._put_all(definition)
            return
        for each in each_asset([definition]):
            kind, cell = kind_of(each), self.watch.current
            for name in self.catalogue.put(each, cell):
                self._note(str(kind), name)

    def _note(self, kind: str, name: str) -> None:
        cell = self.watch.current
        self._defined_now.setdefault(cell.id if cell else None, set()).add((kind, name))

    def _put_all(self, definitions: Definitions) -> None:
        if definitions.executor is not None:
            self._executor = definitions.executor
            self._bring("executor", "")
        for key, resource in definitions.resources.items():
            self.resources[key] = resource
            self._bring("resource", key)
        for name, logger in definitions.loggers.items():
            self._loggers[name] = logger
            self._bring("logger", name)
        for each in (
            *definitions.assets,
            *definitions.source_assets,
            *definitions.asset_checks,
            *definitions.jobs,
            *definitions.schedules,
            *definitions.sensors,
        ):
            if not self.catalogue.holds(each):  # it stays with the cell that wrote it
                self._put(each)

    def _bring(self, kind: str, name: str) -> None:
        """Remember which cell's `Definitions` brought a resource, logger or executor."""
        self._brought[kind, name] = self.watch.current
        self._note(kind, name)

    def _take_back(self, kind: str, name: str) -> None:
        del self._brought[kind, name]
        if kind == "executor":
            self._executor = None
        else:
            (self.resources if kind == "resource" else self._loggers).pop(name, None)

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
            elif isinstance(each, Definitions) or can_be_known(each):
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
            if isinstance(value, Definitions) or can_be_known(value):
                self._put(value)

    def remove(self, *names: str) -> Session:
        """Forget definitions by name or key.

        Raises:
            InvalidSubsetError: If one is not known.
        """
        kinds = ("asset", "check", "job", "graph", "op", "schedule", "sensor")
        for name in names:
            removed = [kind for kind in kinds if self.catalogue.remove(kind, name)]
            if not removed:
                known = [entry.name for entry in self.catalogue.entries()]
                hint = did_you_mean(name, known, noun="It knows")
                raise InvalidSubsetError(f"The session knows no {name!r}. {hint}".rstrip())
        return self

    def clear(self) -> Session:
        """Forget all definitions and resources; the history stays."""
        self.catalogue.clear()
        self.resources.clear()
        self._loggers.clear()
        self._brought.clear()
        self._executor = None
        return self

    def _cell_starts(self, cell: Cell) -> None:
        # What an earlier, failed run of the cell had come to does not count.
        self._defined_now[cell.id] = set()

    def _cell_done(self, cell: Cell) -> None:
        """Forget what the cell had defined before and does not define any more."""
        defined = self._defined_now.pop(cell.id, set())
        for entry in self.catalogue.of_cell(cell.id):
            if (entry.kind, entry.name) not in defined:
                self.catalogue.remove(entry.kind, entry.name)
        for (kind, name), owner in list(self._brought.items()):
            if owner is not None and owner.id == cell.id and (kind, name) not in defined:
                self._take_back(kind, name)

    def attach(self, shell: Any) -> None:
        """Follow the cells of an IPython shell, and its configuration."""
        self.parent = shell
        self.watch.attach(shell)

    # --- what it knows ----------------------------------------------------

    def snapshot(self) -> Definitions:
        """All definitions as they are now, frozen: cells run later change nothing in it."""
        return Definitions.of(
            assets=self.catalogue.definitions("asset"),
            asset_checks=self.catalogue.definitions("check"),
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
        for kind in ("asset", "check", "job", "graph", "op", "schedule", "sensor"):
            found = self.catalogue.by_name(kind).get(text)
            if found is not None:
                return found
        known = [entry.name for entry in self.catalogue.entries()]
        hint = did_you_mean(text, known, noun="It knows")
        raise InvalidSubsetError(f"The session knows no {text!r}. {hint}".rstrip())

    def asset(self, key: Any) -> AssetsDefinition:
        """The definition of an asset.

        Raises:
            InvalidSubsetError: If it is not known.
        """
        text = AssetKey.from_coercible(key).to_user_string()
        known = self.catalogue.by_name("asset")
        if text in known:
            definition: AssetsDefinition = known[text].definition
            return definition
        hint = did_you_mean(text, known, noun="It knows")
        raise InvalidSubsetError(f"The session knows no asset {text!r}. {hint}".rstrip())

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

    def materialize(
        self,
        selection: Any = None,
        *,
        config: Any = None,
        partition: Any = None,
        **parameters: Any,
    ) -> Any:
        """Make the selected assets and wait for it.

        Args:
            selection: `"*revenue"`, `"group:load and not kind:sql"`, `"status:stale"`, a list,
                assets or an `AssetSelection`; all assets if absent.
            config: A `RunConfig` or dict.
            partition: The partition to make; or several in one run: a `PartitionKeyRange`, some
                keys. `backfill` makes several in runs of their own.
            **parameters: Those of `materialize`: run_config, instance, resources,
                partition_key, raise_on_error, tags, stale_only (leave what is fresh as it is).

        Returns:
            An `ExecuteInProcessResult`; it shows the graph, times and values.
        """
        __tracebackhide__ = True
        parameters.setdefault("run_config", config)
        if partition is not None:
            parameters["partition_key"] = partition
        return doors.materialize_session(self, selection, **parameters)

    def observe_assets(
        self, selection: Any = None, *, config: Any = None, **parameters: Any
    ) -> Any:
        """Let the functions of source assets tell their data versions, and wait for it.

        Args:
            selection: Which source assets, as in `materialize`; all that can be observed if absent.
            config: A `RunConfig` or dict.
            **parameters: Those of `observe`: run_config, instance, resources, partition_key,
                raise_on_error, tags.

        Returns:
            An `ExecuteInProcessResult`.

        Raises:
            InvalidSubsetError: If none of them can be observed.
        """
        __tracebackhide__ = True
        parameters.setdefault("run_config", config)
        return doors.observe_session(self, selection, **parameters)

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

    def launch(self, target: Any = None, config: Any = None, **parameters: Any) -> Any:
        """Begin a run in the background: the kernel stays free.

        Args:
            target: A job or its name, else which assets to make, as in `materialize`; all assets
                if absent.
            config: A `RunConfig` or dict.
            **parameters: Those of `JobDefinition.launch`.

        Returns:
            A `Run`: it can be observed, waited for, awaited, canceled and repeated.

        Raises:
            InvalidConfigError: If the config does not fit; nothing has run then.
            InvalidSubsetError: If there is no such job or asset.
        """
        __tracebackhide__ = True
        return doors.launch_session(self, target, config=config, **parameters)

    def backfill(self, selection: Any = None, partitions: Any = None, **parameters: Any) -> Any:
        """Make many partitions in the background, each asset after what it is made from.

        An asset's `backfill_policy` says how many partitions one run makes; without one, each is
        made in a run of its own. Assets with other partitions than those that are asked for make
        what belongs to these, by their partition mappings.

        Args:
            selection: Which assets, as in `materialize`.
            partitions: A key, some keys, a `PartitionKeyRange` or a subset; all if absent.
            **parameters: only_missing (those never made), only_failed (those whose last run
                failed), tags, max_parallel (how many runs go side by side; one if absent),
                config, instance and resources.

        Returns:
            A `Backfill`: it can be observed, waited for, awaited, canceled and resumed.

        Raises:
            UnknownPartitionError: If no asset has these partitions; nothing has run then.
            InvalidSubsetError: If there is no such asset.

        Example:
            >>> from jobnb import Instance, StaticPartitionsDefinition, asset
            >>> @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
            ... def letters(context):
            ...     return context.partition_key
            >>> backfill = Session().add(letters).backfill(instance=Instance.ephemeral())
            >>> backfill.wait().status
            'COMPLETED'
        """
        __tracebackhide__ = True
        return doors.backfill_session(self, selection, partitions, **parameters)

    def resume_backfill(self, backfill_id: str, **parameters: Any) -> Any:
        """Go on with a backfill that was canceled, interrupted, or failed in part.

        What it has not made since it began is tried again, with the assets as they are now.

        Args:
            backfill_id: The id of the backfill, as `instance.get_backfills()` tells.
            **parameters: max_parallel, instance and resources, as in `backfill`.

        Returns:
            A `Backfill` with the same id.

        Raises:
            InvalidSubsetError: If there is no such backfill.
            InvariantViolationError: If it goes on, here or in another process.
        """
        __tracebackhide__ = True
        return doors.resume_backfill(self, backfill_id, **parameters)

    def launchpad(self, target: Any = None) -> Any:
        """The form for a run's config, with a button that launches it.

        Args:
            target: A job or its name, else which assets to make, as in `launch`.

        Returns:
            A `Launchpad`; asked for again, it is the same and still holds what was typed.
        """
        return doors.open_session_launchpad(self, target)

    def value(self, key: Any, partition: Any = None) -> Any:
        """The last value of an asset, from this kernel or an earlier one.

        Args:
            key: The key of the asset.
            partition: The partition to load. Of several (a range, a list of keys; all that were
                made, if left out) a dict of values by key comes back.

        Raises:
            InvalidSubsetError: If there is no such asset.
            JobnbError: If it has never been stored.
        """
        return doors.load_asset_value(
            self.snapshot(), key, instance=self.instance, partition_key=partition
        )

    def partitions(self, key: Any) -> Any:
        """The partitions of an asset: which were made, which are missing, which failed.

        Args:
            key: The key of the asset.

        Returns:
            A `PartitionTable`; a cell shows it as a calendar or matrix to select in.

        Raises:
            InvalidSubsetError: If there is no such asset.
            InvalidDefinitionError: If it has no partitions.
        """
        return doors.partition_table(self, key)

    def status(self, key: Any, partition: str | None = None) -> Any:
        """How an asset stands: missing, stale (and why), fresh, or failed.

        Args:
            key: The key of the asset.
            partition: One of its partitions.

        Returns:
            An `AssetStatus`, with `.status` and `.causes`.

        Raises:
            InvalidSubsetError: If there is no such asset.

        Example:
            >>> from jobnb import Instance, asset
            >>> from jobnb.registry.session import Session
            >>> @asset
            ... def orders():
            ...     return [1, 2]
            >>> session = Session().add(orders)
            >>> session.status("orders").status.value
            'missing'
        """
        wanted = AssetKey.from_coercible(key)
        self.asset(wanted)
        return doors.asset_statuses(self, [wanted], partition)[wanted]

    def stale(self, selection: Any = None) -> Any:
        """How the assets stand that are not fresh, and why.

        An asset is stale if its code, its config or what it is made from has changed since it
        was made, or if an asset that it is made from is stale. `materialize(stale_only=True)`
        makes just these.

        Args:
            selection: Which assets are looked at, as in `materialize`; all if absent.

        Returns:
            An `AssetStatuses`, by key.

        Raises:
            InvalidSubsetError: If the selection names what is not there, or nothing.
        """
        known = self.snapshot()
        keys = None if selection is None else known.select_assets(pinned(self, selection))
        return doors.asset_statuses(self, keys).not_fresh

    def place_of(self, key: Any) -> str:
        """Where an asset is written, in words: `cell 7`, or a module; empty if nobody knows."""
        entry = self.catalogue.by_name("asset").get(AssetKey.from_coercible(key).to_user_string())
        return entry.place if entry is not None else ""

    @property
    def runs(self) -> Any:
        """The history: runs, the latest first."""
        return doors.run_table(self.instance)

    @classmethod
    @contextmanager
    def capture(cls) -> Iterator[Session]:
        """While it lasts, what is defined goes to a session of its own."""
        captured = cls()
        _active.append(captured)
        try:
            yield captured
        finally:
            _active.remove(captured)

    def __repr__(self) -> str:
        counts = [
            f"{len(found)} {kind}{'s' if len(found) > 1 else ''}"
            for kind in ("asset", "check", "job", "graph", "op")
            if (found := self.catalogue.definitions(kind))
        ]
        return f"<session: {', '.join(counts) or 'nothing defined yet'}>"


def current_session() -> Session:
    """The session that definitions go to now: the kernel's, or one that captures."""
    return _active[-1]


def _hear(definition: Any, module: str) -> None:
    _active[-1].hear(definition, module)


session = Session()
_active = [session]
listen(_hear)
