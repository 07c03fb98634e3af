"""The session: the definitions of this kernel, and the methods that run them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from jobnb.definitions.announce import listen
from jobnb.definitions.arguments import suggests_names
from jobnb.definitions.engine_protocol import engine
from jobnb.definitions.lazy import lazy
from jobnb.definitions.parts import answered_by
from jobnb.registry.argument_errors import telling_names
from jobnb.registry.catalogue import Catalogue, Entry
from jobnb.registry.history_reader import HistoryReader

if TYPE_CHECKING:
    from jobnb.automation.automation import Automation
    from jobnb.automation.backfill import Backfill
    from jobnb.config.run_config import CoercibleToRunConfig
    from jobnb.definitions.assets.asset_job import AssetJobDefinition
    from jobnb.definitions.assets.assets_definition import AssetsDefinition
    from jobnb.definitions.jobs.executor import ExecutorDefinition
    from jobnb.definitions.jobs.job_definition import JobDefinition
    from jobnb.definitions.keys import CoercibleToAssetKey
    from jobnb.definitions.locations.definitions import Definitions
    from jobnb.display.guide import Guide
    from jobnb.display.widgets.launchpad import Launchpad
    from jobnb.execution.background import Run
    from jobnb.execution.reactive import Reaction, Reactive
    from jobnb.execution.result import ExecuteInProcessResult
    from jobnb.plan.partitions import PartitionsAsked
    from jobnb.registry.settings import SessionSettings
    from jobnb.server.running import Server
    from jobnb.storage.instance import Instance
    from jobnb.storage.run_table import RunTable


@suggests_names
@telling_names
class Session:
    """The definitions of this kernel by name, its resources, and its history.

    Definitions created in a notebook (in `__main__`) are added automatically; those of a module
    with `add`. Running a cell again replaces its definitions and removes those it no longer has.

    Args:
        home: The folder of the history; `$JOBNB_HOME`, else `.jobnb` here, if None.

    Attributes:
        catalogue: The definitions, with the cells that created them.

    Example:
        >>> from jobnb import Instance, Session, asset
        >>> @asset
        ... def orders():
        ...     return [1, 2]
        >>> session = Session().add(orders)
        >>> session.materialize("orders", instance=Instance.ephemeral()).success
        True
    """

    def __init__(self, home: str | None = None) -> None:
        self.catalogue = Catalogue()
        self._own_home = home
        self._automation: Automation | None = None
        self._reactive: Reactive | None = None

    @lazy
    def _settings(self) -> SessionSettings:
        from jobnb.registry.settings import SessionSettings  # which brings traitlets along

        return SessionSettings(home=self._own_home)

    # --- definitions --------------------------------------------------------

    @property
    def home(self) -> str | None:
        """The folder of the history; `$JOBNB_HOME`, else `.jobnb` here, if None."""
        return self._settings.home

    @home.setter
    def home(self, folder: str | None) -> None:
        self._settings.home = folder

    @property
    def show_progress(self) -> bool:
        """Whether to show the progress of a run on stderr while a script waits for it.

        Longer runs show a bar in a terminal and lines elsewhere; true by default.
        `$JOBNB_PROGRESS=0` turns it off for all scripts.
        """
        return self._settings.show_progress

    @show_progress.setter
    def show_progress(self, shows: bool) -> None:
        self._settings.show_progress = shows

    @property
    def show_definitions(self) -> bool:
        """Whether a cell that ends with a definition shows what it has defined.

        It is one picture under the cell, in an interactive front end; true by default. It can also
        be set as `c.Session.show_definitions` in IPython's config.
        """
        return self._settings.show_definitions

    @show_definitions.setter
    def show_definitions(self, shows: bool) -> None:
        self._settings.show_definitions = shows

    @property
    def detaches(self) -> bool:
        """Whether what is launched has a process of its own, as with `detach=True`.

        False by default. A run or backfill whose definitions cannot go to another process goes on
        in this one. It can also be set as `c.Session.detaches` in IPython's config.
        """
        return self._settings.detaches

    @detaches.setter
    def detaches(self, detaches: bool) -> None:
        self._settings.detaches = detaches

    @property
    def reactive(self) -> str | None:
        """What follows when a cell is run again and makes assets stale; None by default.

        `"stale"` shows below the cell what became stale. `"run"` materializes it in the background
        as well, upstream first: what was materialized before, with the config that it had, and
        without partitions. Cells never wait for it; another cell that changes something cancels
        the run and begins anew. None stops it, and cancels the run that goes on.

        It can also be set as `c.Session.reactive` in IPython's config. Where nobody looks, as under
        nbclient, it has an effect only with `JOBNB_REACTIVE=1`.

        Raises:
            InvalidInvocationError: If it is set to anything else.
        """
        return self._settings.reactive

    @reactive.setter
    def reactive(self, mode: str | None) -> None:
        engine().react(self).switch(mode)
        self._settings.reactive = mode

    @property
    def reaction(self) -> Reaction | None:
        """What followed from the last cell, if the session is `reactive`: `stale` and `run`."""
        return self._reactive.latest if self._reactive is not None else None

    @property
    def resources(self) -> dict[str, Any]:
        """Resources by key, for all jobs and assets without their own."""
        return self.catalogue.resources

    def add(self, *things: Any, resources: Mapping[str, Any] | None = None) -> Self:
        """Add definitions that were not created in a cell.

        Args:
            *things: Definitions, `Definitions` objects, lists of these, or modules that hold them.
            resources: Resources by key.

        Returns:
            The session itself.

        Raises:
            InvalidDefinitionError: If something is no definition.
        """
        self.catalogue.add(*things, resources=resources)
        return self

    def remove(self, *names: CoercibleToAssetKey) -> Self:
        """Remove definitions by name or key.

        Raises:
            InvalidSubsetError: If one is not known.
        """
        self.catalogue.remove(*names)
        return self

    def clear(self) -> Self:
        """Remove all definitions and resources; the history stays."""
        self.catalogue.clear()
        return self

    def snapshot(self) -> Definitions:
        """Return all definitions at present, frozen: cells run later do not change it."""
        return self.catalogue.snapshot()

    @property
    def definitions(self) -> Definitions:
        """All definitions at present, frozen."""
        return self.catalogue.snapshot()

    def entry(self, name: CoercibleToAssetKey) -> Entry:
        """Return a definition with its cell: an asset by key, else a job, graph or op.

        Raises:
            InvalidSubsetError: If it is not known.
        """
        return self.catalogue.entry(name)

    def asset(self, key: CoercibleToAssetKey) -> AssetsDefinition:
        """Return the definition of an asset.

        Raises:
            InvalidSubsetError: If it is not known.
        """
        return self.catalogue.asset(key)

    def job(self, name: str) -> JobDefinition:
        """Resolve the job of that name, with the session's assets and resources.

        Raises:
            InvalidSubsetError: If there is none.
        """
        return self.snapshot().get_job_def(name)

    @classmethod
    @contextmanager
    def capture(cls) -> Iterator[Session]:
        """Collect the definitions of a `with` block in a separate session."""
        captured = cls()
        _active.append(captured)
        try:
            yield captured
        finally:
            _active.remove(captured)

    # --- runs ---------------------------------------------------------------

    def materialize(
        self,
        selection: Any = None,
        *,
        config: CoercibleToRunConfig = None,
        partition: PartitionsAsked | None = None,
        instance: Instance | None = None,
        resources: Mapping[str, Any] | None = None,
        raise_on_error: bool = True,
        tags: Mapping[str, str] | None = None,
        stale_only: bool = False,
        executor: str | ExecutorDefinition | None = None,
    ) -> ExecuteInProcessResult:
        """Materialize the selected assets in this process and wait for the end of the run.

        Args:
            selection: `"*revenue"`, `"group:load and not kind:sql"`, `"status:stale"`, a list,
                assets or an `AssetSelection`; all assets if not given.
            config: A `RunConfig` or dict.
            partition: The partition to materialize; or several in one run: a `PartitionKeyRange` or
                several keys. `backfill` materializes several in separate runs.
            instance: Where the history and the values go; that of the session if not given.
            resources: Resources by key, instead of those of the session.
            raise_on_error: Whether to raise a failure, once all steps that can run have run.
            tags: Tags of the run.
            stale_only: Whether to skip fresh assets; see `stale`.
            executor: The executor: "in_process", "threads", "async", "multiprocess",
                "dask" or an `ExecutorDefinition`; as the job or the definitions say if not given.

        Returns:
            An `ExecuteInProcessResult`; it shows the graph, times and values.

        Raises:
            InvalidSubsetError: If the selection names something unknown, or selects nothing.
            InvalidConfigError: If the config does not fit; nothing has run then.
            InvariantViolationError: If assets have partitions and none is named.
            UnknownPartitionError: If there is no such partition.
            Exception: What the first failing step raised, if `raise_on_error`.

        Example:
            >>> from jobnb import Instance, Session, StaticPartitionsDefinition, asset
            >>> @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
            ... def letters(context):
            ...     return context.partition_key
            >>> session, instance = Session().add(letters), Instance.ephemeral()
            >>> session.materialize("letters", partition="b", instance=instance).success
            True
        """
        __tracebackhide__ = True
        return engine().materialize(
            self,
            selection,
            config=config,
            partition=partition,
            instance=instance,
            resources=resources,
            raise_on_error=raise_on_error,
            tags=tags,
            stale_only=stale_only,
            executor=executor,
        )

    def observe_assets(
        self,
        selection: Any = None,
        *,
        config: CoercibleToRunConfig = None,
        partition: PartitionsAsked | None = None,
        instance: Instance | None = None,
        resources: Mapping[str, Any] | None = None,
        raise_on_error: bool = True,
        tags: Mapping[str, str] | None = None,
    ) -> ExecuteInProcessResult:
        """Observe source assets: run their functions, which return data versions, and wait.

        Args:
            selection: Which source assets, as in `materialize`; all observable ones if not given.
            config: A `RunConfig` or dict.
            partition: The partition to observe.
            instance: Where the history goes; that of the session if not given.
            resources: Resources by key, instead of those of the session.
            raise_on_error: Whether to raise a failure.
            tags: Tags of the run.

        Returns:
            An `ExecuteInProcessResult`.

        Raises:
            InvalidSubsetError: If none of them can be observed.
        """
        __tracebackhide__ = True
        return engine().observe(
            self,
            selection,
            config=config,
            partition=partition,
            instance=instance,
            resources=resources,
            raise_on_error=raise_on_error,
            tags=tags,
        )

    def execute_job(
        self,
        job: str | JobDefinition | AssetJobDefinition,
        *,
        config: CoercibleToRunConfig = None,
        partition: PartitionsAsked | None = None,
        instance: Instance | None = None,
        raise_on_error: bool = True,
        op_selection: Sequence[str] | None = None,
        asset_selection: Sequence[Any] | None = None,
        asset_check_selection: Sequence[Any] | None = None,
        run_id: str | None = None,
        input_values: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        resources: Mapping[str, Any] | None = None,
        keep_outputs: bool = True,
        executor: str | ExecutorDefinition | None = None,
    ) -> ExecuteInProcessResult:
        """Run a job in this process and wait for its end; the run is stored in the history.

        Args:
            job: A job or its name.
            config: A `RunConfig` or dict; the job's own config if not given.
            partition: The partition that the run is for; or several: a range, some keys.
            instance: Where the history goes; that of the session if not given.
            raise_on_error: Whether to raise a failure, once all steps that can run have run.
            op_selection: Ops to run, as `["*a", "b+"]`.
            asset_selection: Assets to materialize.
            asset_check_selection: Checks to evaluate; those of the assets if not given.
            run_id: The id of the run; generated if not given.
            input_values: Values of the graph's inputs, by name.
            tags: Tags of the run, beside those of the job.
            resources: Values or definitions that replace the job's resources.
            keep_outputs: Whether values held in memory are kept for `output_for_node`.
            executor: The executor: "in_process", "threads", "async", "multiprocess",
                "dask" or an `ExecutorDefinition`; as the job or the definitions say if not given.

        Returns:
            An `ExecuteInProcessResult`.

        Raises:
            InvalidSubsetError: If there is no such job, op or asset.
            InvalidConfigError: If the config does not fit; nothing has run then.
            Exception: What the first failing step raised, if `raise_on_error`.
        """
        __tracebackhide__ = True
        return engine().execute_session_job(
            self,
            job,
            config=config,
            partition=partition,
            instance=instance,
            raise_on_error=raise_on_error,
            op_selection=op_selection,
            asset_selection=asset_selection,
            asset_check_selection=asset_check_selection,
            run_id=run_id,
            input_values=input_values,
            tags=tags,
            resources=resources,
            keep_outputs=keep_outputs,
            executor=executor,
        )

    def launch(
        self,
        target: Any = None,
        config: CoercibleToRunConfig = None,
        *,
        partition: PartitionsAsked | None = None,
        instance: Instance | None = None,
        op_selection: Sequence[str] | None = None,
        asset_selection: Sequence[Any] | None = None,
        asset_check_selection: Sequence[Any] | None = None,
        tags: Mapping[str, str] | None = None,
        resources: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        stale_only: bool = False,
        executor: str | ExecutorDefinition | None = None,
        detach: bool = False,
    ) -> Run:
        """Launch a run in the background: the kernel stays free.

        It ends with this process: a script that comes to its end does not wait for it. What is in
        progress by then is canceled, its resources are closed, and a line on stderr says so;
        `wait()` or `result()` as the script's last line waits.

        With `detach`, a process of its own does it: it continues when this kernel ends, and every
        kernel with the same home sees it and can cancel it. The definitions of this moment go
        there as a pickle (cloudpickle), in a file that only this user can read,
        `detached/<run id>/run.pickle` in the home; the process removes it once it has read it.
        What a module defines is imported there. What the process writes is the run's log.

        Args:
            target: A job or its name, or a selection of assets as in `materialize`; all assets if
                absent.
            config: A `RunConfig` or dict.
            partition: The partition that the run is for; or several: a range, some keys.
            instance: Where the history and the values go; that of the session if not given.
            op_selection: Ops of the job to run, as `["*a", "b+"]`.
            asset_selection: Assets of the job to materialize.
            asset_check_selection: Checks to evaluate; those of the assets if not given.
            tags: Tags of the run; `dagster/max_runtime` is how many seconds it may take.
            resources: Values or definitions that replace the job's resources.
            run_id: The id of the run; generated if not given.
            stale_only: Whether to skip fresh assets; see `stale`.
            executor: The executor: "in_process", "threads", "async", "multiprocess",
                "dask" or an `ExecutorDefinition`; as the job or the definitions say if not given.
            detach: Whether a process of its own does it, which outlives this kernel.

        Returns:
            A `Run`: it can be observed, waited for, awaited, canceled and repeated.

        Raises:
            InvalidConfigError: If the config does not fit; nothing has run then.
            InvalidSubsetError: If there is no such job or asset.
            InvariantViolationError: If assets have partitions and none is named.
            UnknownPartitionError: If there is no such partition.
            StepExecutionError: If `detach`, and a definition cannot go to another process.
        """
        __tracebackhide__ = True
        return engine().launch(
            self,
            target,
            config=config,
            partition=partition,
            instance=instance,
            op_selection=op_selection,
            asset_selection=asset_selection,
            asset_check_selection=asset_check_selection,
            tags=tags,
            resources=resources,
            run_id=run_id,
            stale_only=stale_only,
            executor=executor,
            detach=detach,
        )

    def rerun(
        self,
        run_id: Any,
        *,
        from_failure: bool = False,
        steps: Sequence[str] | None = None,
        instance: Instance | None = None,
    ) -> Run:
        """Launch a run of the history again in the background, with its job as defined now.

        Args:
            run_id: The run to repeat: its id or how that begins, a `Run`, or its record.
            from_failure: Run only the steps that did not succeed; the other values are loaded.
            steps: Only these steps, as `["clean+"]`.
            instance: Where its history is; that of the session if None.

        Returns:
            The new `Run`.

        Raises:
            RunNotFoundError: If there is no such run.
            InvalidSubsetError: If the session does not know its job.
        """
        __tracebackhide__ = True
        return engine().rerun(
            self, run_id, from_failure=from_failure, steps=steps, instance=instance
        )

    def backfill(
        self,
        selection: Any = None,
        partitions: PartitionsAsked | None = None,
        *,
        only_missing: bool = False,
        only_failed: bool = False,
        stale_only: bool = False,
        tags: Mapping[str, str] | None = None,
        max_parallel: int = 1,
        config: CoercibleToRunConfig = None,
        instance: Instance | None = None,
        resources: Mapping[str, Any] | None = None,
        detach: bool = False,
    ) -> Backfill:
        """Materialize many partitions in the background, each asset after its upstream.

        Of a job, by name or as such, it runs each partition once: see `JobDefinition.backfill`.

        An asset's `backfill_policy` sets how many partitions one run materializes; without one,
        each has its own run. Assets with other partitions than the requested ones materialize those
        that their partition mappings assign to them.

        Args:
            selection: A job or its name, else which assets, as in `launch`.
            partitions: A key, some keys, a `PartitionKeyRange` or a subset; all if not given.
            only_missing: Only those that were never materialized.
            only_failed: Only those whose last run failed.
            stale_only: Only those that are stale, missing or failed, and everything downstream.
            tags: Tags of its runs.
            max_parallel: How many runs go side by side.
            config: A `RunConfig` or dict.
            instance: Where the history is kept; that of the session if not given.
            resources: Resources by key, instead of those of the session.
            detach: Whether a process of its own does it, which continues when this one ends.

        Returns:
            A `Backfill`: it can be observed, waited for, awaited, canceled and resumed.

        Raises:
            UnknownPartitionError: If no asset has these partitions; nothing has run then.
            InvalidSubsetError: If there is no such asset.
            InvalidInvocationError: If more than one of `only_missing`, `only_failed` and
                `stale_only` is asked for, or `max_parallel` is below 1.

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
        return engine().backfill(
            self,
            selection,
            partitions,
            only_missing=only_missing,
            only_failed=only_failed,
            stale_only=stale_only,
            tags=tags,
            max_parallel=max_parallel,
            config=config,
            instance=instance,
            resources=resources,
            detach=detach,
        )

    def resume_backfill(
        self,
        backfill_id: str,
        *,
        max_parallel: int = 1,
        instance: Instance | None = None,
        resources: Mapping[str, Any] | None = None,
        detach: bool = False,
    ) -> Backfill:
        """Resume a backfill that was canceled, was interrupted, or failed in part.

        What it has not made since it began is tried again, with the assets as they are now.

        Args:
            backfill_id: The id of the backfill, as `instance.get_backfills()` tells.
            max_parallel: How many runs go side by side.
            instance: Where the history is kept; that of the session if not given.
            resources: Resources by key, instead of those of the session.
            detach: Whether a process of its own does it, which continues when this one ends.

        Returns:
            A `Backfill` with the same id.

        Raises:
            InvalidSubsetError: If there is no such backfill.
            InvariantViolationError: If it goes on, here or in another process.
        """
        __tracebackhide__ = True
        return engine().resume_backfill(
            self,
            backfill_id,
            max_parallel=max_parallel,
            instance=instance,
            resources=resources,
            detach=detach,
        )

    def find_backfill(self, backfill_id: str, instance: Instance | None = None) -> Backfill:
        """Return a backfill of the history, whatever process does it: to watch it, or cancel it.

        Args:
            backfill_id: The id of the backfill, as `instance.get_backfills()` tells.
            instance: Where the history is kept; that of the session if not given.

        Raises:
            InvalidSubsetError: If there is no such backfill.
        """
        __tracebackhide__ = True
        return engine().find_backfill(self, backfill_id, instance)

    def launchpad(self, target: Any = None) -> Launchpad:
        """Return the form for a run's config, with a button that launches it.

        Args:
            target: A job or its name, else which assets to make, as in `launch`.

        Returns:
            A `Launchpad`; asked for again, it is the same and still holds what was typed.
        """
        return engine().open_session_launchpad(self, target)

    # --- by itself ----------------------------------------------------------

    @property
    def automation(self) -> Automation:
        """The schedules and sensors, and the loop that evaluates them.

        `session.automation.start()` lets it go on in the background of this kernel; `tick_now`
        evaluates one now, `preview` says what it would launch.
        """
        if self._automation is None:
            self._automation = engine().automation(self)
        return self._automation

    def serve(
        self, *, host: str = "127.0.0.1", port: int | None = None, token: str | None = None
    ) -> Server:
        """Answer Dagster's GraphQL clients for this session, in the background of the kernel.

        Args:
            host: The address to listen at.
            port: The port; the first free one from 3000 if not given, any free one if 0.
            token: The token that each request must have; a random one if not given.

        Returns:
            A `Server` with its `url` and `token`; `stop()` stops it. Asked again, it is another
            one.

        Raises:
            InvalidInvocationError: If `jobnb[server]` is not installed, or the port is taken.
        """
        return engine().serve(self, host=host, port=port, token=token)

    def help(self) -> Guide:
        """Return the notebooks that explain jobnb, and the calls to begin with.

        Example:
            >>> Session().help().pages[0].notebook
            'flights.ipynb'
        """
        return engine().guide()

    # --- looking back -------------------------------------------------------

    @property
    def instance(self) -> Instance:
        """The instance that holds the history and the values."""
        return engine().instance(self.home)

    value = answered_by(HistoryReader, HistoryReader.value)
    peek = answered_by(HistoryReader, HistoryReader.peek)
    partitions = answered_by(HistoryReader, HistoryReader.partitions)
    status = answered_by(HistoryReader, HistoryReader.status)
    stale = answered_by(HistoryReader, HistoryReader.stale)
    diff = answered_by(HistoryReader, HistoryReader.diff)
    rename = answered_by(HistoryReader, HistoryReader.rename)
    renames = answered_by(HistoryReader, HistoryReader.renames)
    debug = answered_by(HistoryReader, HistoryReader.debug)

    def _part(self, kind: type[HistoryReader]) -> HistoryReader:
        return kind(self)

    @property
    def runs(self) -> RunTable:
        """The history: runs, the latest first, also those that are active in other processes.

        `session.runs["<id>"]` gives one of them, as `run` does.
        """
        return engine().run_table(self)

    def run(self, run_id: Any, *, instance: Instance | None = None) -> Run:
        """Return a run of the history, also one that is active in another process.

        Args:
            run_id: Its id, or how that begins; or a record of the history.
            instance: Where its history is; that of the session if None.

        Returns:
            A `Run`: it can be observed, waited for, canceled and repeated.

        Raises:
            RunNotFoundError: If there is no such run, or several begin so.
        """
        return engine().look_up(self, run_id, instance)

    def __repr__(self) -> str:
        return f"<session: {self.catalogue.words}>"


def attach(shell: Any) -> None:
    """Connect the kernel's session with an IPython shell: its cells and its configuration."""
    session._settings.parent = shell
    session.catalogue.watch.attach(shell)
    if session.reactive is not None and session._reactive is None:  # by IPython's config
        session.reactive = session._settings.reactive


def current_session() -> Session:
    """Return the session that definitions register with: the kernel's, or one that captures."""
    return _active[-1]


def make_current(chosen: Session) -> None:
    """Make a session the one of this process, in place of the one that it has by itself."""
    _active[0] = chosen


def _hear(definition: Any, module: str) -> None:
    _active[-1].catalogue.hear(definition, module)


session = Session()
_active = [session]
listen(_hear)
