"""Execute steps on the workers of a Dask cluster, also on other machines."""

from __future__ import annotations

import json
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue
from typing import Any

from jobnb.errors import InvalidDefinitionError, JobnbError, WorkerLostError
from jobnb.events import EngineNote, Event, Logged, StepRestarted, StepStarted
from jobnb.execution.executors.dask_worker import (
    Report,
    StopRequest,
    close_part,
    do_task,
    end_worker,
    stop_tasks,
)
from jobnb.execution.executors.lazy_resources import LazyResources
from jobnb.execution.executors.worker_pool import Attempt, AttemptResult, AttemptStatus, WorkerTask
from jobnb.execution.io import step_key_of
from jobnb.execution.pickling import Packed, ValueStub, holds_values
from jobnb.execution.run import RunScope
from jobnb.execution.trace import words_of
from jobnb.execution.worker import (
    show_output,
    task_message_of,
    told_here,
    unpacked_error,
    worker_setup_of,
)
from jobnb.plan.step import Step

RESOURCES_TAG = "dagster-dask/resource_requirements"
"""The tag that holds what a step needs of a worker, as `{"GPU": 1}`."""

_AHEAD = 2  # tasks for each thread of a worker: the next one is there when the first has ended
_WAIT = 60  # seconds for the first worker
_LOOK = 5.0  # seconds without any news after which it is looked whether somebody is there
_DROPPED = 100  # tasks of a run that the cluster may drop before they began
_PATIENCE = 1.0  # seconds that a step has to stop
_UNTOLD = 5.0  # seconds after the end of a task in which the news of it arrive


class _ClusterTask:
    """A task of the cluster, released with the last of its values.

    The client's own objects refer to each other, and would be let go of much later.

    Args:
        future: What the client knows it by.
    """

    __slots__ = ("future",)

    def __init__(self, future: Any) -> None:
        self.future = future

    def __del__(self) -> None:
        with suppress(Exception):  # the cluster may be gone
            self.future.release()


class RemoteValue:
    """A large value that stays on the worker that made it.

    Args:
        made: The task that made it.
        place: Which of its values it is.
    """

    __slots__ = ("made", "place")

    def __init__(self, made: _ClusterTask, place: tuple[int, str | None]) -> None:
        self.made, self.place = made, place

    @property
    def future(self) -> Any:
        """The client's reference to the task."""
        return self.made.future

    def value(self) -> Any:
        """Return the value, fetched."""
        kept: Mapping[Any, Packed] = self.future.result()
        return kept[self.place].value()


holds_values(RemoteValue)


