"""React to cells that are run again: look at what became stale, or materialize it.

Cells never wait for it: a thread looks at the assets and launches runs. It materializes what was
materialized before and is stale now, with the stale assets upstream of it; what is missing, and
assets with partitions, are left to whoever asks for them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Mapping
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from traitlets import HasTraits, Unicode

from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidInvocationError, did_you_mean
from jobnb.plan.asset_parts import name_in, shared_names
from jobnb.staleness.causes import AssetStatus, CauseKind, StaleStatus
from jobnb.staleness.survey import Survey
from jobnb.staleness.verdicts import DefinedAsset
from jobnb.staleness.versions import given_config

if TYPE_CHECKING:
    from jobnb.execution.background import Run
    from jobnb.registry.session import Session

STALE, RUN = MODES = ("stale", "run")
"""What a session can do when a cell was run again: show what became stale, or materialize it."""
REACTIVE_TAG = "jobnb/reactive"
"""The tag of the runs that a reactive session launches."""
_ANYWHERE = "JOBNB_REACTIVE"
_CELL, _ENDED, _OFF = "cell", "ended", "off"

Look = Mapping[AssetKey, tuple[str, AssetStatus]]
"""The assets that are stale or failed, each with the version of its code."""


class Reaction(HasTraits):
    """What followed from one execution of a cell.

    Attributes:
        state: `looking`, `nothing` became stale, `stale`, `running`, `ended`, `canceled` or `off`.
        problem: Why nothing could be launched.
        stale: The assets that became stale.
        run: The run that materializes them.
    """

    state = Unicode("looking")
    problem = Unicode("")

    def __init__(self) -> None:
        super().__init__()
        self.stale: dict[AssetKey, AssetStatus] = {}
        self.run: Run | None = None
        self._looked = threading.Event()

    def settle(self, state: str) -> None:
        """Record what came of it."""
        self.state = state
        self._looked.set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is known what became stale; returns whether it is."""
        return self._looked.wait(seconds)


