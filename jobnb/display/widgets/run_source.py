"""The sources of a run view: an active run, one that ended here, one of the history."""

from __future__ import annotations

import signal
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, cast

import msgspec

from jobnb.definitions.jobs.job_config import run_title
from jobnb.definitions.keys import AssetKey
from jobnb.display.asset_pictures import asset_picture
from jobnb.display.environment import attempt, known_session
from jobnb.display.graph_pictures import job_picture
from jobnb.display.picture import Picture
from jobnb.display.run_marks import Cards
from jobnb.display.widgets.follow import cards_of_plan, cards_of_recorded
from jobnb.errors import InvalidSubsetError, InvariantViolationError, JobnbError, RunNotFoundError
from jobnb.events import Event
from jobnb.execution.result import ExecuteInProcessResult
from jobnb.execution.run import RunScope
from jobnb.execution.task import find
from jobnb.execution.values import load_asset_value
from jobnb.plan.step import Plan
from jobnb.storage.instance import Instance
from jobnb.storage.run import JobRun

_TICK = 0.05  # seconds between two looks at a run that the main thread waits for
_TO_THE_END = 5.0  # seconds; what is left after a run's last event is to close its log


class RunSource(ABC):
    """Reads a run, wherever it is or was executed.

    Args:
        record: The run as it is stored.
        instance: Where its history is.
        plan: What it does, where that is known.
    """

    can_cancel = False

    def __init__(self, record: JobRun, instance: Instance, plan: Plan | None = None) -> None:
        self.record = record
        self.instance = instance
        self.plan = plan

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.record.run_id

    @cached_property
    def picture(self) -> Picture | None:
        """The graph it runs, unmarked; None if its definitions are unknown."""
        drawn = attempt(self._picture, None)
        if drawn is None or not drawn.cards:
            return None
        title = run_title(drawn.title, only_checks=self.record.makes_only_checks)
        return msgspec.structs.replace(drawn, title=title, marks={})

    def _picture(self) -> Picture | None:
        return job_picture(self.plan.job) if self.plan is not None else None

    @cached_property
    def cards(self) -> Cards:
        """The cards of its steps, where they are not called as the steps are."""
        return cards_of_plan(self.plan)

    @abstractmethod
    def events(self, after: int) -> Sequence[Event]:
        """Return the events after the first `after`."""

    @abstractmethod
    def output(self, step_key: str, output_name: str, asset: AssetKey | None) -> Any:
        """Return the value of an output.

        Raises:
            JobnbError: If it is not kept, or not yet there.
        """

    def follow(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Call `heard` when there is news; returns a function that stops it."""
        return lambda: None

    def cancel(self) -> None:
        """Cancel the run."""
        raise InvariantViolationError(f"The run {self.run_id} is not in progress in this kernel.")

    def rerun(self, from_failure: bool = False, steps: Sequence[str] | None = None) -> Any:
        """Run it again in the background, as the session defines it now; returns the new run."""
        from jobnb.registry.session import current_session

        return current_session().rerun(
            self.run_id, from_failure=from_failure, steps=steps, instance=self.instance
        )


class LiveRun(RunSource):
    """A run that was launched in this kernel."""

    def __init__(self, run: Any) -> None:
        super().__init__(run.record, run.instance, run.plan)
        self.run = run

    @property
    def can_cancel(self) -> bool:  # type: ignore[override]
        """Whether it is active."""
        return not self.run.is_finished

    def events(self, after: int) -> Sequence[Event]:
        """Return the events after the first `after`."""
        found: Sequence[Event] = self.run.events(after=after)
        return found

    def output(self, step_key: str, output_name: str, asset: AssetKey | None) -> Any:
        """Return the value of an output, once the run has ended."""
        if not self.run.state.is_finished:
            raise InvariantViolationError("The value can be looked at when the run has ended.")
        if not self.run.plan.steps:  # of another process, and this one does not know its job
            stored = StoredRun(self.instance, self.run_id)
            return stored.output(step_key, output_name, asset)
        self.run.wait(_TO_THE_END)
        return _element(self.run.result(raise_on_error=False), step_key, output_name)

    def follow(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Call `heard` on the run's notifier thread, at most 20 times a second."""

        def changed(_change: Any) -> None:
            heard()

        names = ["version", "status"]
        self.run.observe(changed, names=names)
        return lambda: attempt(lambda: self.run.unobserve(changed, names=names), None)

    def cancel(self) -> None:
        """Cancel the run."""
        self.run.cancel()

    def rerun(self, from_failure: bool = False, steps: Sequence[str] | None = None) -> Any:
        """Run it again in the background; returns the new run."""
        return self.run.rerun(from_failure=from_failure, steps=steps)


class EndedRun(RunSource):
    """A run of this kernel that has ended."""

    def __init__(self, result: ExecuteInProcessResult) -> None:
        super().__init__(result.run, result.instance, result.plan)
        self.result = result

    def events(self, after: int) -> Sequence[Event]:
        """Return the events after the first `after`."""
        return self._events[after:]

    @cached_property
    def _events(self) -> list[Event]:
        """The events of the run and the messages of its code, in order."""
        together = [*self.result.all_events, *self.result.log_lines]
        return sorted(together, key=lambda event: event.time)

    def output(self, step_key: str, output_name: str, asset: AssetKey | None) -> Any:
        """Return the value of an output."""
        return _element(self.result, step_key, output_name)

    def rerun(self, from_failure: bool = False, steps: Sequence[str] | None = None) -> Any:
        """Run it again in the background; returns the new run."""
        try:
            return super().rerun(from_failure, steps)
        except InvalidSubsetError:  # the session does not know its job
            if from_failure or steps:
                raise
        return self.result.job_def.launch(
            config=self.record.run_config, instance=self.instance, tags=self.record.tags
        )


class AwaitedRun(RunSource):
    """A run that the main thread waits for, while it is active and afterwards.

    Args:
        scope: The run.
        ended: Set when it has ended.
    """

    def __init__(self, scope: RunScope, ended: threading.Event) -> None:
        super().__init__(scope.record, scope.instance, scope.plan)
        self._scope = scope
        self._ended = ended

    @property
    def can_cancel(self) -> bool:  # type: ignore[override]
        """Whether it is active."""
        return not self._ended.is_set()

    def events(self, after: int) -> Sequence[Event]:
        """Return the events after the first `after`."""
        return self._scope.events[after:]

    def follow(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Call `heard` in a thread of its own, at most 20 times a second, until the run ends."""
        stopped = threading.Event()

        def work() -> None:
            seen = -1
            while not stopped.wait(_TICK):
                ended = self._ended.is_set()
                if seen != (seen := len(self._scope.events)) or ended:
                    attempt(heard, None)
                if ended:
                    return

        threading.Thread(target=work, name="jobnb run view", daemon=True).start()
        return stopped.set

    def output(self, step_key: str, output_name: str, asset: AssetKey | None) -> Any:
        """Return the value of an output, once the run has ended."""
        if not self._ended.is_set():
            raise InvariantViolationError("The value can be looked at when the run has ended.")
        return _element(ExecuteInProcessResult.of(self._scope), step_key, output_name)

    def cancel(self) -> None:
        """Interrupt the main thread, as Jupyter's stop button does."""
        if self.can_cancel:
            # To that thread, so that a call in which it sleeps ends, too.
            signal.pthread_kill(cast("int", threading.main_thread().ident), signal.SIGINT)

    def rerun(self, from_failure: bool = False, steps: Sequence[str] | None = None) -> Any:
        """Run it again in the background; returns the new run."""
        return EndedRun(ExecuteInProcessResult.of(self._scope)).rerun(from_failure, steps)


class StoredRun(RunSource):
    """A run of the history, perhaps of another kernel."""

    def __init__(self, instance: Instance, run_id: str) -> None:
        record = instance.get_run_by_id(run_id)
        if record is None:
            raise RunNotFoundError(f"There is no run {run_id!r} in this history.")
        super().__init__(record, instance)

    @property
    def can_cancel(self) -> bool:  # type: ignore[override]
        """Whether a process, perhaps another one, does it."""
        return attempt(lambda: self.instance.control.holder(self.run_id), None) is not None

    def cancel(self) -> None:
        """Ask the process that does it to cancel it."""
        from jobnb.registry.session import current_session

        if not current_session().run(self.run_id, instance=self.instance).cancel():
            super().cancel()  # It has ended: there is nothing to cancel.

    def _picture(self) -> Picture | None:
        """Return the graph as the session's definitions have it now."""
        session, record = known_session(), self.record
        checked = {key.asset for key in record.asset_check_selection or ()}
        chosen = record.asset_selection or checked
        if session is None:
            return None
        known = session.definitions
        if chosen and (self.record.job_name.startswith("__")):
            return asset_picture(
                known.assets, known.source_assets, title=self.record.job_name, only=chosen
            )
        return job_picture(known.get_job_def(self.record.job_name))

    @cached_property
    def cards(self) -> Cards:
        """The cards of its steps, as the session's definitions have them now."""
        session = known_session()
        return cards_of_recorded(self.record, session.definitions if session is not None else None)

    def events(self, after: int) -> Sequence[Event]:
        """Return the events after the first `after`."""
        return self.instance.events(self.run_id, after - 1)

    def output(self, step_key: str, output_name: str, asset: AssetKey | None) -> Any:
        """Return the stored value: of an asset that was not made since, or of an op."""
        if asset is None:
            return self._of_op(step_key, output_name)
        session = known_session()
        if session is None:
            raise JobnbError("The asset is not defined in this kernel.")
        latest = self.instance.get_latest_materialization_event(asset)
        if latest is not None and latest.run_id != self.run_id and not self.record.partition_key:
            name = asset.to_user_string()
            raise JobnbError(f"{name!r} was made again since, by run {latest.run_id[:8]}.")
        return load_asset_value(
            session.definitions,
            asset,
            instance=self.instance,
            partition_key=self.record.partition_key,
        )

    def _of_op(self, step_key: str, output_name: str) -> Any:
        from jobnb.definitions.resources.io_context import InputContext, OutputContext
        from jobnb.storage.files import FileIOManager

        name, _, mapping_key = output_name.removesuffix("]").partition("[")
        upstream = OutputContext(
            step_key=step_key,
            name=name,
            mapping_key=mapping_key or None,
            run_id=self.run_id,
            job_name=self.record.job_name,
            instance=self.instance,
        )
        manager = FileIOManager(self.instance.storage_directory())
        context = InputContext(upstream_output=upstream, instance=self.instance)
        return manager.load_input(context)


def _element(result: ExecuteInProcessResult, step_key: str, output_name: str) -> Any:
    """Return the value of an output; of one element where it is dynamic, or mapped over one."""
    step, _, mapped = step_key.removesuffix("]").partition("[")
    output, _, own = output_name.removesuffix("]").partition("[")
    value = result.output_for_node(step, output)
    return value[own or mapped] if (own or mapped) and isinstance(value, dict) else value


def source_of(run: Any) -> RunSource:
    """Return the source of a run: from a `Run`, a result, or a source already."""
    if isinstance(run, RunSource):
        return run
    if isinstance(run, ExecuteInProcessResult):
        return EndedRun(run)
    return LiveRun(run)


def stored_or_live(instance: Instance, run_id: str) -> RunSource:
    """Return the run of this id: live where it goes on in this kernel, else from the history."""
    background = sys.modules.get("jobnb.execution.background")
    run = find(background.Run, run_id) if background is not None else None
    return LiveRun(run) if run is not None else StoredRun(instance, run_id)