class DaskWorkerPool:
    """Executes the steps of a run on a Dask cluster.

    Args:
        run: The run.
        places: How many steps run at once; as many as the cluster has threads if None.
        config: The config of the executor.
    """

    shares_resources = False
    short, chunk = 0.02, 0.1

    def __init__(self, run: RunScope, places: int | None, config: Mapping[str, Any]) -> None:
        self.run, self.config = run, config
        self._wanted = places
        self.places = places or 1
        self.title = "a Dask cluster"
        self._stack = ExitStack()
        self._cluster: Any = None
        self._dropped = 0
        self._gone = False
        self._heard = self._looked = time.monotonic()
        self._patience = 3 * _LOOK
        self._address = ""
        self._news: SimpleQueue[Any] = SimpleQueue()
        self._futures: dict[int, _ClusterTask] = {}
        self._left: dict[int, list[Attempt]] = {}
        self._turns: dict[int, str] = {}
        self._began: set[str] = set()
        self._untold: dict[int, float] = {}
        self._stopping: dict[int, float] = {}
        self._to_stop: list[StopRequest] = []
        self._late: set[int] = set()

    def begin(self) -> None:
        """Connect to the cluster, or make one, and send it what workers must know.

        Raises:
            InvalidDefinitionError: If Dask is not installed.
            JobnbError: If there is no such cluster, or it has no workers.
        """
        self._client = client = self._connected()
        self._topic = f"jobnb-{self.run.run_id}"
        self.run.resources = LazyResources(self.run)
        # As what a task gives, which the cluster makes again where the worker that had it is lost.
        self._setup = client.submit(bytes, worker_setup_of(self.run, None), pure=False)
        client.subscribe_topic(self._topic, self._hear)
        self._stack.callback(client.unsubscribe_topic, self._topic)
        if self._wanted is None:
            self.places = max(1, sum(client.nthreads().values())) * _AHEAD
        self._address = where = getattr(client.scheduler, "address", "")
        at, told = f"a Dask cluster at {where}", f"The Dask cluster is at {where}"
        self.run.append(EngineNote(time.time(), told, where=at, pid=os.getpid()))

    def _connected(self) -> Any:
        try:
            import distributed
        except ImportError as error:
            raise InvalidDefinitionError(
                "The executor 'dask' needs Dask. Install it: pip install 'jobnb[dask]'."
            ) from error
        address, local = _address_of(self.config)
        with suppress(ValueError):
            known = distributed.default_client()
            if address in (None, known.scheduler.address) and local is None:
                return self._with_workers(known)
        target: Any = address
        if address is None:
            given = {"dashboard_address": ":0", **(local or {})}
            self._cluster = target = self._stack.enter_context(_local_cluster(given))
        try:
            client = distributed.Client(target, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise JobnbError(
                f"There is no Dask scheduler at {address!r}: {error}. An address is such as "
                f"'tcp://scheduler:8786'. Start one with `dask "
                "scheduler`, or leave the address out for a cluster on this machine."
            ) from error
        return self._with_workers(self._stack.enter_context(client))

    def _with_workers(self, client: Any) -> Any:
        try:
            client.wait_for_workers(1, timeout=_WAIT)
        except TimeoutError as error:
            raise JobnbError(
                f"The Dask cluster at {client.scheduler.address} has no workers. Start some with "
                "`dask worker`."
            ) from error
        return client

    # --- handing over ----------------------------------------------------

    def fuses(self, step: Step) -> bool:
        """Whether a step may share a task with others: not one that needs a worker of its own."""
        return RESOURCES_TAG not in step.tags

    def submit(self, task: WorkerTask) -> None:
        """Submit a task; what it reads goes along, or is asked of the worker that has it."""
        message = task_message_of(self.run, task.number, task.attempts, None)
        needs: list[Any] = []
        values = {slot: _with_needs(value, needs) for slot, value in message.values.items()}
        message = message._replace(values=values)
        step = self.run.plan.steps[task.attempts[0].unit.step]
        future = self._client.submit(
            do_task,
            self.run.run_id,
            self._setup,
            message,
            needs,
            key=f"{_plain(step.key)}-{self.run.run_id[:8]}-{task.number}",
            resources=_resources_of(step),
            pure=False,
        )
        self._futures[task.number] = _ClusterTask(future)
        self._left[task.number] = list(task.attempts)
        future.add_done_callback(lambda done, number=task.number: self._news.put((number, done)))

    # --- taking in -------------------------------------------------------

    def _hear(self, event: Any) -> None:
        """Handle a worker's message; called in the client's own thread."""
        message = event[1]
        data = message.get("data") if isinstance(message, dict) else None
        if data is not None:
            self._news.put(data)

    def wait(self, seconds: float) -> list[AttemptResult]:
        """Return the attempts that have ended; wait for the first one, at most so long."""
        found: list[AttemptResult] = []
        if self._to_stop:
            self._send_stops()
        for number in [each for each in self._late if self.is_stuck(each)]:
            self._late.discard(number)
            self._in_background("jobnb Dask late", self._end_late, number)
        with suppress(Empty):
            news = self._news.get(seconds > 0, seconds or None)
            self._heard = time.monotonic()
            while True:
                found += self._take(news)
                news = self._news.get_nowait()
        if self._left and time.monotonic() > max(self._heard, self._looked) + _LOOK:
            self._look()
        for number, since in list(self._untold.items()):
            if time.monotonic() > since + _UNTOLD:
                found += self._fetch(number)
        return found

    def _look(self) -> None:
        """Look whether somebody is there who does what was submitted.

        Raises:
            JobnbError: If the scheduler has gone, or there has been no worker for long.
        """
        there: Mapping[str, int] | None = None
        if self._client.status == "running":
            with suppress(Exception):  # of any kind: it cannot be reached
                there = self._client.sync(self._client.scheduler.ncores, callback_timeout=_LOOK)
        self._looked = time.monotonic()
        if there:
            self._heard = self._looked
        elif self._looked > self._heard + (self._patience if there is None else _WAIT):
            self._gone = True
            raise JobnbError(
                f"The scheduler of the Dask cluster at {self._address} has gone."
                if there is None
                else f"The Dask cluster at {self._address} has had no workers for {_WAIT} s."
            )

    def _take(self, news: Any) -> list[AttemptResult]:
        if isinstance(news, bytes):
            return self._read(pickle.loads(news))  # noqa: S301 - from our own worker
        number, future = news
        if number not in self._left:
            return []
        if future.status == "error":
            return self._lost(number, future.exception())
        if future.status in ("cancelled", "lost"):
            return self._let_go(number)
        self._untold[number] = time.monotonic()
        return []

    def _read(self, report: Report) -> list[AttemptResult]:
        """Handle the messages of one attempt at a task: Dask repeats one that lost its worker."""
        if report.number not in self._left:
            return []
        if self._turns.setdefault(report.number, report.turn) != report.turn:
            self._turns[report.number] = report.turn
            key = self._key(self._left[report.number][0])
            self.run.append(EngineNote(time.time(), f"The worker of {key!r} was lost: again."))
        left = {self._key(attempt): attempt for attempt in self._left[report.number]}
        for event in report.events:
            if event.step_key is None or event.step_key in left:
                self._tell(event)
        return [each for told in report.outcomes for each in self._outcome(report.number, *told)]

    def _tell(self, event: Event) -> None:
        if type(event) in (StepStarted, StepRestarted):
            key = str(event.step_key)
            if key in self._began and type(event) is StepStarted:
                event = StepRestarted(event.time, key, 2)
            self._began.add(key)
        self.run.append(told_here(self.run, event))
        if type(event) is Logged:
            show_output(self.run, event)

    def _outcome(self, number: int, outcome: AttemptResult, error: Any) -> list[AttemptResult]:
        left = self._left[number]
        if outcome.attempt not in left:
            return []
        left.remove(outcome.attempt)
        self._began.discard(self._key(outcome.attempt))
        if error is not None:
            outcome.error = unpacked_error(error)
        if outcome.values is not None:
            made = self._futures[number]
            values = {slot: _held(value, made) for slot, value in outcome.values.items()}
            outcome.values = values
        if not left:
            self._forget(number)
        return [outcome]

    def _fetch(self, number: int) -> list[AttemptResult]:
        """Return the news of a task did not come: they are asked for."""
        kept = self._futures[number].future.result()
        return [each for told in kept[None] for each in self._outcome(number, *told)]

    def _let_go(self, number: int) -> list[AttemptResult]:
        """Take back a task that the cluster has dropped, if it did not begin."""
        left = self._left[number]
        if number in self._stopping or self.has_begun(number) or self._dropped >= _DROPPED:
            return self._lost(number, WorkerLostError("The Dask cluster has let go of the step."))
        self._dropped += 1
        self._forget(number)
        return [AttemptResult(number, attempt, AttemptStatus.SKIPPED) for attempt in left]

    def _lost(self, number: int, error: BaseException) -> list[AttemptResult]:
        """Report a lost worker: its current attempt is lost, the others have not begun."""
        left, found = self._left[number], []
        for place, attempt in enumerate(left):
            if place or not self._left:
                found.append(AttemptResult(number, attempt, AttemptStatus.SKIPPED))
                continue
            key = self._key(attempt)
            why = WorkerLostError(f"The Dask worker was lost while it did {key!r}: {error}")
            began = key in self._began
            self._began.discard(key)
            status = AttemptStatus.LOST
            found.append(AttemptResult(number, attempt, status, error=why, began=began))
        self._forget(number)
        return found

    def _forget(self, number: int) -> None:
        self._late.discard(number)
        for each in (self._futures, self._left, self._turns, self._untold, self._stopping):
            each.pop(number, None)

    def _key(self, attempt: Attempt) -> str:
        return step_key_of(self.run.plan.steps[attempt.unit.step], attempt.unit.mapping_key)

    # --- the end ---------------------------------------------------------

    def has_begun(self, task: int) -> bool:
        """Whether its worker has told of a step's beginning."""
        return any(self._key(attempt) in self._began for attempt in self._left.get(task, ()))

    def stop(self, task: int, reason: str, *, is_failure: bool) -> None:
        """Interrupt the step that a task is at, wherever it is; one that waits is taken back."""
        if self._gone or task in self._stopping or task not in self._futures:
            return
        self._stopping[task] = time.monotonic()
        self._to_stop.append((task, reason, is_failure))
        if is_failure:
            self._late.add(task)

    def _send_stops(self) -> None:
        """Send workers what is to stop, in a thread: one that is stuck may not answer."""
        asked, self._to_stop = self._to_stop, []
        self._in_background("jobnb Dask stop", self._stop_all, asked)

    def _in_background(self, name: str, work: Callable[..., None], *about: Any) -> None:
        threading.Thread(target=work, args=about, name=name, daemon=True).start()

    def _end_late(self, number: int) -> None:
        """Take back a task whose step goes on after its time-out; end its worker, if it is alone.

        What waits there goes to other workers; steps that have begun there would begin again.
        """
        with suppress(Exception):  # it has ended by itself, or the cluster is gone
            future = self._futures[number].future
            at_work = self._client.processing()
            self._client.cancel([future], force=True)
            begun = {
                str(task.future.key): self.has_begun(each)
                for each, task in list(self._futures.items())
            }
            for address, keys in at_work.items():
                others = {str(key) for key in keys} - {str(future.key)}
                if len(others) < len(keys) and not any(begun.get(key, True) for key in others):
                    self._client.run(end_worker, nanny=True, workers=[address], on_error="ignore")

    def _stop_all(self, asked: Sequence[StopRequest]) -> None:
        with suppress(Exception):  # a cluster that is gone has stopped them
            told = self._client.run(stop_tasks, self.run.run_id, asked, on_error="ignore")
            at_work = {number for numbers in (told or {}).values() for number in numbers}
            made = [self._futures.get(number) for number, *_ in asked if number not in at_work]
            self._client.cancel([each.future for each in made if each is not None])

    def is_stuck(self, task: int) -> bool:
        """Whether a stopped task goes on for long: code that is not Python's cannot be stopped."""
        since = self._stopping.get(task)
        return self._gone or (since is not None and time.monotonic() > since + _PATIENCE)

    def place_of(self, task: int) -> str:
        """Return nothing: another process is at it."""
        return ""

    def close(self) -> None:
        """Have workers tear down their resources; end the cluster, if it was made for this run."""
        with self._stack:
            if not hasattr(self, "_client"):
                return
            if self._gone:
                self._leave()
                return
            with suppress(Exception):  # a cluster that is gone has nothing open
                mute = self._end_stuck() if any(map(self.is_stuck, list(self._stopping))) else ()
                others = [each for each in self._client.nthreads() if each not in mute]
                if others:
                    arguments = close_part, self.run.run_id
                    self._client.run(*arguments, workers=others, on_error="ignore")
                self._last_news()
            if self.run.keep_outputs:
                self._fetch_kept()
            self._futures.clear()
            if self.run.stop.wanted:
                self._end_own_workers()

    def _leave(self) -> None:
        """Release a cluster that does not answer."""
        self._stack.pop_all()
        self._futures.clear()
        for each in (self._client, self._cluster):
            with suppress(Exception):
                if each is not None:
                    each.close(timeout=1)

    def _end_stuck(self) -> list[str]:
        """End the workers whose step does not stop, unless other runs have steps there.

        Returns:
            The addresses of the workers that are stuck.
        """
        futures = [self._futures[number].future for number in self._stopping]
        keys = {str(future.key) for future in futures}
        at_work = {
            address: {str(key) for key in found}
            for address, found in self._client.processing().items()
        }
        stuck = [address for address, found in at_work.items() if keys & found]
        self._client.cancel(futures, force=True)  # else they begin anew on another worker
        if self._cluster is not None:
            self._end_own_workers(stuck)
            return stuck
        own = f"-{self.run.run_id[:8]}-"
        for address in stuck:
            if all(own in key for key in at_work[address]):
                self._client.run(end_worker, nanny=True, workers=[address], on_error="ignore")
        return stuck

    def _end_own_workers(self, addresses: Container[str] | None = None) -> None:
        """End workers of the cluster that was made for this run at once: all, or some of them."""
        for worker in getattr(self._cluster, "workers", {}).values():
            pid = getattr(worker, "pid", None)
            if pid and (addresses is None or worker.worker_address in addresses):
                worker.close_gracefully()  # no other process takes its place
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)

    def _last_news(self) -> None:
        """Handle the events that workers sent while they tore down."""
        deadline = time.monotonic() + 0.2
        with suppress(Empty):
            while time.monotonic() < deadline:
                news = self._news.get(timeout=0.05)
                if isinstance(news, bytes):
                    report: Report = pickle.loads(news)  # noqa: S301 - from our own worker
                    for event in report.events:
                        if event.step_key is None:
                            self._tell(event)

    def _fetch_kept(self) -> None:
        """Fetch the values that can be loaded after the run: the cluster may be gone then."""
        for slot, value in enumerate(self.run.values):
            if isinstance(value, RemoteValue):
                self.run.values[slot] = value.value()
            elif isinstance(value, dict):
                for key, each in value.items():
                    value[key] = each.value() if isinstance(each, RemoteValue) else each