class Reactive:
    """Reacts to the cells of a session; see `Session.reactive`.

    Args:
        session: The session.

    Attributes:
        mode: `stale`, `run` or None.
        latest: What followed from the last cell; None if it does not react.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._todo: SimpleQueue[str] = SimpleQueue()
        self._seen: Look = {}
        self._defined: Mapping[AssetKey, DefinedAsset] = {}
        self._pending: set[AssetKey] = set()
        self._run: Run | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.mode: str | None = None
        self.latest: Reaction | None = None

    def switch(self, mode: str | None) -> None:
        """Begin or stop to react; stopping cancels the run that goes on.

        Raises:
            InvalidInvocationError: If there is no such mode.
        """
        if mode is not None and mode not in MODES:
            hint = did_you_mean(str(mode), MODES)
            raise InvalidInvocationError(
                f"session.reactive is 'stale', 'run' or None, not {mode!r}. {hint}".rstrip()
            )
        before, self.mode = self.mode, mode
        if mode is None and before is not None:
            self._session.catalogue.unobserve(self._cell_done, names=["cells_done"])
            self._todo.put(_OFF)
            self.latest = None
        elif mode is not None and before is None:
            self._session.catalogue.observe(self._cell_done, names=["cells_done"])
            self._todo = SimpleQueue()
            self._thread = threading.Thread(
                target=self._work, args=(self._todo,), name="jobnb reactive", daemon=True
            )
            self._thread.start()
        if mode != RUN and self._run is not None:
            self._run.cancel()

    def cancel(self) -> None:
        """Cancel the run that goes on; the next cell begins anew."""
        self._pending.clear()
        if self._run is not None:
            self._run.cancel()

    def _cell_done(self, _change: Any) -> None:
        self.latest = None
        if self._session.catalogue.watch.is_attended or os.environ.get(_ANYWHERE) == "1":
            self.latest = Reaction()
            self._todo.put(_CELL)

    # --- in its thread ------------------------------------------------------

    def _work(self, todo: SimpleQueue[str]) -> None:
        self._seen = self._look()  # what was stale before is not news
        while (what := todo.get()) is not _OFF:
            reaction = self.latest
            try:
                if what == _CELL and reaction is not None and not todo.qsize():
                    self._react(reaction)
                elif what == _ENDED:
                    self._after_run()
            except Exception as error:  # noqa: BLE001 - code of users is read; the next cell may mend it
                if reaction is not None:
                    reaction.problem = str(error) or type(error).__name__
                    reaction.settle("stale")

    def _look(self) -> Look:
        session = self._session
        survey = Survey(session.snapshot(), session.instance, session.catalogue.place_of)
        bad = (StaleStatus.STALE, StaleStatus.FAILED)
        self._defined = survey.defined
        return {
            key: (survey.defined[key].code, status)
            for key, status in survey.statuses().items()
            if status.status in bad
        }

    def _react(self, reaction: Reaction) -> None:
        before, self._seen = self._seen, self._look()
        reaction.stale = self._became_stale(before)
        if not reaction.stale:
            reaction.settle("nothing")
            return
        self._pending |= reaction.stale.keys()
        if self.mode != RUN:
            reaction.settle("stale")
            return
        if self._run is not None:
            self._stopping = True  # what it makes is made of what is not any more
            self._run.cancel()
            reaction.settle("running")
        else:
            self._launch(reaction)

    def _became_stale(self, before: Look) -> dict[AssetKey, AssetStatus]:
        """Return what is stale for another reason than before, and what is stale downstream."""
        found: dict[AssetKey, AssetStatus] = {}
        for key, (code, status) in self._seen.items():  # upstream first
            known = before.get(key)
            is_new = known is None or (known[0], known[1].causes) != (code, status.causes)
            if is_new or any(each in found for each in self._defined[key].upstream):
                found[key] = status
        return found

    def _after_run(self) -> None:
        self._run, again, self._stopping = None, self._stopping, False
        before = self._defined
        # What a cell has changed meanwhile is news, once the cell is done.
        self._seen = {
            key: stale
            for key, stale in self._look().items()
            if key in before and before[key].code == self._defined[key].code
        }
        if self.mode != RUN:
            return
        if again and self.latest is not None:
            self._launch(self.latest)
        else:
            self._pending.clear()

    def _launch(self, reaction: Reaction) -> None:
        session, known = self._session, self._defined
        keys = self._to_make(known)
        if not keys:
            reaction.problem = self._lacking()
            reaction.settle("stale")
            return
        try:
            run = session.launch(
                sorted(keys),
                config=self._config(known, keys),
                stale_only=True,
                tags={REACTIVE_TAG: "true"},
            )
        except Exception as error:  # noqa: BLE001 - config that lacks a value, say
            self._pending.clear()
            reaction.problem = str(error)
            reaction.settle("stale")
            return
        self._run = reaction.run = run
        reaction.settle("running")
        todo = self._todo

        def ended(_change: Any) -> None:
            if run.is_finished and reaction.state == "running":
                how = {"SUCCESS": "ended", "CANCELED": "canceled"}.get(run.status, "failed")
                if how == "failed":
                    reaction.problem = _failure_of(run)
                reaction.state = how
                todo.put(_ENDED)

        run.observe(ended, names=["version", "status"])
        ended(None)

    def _to_make(self, known: Mapping[AssetKey, DefinedAsset]) -> set[AssetKey]:
        """Return what is pending and has no partitions, with what is stale upstream of it."""
        found: set[AssetKey] = set()
        lacking: set[AssetKey] = set()
        for key, (_, status) in self._seen.items():  # upstream first
            if _lacks_input(status) or not lacking.isdisjoint(known[key].upstream):
                lacking.add(key)
        waiting = list(self._pending)
        while waiting:
            key = waiting.pop()
            asset = known.get(key)
            if key in found or asset is None or asset.assets.partitions_def is not None:
                continue
            if key in self._seen and key not in lacking:
                found.add(key)
                waiting += asset.upstream
        return found

    def _lacking(self) -> str:
        """Return why none of what is pending can be made; empty if it has partitions."""
        for key, (_, status) in self._seen.items():  # upstream first
            for cause in status.causes if key in self._pending else ():
                if cause.kind is CauseKind.MISSING:
                    up = cause.key.to_user_string()
                    return f"{key.to_user_string()!r} cannot be made: upstream {up!r} is missing."
        return ""

    def _config(
        self, known: Mapping[AssetKey, DefinedAsset], keys: Collection[AssetKey]
    ) -> dict[str, Any]:
        """Return the config that the assets were materialized with."""
        shared = shared_names([*{id(each.assets): each.assets for each in known.values()}.values()])
        made = self._session.instance.last_made(keys)
        given = {
            name_in(shared, known[key].assets): given_config(record.tags)
            for key, record in made.items()
        }
        ops = {name: config for name, config in given.items() if config}
        return {"ops": ops} if ops else {}


def _lacks_input(status: AssetStatus) -> bool:
    """Whether an asset cannot be made, as one upstream was never made."""
    return any(cause.kind is CauseKind.MISSING for cause in status.causes)


def _failure_of(run: Run) -> str:
    """Return what failed in a run, and how to look into it."""
    failed = [(key, step.error) for key, step in run.state.steps.items() if step.error is not None]
    look = f"%jobnb debug {run.run_id[:8]}"
    if not failed:
        return f"{run.state.error or 'The run failed'}. Its log: %jobnb run {run.run_id[:8]}"
    key, error = failed[0]
    return f"{key!r} failed: {error.cls_name}: {error.message}. To open it in cells: {look}"