def _local_cluster(given: Mapping[str, Any]) -> Any:
    """Return a new cluster on this machine.

    Raises:
        JobnbError: If there can be none of these parameters.
    """
    import distributed

    try:
        return distributed.LocalCluster(**given)
    except Exception as error:
        raise JobnbError(
            f"There can be no Dask cluster with {dict(given)!r}: {words_of(error)}. `cluster > "
            "local` takes the parameters of distributed.LocalCluster, as n_workers."
        ) from error


def _plain(key: str) -> str:
    return key.replace("[", "_").replace("]", "")


def _held(value: Any, made: _ClusterTask) -> Any:
    """Return a value as this process holds it."""
    if isinstance(value, dict):
        return {key: _held(each, made) for key, each in value.items()}
    return RemoteValue(made, value.place) if type(value) is ValueStub else value


def _with_needs(value: Any, needs: list[Any]) -> Any:
    """Return a value to send; one that stays on a worker is replaced by its task's number."""
    if isinstance(value, dict):
        return {key: _with_needs(each, needs) for key, each in value.items()}
    if isinstance(value, RemoteValue):
        if value.future not in needs:
            needs.append(value.future)
        return ValueStub(value.place, needs.index(value.future))
    return value


def _address_of(config: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any] | None]:
    """Return the address of an existing cluster; else the arguments to create one, if given."""
    cluster = config.get("cluster") or {}
    existing = cluster.get("existing")
    address = config.get("address") or (existing or {}).get("address")
    return address, cluster.get("local")


def _resources_of(step: Step) -> dict[str, float] | None:
    """Return the Dask resources that a step needs.

    Raises:
        InvalidDefinitionError: If its tag is no such JSON.
    """
    text = step.tags.get(RESOURCES_TAG)
    if text is None:
        return None
    try:
        found = json.loads(text)
        return {str(name): float(count) for name, count in found.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise InvalidDefinitionError(
            f'The tag {RESOURCES_TAG} of {step.key!r} is {text!r}. Give JSON such as {{"GPU": 1}}.'
        ) from error
