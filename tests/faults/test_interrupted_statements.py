"""Ctrl-C in any statement leaves a history that everyone can use at once.

The exception is kept meanwhile, as a kernel keeps the last one with all frames it came through.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import event

from jobnb import (
    AssetKey,
    Instance,
    JobRun,
    PartitionBackfill,
    asset,
    execute_job,
    job,
    materialize,
    op,
)
from jobnb import events as ev
from jobnb.storage import lost_runs, tables
from jobnb.storage.process import this_process
from tests.storage.place import Place

Statement = Callable[..., None]


class Interrupt:
    """Interrupts at one statement."""

    def __init__(self, instance: Instance, moment: str, at: int, how: Statement) -> None:
        self.engine = instance._opened().engine
        self.moment, self.at, self.how = moment, at, how
        self.count = 0

    def __enter__(self) -> Self:
        event.listen(self.engine, self.moment, self._come)
        return self

    def __exit__(self, *problem: object) -> None:
        event.remove(self.engine, self.moment, self._come)

    def _come(self, *_about: object) -> None:
        if threading.current_thread() is threading.main_thread():
            self.count += 1
            if self.count == self.at:
                self.how()


def raised() -> None:
    raise KeyboardInterrupt


def sent() -> None:
    signal.raise_signal(signal.SIGINT)


MOMENTS = ["before_cursor_execute", "after_cursor_execute", "begin", "commit"]


class Kernel:
    """One that holds everything that can be written, and writes it when it is asked to."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.numbers = iter(range(10_000))
        self.ids: list[str] = []

    def create_run(self) -> str:
        run_id = f"run{next(self.numbers)}"
        self.instance.create_run(JobRun("daily", run_id, tags={"a": "b", "c": "d"}))
        return run_id

    def add_backfill(self) -> str:
        backfill_id = f"backfill{next(self.numbers)}"
        self.instance.add_backfill(PartitionBackfill(backfill_id, holder=this_process()))
        return backfill_id

    def events(self) -> list[ev.Event]:
        asset_key = ("letters",)
        return [
            ev.RunStarted(1.0, "daily", ("letters",)),
            ev.AssetPlanned(1.0, "letters", asset_key, "a"),
            ev.AssetPlanned(1.0, "letters", asset_key, "b"),
            ev.AssetMaterialized(2.0, "letters", asset_key, partition="a"),
            ev.Logged(2.0, 20, "half done"),
            ev.RunFailed(3.0, "daily"),
        ]

    def log_of(self, run_id: str) -> Any:
        log = self.instance.open_log(JobRun("daily", run_id))
        log.due = float("inf")
        log.events += self.events()
        return log

    def batch(self) -> Any:
        batch = self.instance.open_batch()
        batch.due = float("inf")
        for many in (6, 5):  # one run that has ended, one that goes on
            log = batch.begin(JobRun("daily", tags={"a": "b"}))
            log.events += self.events()[:many]
            log.closed = many == 6
        return batch


Work = Callable[[], object]


def at_each_statement(
    instance: Instance, moment: str, how: Statement, begin: Callable[[], Work]
) -> Iterator[BaseException]:
    """Interrupt work at its first statement, then other such work at its second, and so on."""
    for at in count(1):
        work = begin()
        try:
            with Interrupt(instance, moment, at, how):
                work()
        except KeyboardInterrupt as error:
            yield error
            if work.__name__ not in ("create_run", "add_backfill") and how is raised:
                work()  # the same again: wholly done or not at all before
        else:
            assert at > 1
            return


def create_run(kernel: Kernel) -> Work:
    return kernel.create_run


def commit_log(kernel: Kernel) -> Work:
    return kernel.log_of(kernel.create_run()).commit


def commit_batch(kernel: Kernel) -> Work:
    return kernel.batch().commit


def report_event(kernel: Kernel) -> Work:
    run_id = kernel.create_run()
    return lambda: kernel.instance.report_event(ev.RunCanceled(1.0, "daily"), run_id)


def renew_leases(kernel: Kernel) -> Work:
    kernel.create_run()
    return kernel.instance._history.renew_leases


def end_lost_backfill(kernel: Kernel) -> Work:
    kernel.add_backfill()
    write = kernel.instance._opened().write
    return lambda: write(
        lambda connection: lost_runs.end_backfills(
            connection, [each for each, _ in lost_runs._open_backfills(connection)]
        )
    )


def note_lost_run(kernel: Kernel) -> Work:
    run_id = kernel.create_run()
    kernel.log_of(run_id).write()
    write, holder = kernel.instance._opened().write, this_process()
    return lambda: write(lambda connection: lost_runs.note_end(connection, run_id, holder))


def add_tags(kernel: Kernel) -> Work:
    run_id = kernel.create_run()
    return lambda: kernel.instance.add_run_tags(run_id, {"e": "f"})


def delete_run(kernel: Kernel) -> Work:
    log = kernel.log_of(kernel.create_run())
    log.close()
    return lambda: kernel.instance.delete_run(log.run.run_id)


def add_backfill(kernel: Kernel) -> Work:
    return kernel.add_backfill


def update_backfill(kernel: Kernel) -> Work:
    backfill = PartitionBackfill(kernel.add_backfill())
    return lambda: kernel.instance.update_backfill(backfill)


def save_preset(kernel: Kernel) -> Work:
    return lambda: kernel.instance.save_preset("daily", "usual", {"a": 1})


def delete_preset(kernel: Kernel) -> Work:
    return lambda: kernel.instance.delete_preset("daily", "usual")


def set_values(kernel: Kernel) -> Work:
    return lambda: kernel.instance.set_values({"a": "b"})


def add_partitions(kernel: Kernel) -> Work:
    return lambda: kernel.instance.add_dynamic_partitions("letters", ["a", "b"])


def delete_partition(kernel: Kernel) -> Work:
    kernel.instance.add_dynamic_partitions("letters", ["a"])
    return lambda: kernel.instance.delete_dynamic_partition("letters", "a")


def wipe_asset(kernel: Kernel) -> Work:
    kernel.log_of(kernel.create_run()).close()
    return lambda: kernel.instance.wipe_assets([AssetKey("letters")])


def wipe_partitions(kernel: Kernel) -> Work:
    kernel.log_of(kernel.create_run()).close()
    return lambda: kernel.instance.wipe_asset_partitions(AssetKey("letters"), ["a"])


def wipe(kernel: Kernel) -> Work:
    kernel.log_of(kernel.create_run()).close()
    return kernel.instance.wipe


def read_runs(kernel: Kernel) -> Work:
    kernel.log_of(kernel.create_run()).close()
    return lambda: (kernel.instance.get_runs(), kernel.instance.get_asset_records())


WRITES = [create_run, commit_log, commit_batch, report_event, renew_leases, note_lost_run,
          end_lost_backfill, add_tags, delete_run, add_backfill, update_backfill, save_preset,
          delete_preset, set_values, add_partitions, delete_partition, wipe_asset,
          wipe_partitions, wipe, read_runs]  # fmt: skip


@contextmanager
def another(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Writes as another kernel would, and does not wait for anyone."""
    with place.open() as other, monkeypatch.context() as patch:
        patch.setattr("jobnb.storage.engines.PATIENCE", 0.2)
        # Each time there are the same statements.
        patch.setattr("jobnb.storage.history.LOOK_INTERVAL", 1e9)
        patch.setattr("jobnb.storage.run_log.COMMIT_INTERVAL", 1e9)
        engine = other._opened().engine
        if place.url is None:
            event.listen(engine, "begin", lambda c: c.exec_driver_sql("PRAGMA busy_timeout=0"))
            engine.dispose()
        yield lambda: other.set_values({"another": "kernel"})


@pytest.mark.parametrize("how", [raised, sent])
@pytest.mark.parametrize("write", WRITES)
def test_an_interrupt_in_any_statement_of_a_write_locks_nobody_out(
    place: Place, write: Callable[[Kernel], Work], how: Statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[BaseException] = []
    with place.open() as instance, another(place, monkeypatch) as write_elsewhere:
        instance.get_runs_count()
        kernel = Kernel(instance)
        for moment in MOMENTS:
            for error in at_each_statement(instance, moment, how, partial(write, kernel)):
                kept.append(error)
                write_elsewhere()
                instance.set_values({"own": "kernel"})
        pool: Any = instance._opened().engine.pool
        assert pool.checkedout() == 0
    assert kept


def test_an_interrupted_query_of_a_history_without_wal_locks_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There a reader is in the way of a writer."""
    monkeypatch.setattr("jobnb.storage.database.Database._enter_wal", lambda self: None)
    place, kept = Place(tmp_path, None), []
    with place.open() as instance, another(place, monkeypatch) as write_elsewhere:
        for number in range(300):
            instance.create_run(JobRun("daily", f"r{number}"))
        for error in (KeyboardInterrupt, ValueError):

            def half_read(connection: Any, error: Any = error) -> None:
                rows = connection.execute(tables.runs.select())
                next(iter(rows))
                raise error

            with pytest.raises(error) as came:
                instance._opened().read(half_read)
            kept.append(came.value)
            write_elsewhere()
    assert kept


def test_a_history_in_memory_goes_on_after_an_interrupt_in_any_statement() -> None:
    kept: list[BaseException] = []
    for write in WRITES:
        with Instance.ephemeral() as instance:
            kernel = Kernel(instance)
            instance.get_runs_count()  # the database is there now
            if write in (commit_log, commit_batch, note_lost_run):
                continue  # what a log holds is written when it is read; nobody else can see it
            moment = "after_cursor_execute"
            for error in at_each_statement(instance, moment, raised, partial(write, kernel)):
                kept.append(error)
                before = instance.get_runs_count()
                instance.create_run(JobRun("daily"))
                assert instance.get_runs_count() == before + 1
    assert kept


@op
def one() -> int:
    return 1


@op
def more(one: int) -> int:
    return one + 1


@job
def daily() -> None:
    more(one())


@asset
def numbers() -> int:
    return 1


def by_execute_job(instance: Instance) -> bool:
    return execute_job(daily, instance).success


def by_materialize(instance: Instance) -> bool:
    return materialize([numbers], instance=instance).success


RUN_AGAIN = """
    import sys, time
    from jobnb import Instance, execute_job, job, op
    @op
    def one(): return 1
    @job
    def daily(): one()
    instance = Instance.from_home(sys.argv[1])
    began = time.monotonic()
    assert execute_job(daily, instance).success
    print(time.monotonic() - began < 10)
"""


@pytest.mark.parametrize("way", [by_execute_job, by_materialize])
def test_after_an_interrupt_in_any_statement_of_a_run_the_next_run_is_done_at_once(
    place: Place, way: Callable[[Instance], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[BaseException] = []
    with place.open() as instance, another(place, monkeypatch) as write_elsewhere:
        assert way(instance)
        moment = "after_cursor_execute"
        for error in at_each_statement(instance, moment, raised, lambda: lambda: way(instance)):
            kept.append(error)
            write_elsewhere()
            began = time.monotonic()
            assert way(instance)
            assert time.monotonic() - began < 10
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(RUN_AGAIN), str(place.home)], text=True,
            capture_output=True, timeout=120, env=place.environment, check=False,
        )  # fmt: skip
        assert done.stdout == "True\n", done.stderr
    assert kept


# --- signals at any place -------------------------------------------------------


class Traced:
    """Sends Ctrl-C at one of the places where Python looks for signals, or counts the places."""

    LOOKED_AT = ("jobnb.storage", "sqlalchemy")

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.count = 0

    def __enter__(self) -> Self:
        sys.setprofile(self._profile)
        sys.settrace(self._trace)
        return self

    def __exit__(self, *problem: object) -> None:
        sys.settrace(None)
        sys.setprofile(None)

    def _trace(self, frame: Any, _kind: str, _about: object) -> Any:
        return self._line if self._is_looked_at(frame) else None

    def _line(self, _frame: Any, kind: str, _about: object) -> Any:
        if kind == "line":
            self._come()
        return self._line

    def _profile(self, frame: Any, kind: str, _about: object) -> None:
        if kind == "c_return" and self._is_looked_at(frame):
            self._come()

    def _is_looked_at(self, frame: Any) -> bool:
        return str(frame.f_globals.get("__name__", "")).startswith(self.LOOKED_AT)

    def _come(self) -> None:
        self.count += 1
        if self.count == self.at:
            self.__exit__()
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("write", [create_run, commit_log, commit_batch, add_tags, read_runs])
def test_ctrl_c_at_any_place_of_a_transaction_locks_nobody_out(
    tmp_path: Path, write: Callable[[Kernel], Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, kept, chance = Place(tmp_path, None), [], random.Random(4)
    with place.open() as instance, another(place, monkeypatch) as write_elsewhere:
        kernel = Kernel(instance)
        write(kernel)()
        work = write(kernel)
        with Traced() as places:
            work()
        for at in sorted(chance.sample(range(1, places.count + 1), 60)):
            work = write(kernel)
            try:
                with Traced(at):
                    work()
            except KeyboardInterrupt as error:
                kept.append(error)
            write_elsewhere()
            instance.set_values({"own": "kernel"})
        pool: Any = instance._opened().engine.pool
        assert pool.checkedout() == 0
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(kept) > 40


def test_writes_off_the_main_thread_let_go_too_and_leave_signals_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[object] = []
    with place.open() as instance, another(place, monkeypatch) as write_elsewhere:
        event.listen(instance._opened().engine, "after_cursor_execute", lambda *_: raised())

        def write() -> None:
            try:
                instance.create_run(JobRun("daily"))
            except KeyboardInterrupt as error:
                came.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        write_elsewhere()
    assert len(came) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_thread_that_commits_outlives_an_interrupt(
    on_file: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobnb.storage.run_log.COMMIT_INTERVAL", 0.001)
    log = on_file.open_log(on_file.create_run(JobRun("daily", "r")))
    times: list[int] = []

    def once(*_about: object) -> None:
        times.append(1)
        if len(times) == 2:
            raise KeyboardInterrupt

    event.listen(on_file._opened().engine, "after_cursor_execute", once)
    log.events.append(ev.Logged(1.0, 20, "kept"))
    deadline = time.monotonic() + 30
    while log.pending and time.monotonic() < deadline:
        time.sleep(0.01)
    assert log.pending == 0
    log.close()
    assert [e.message for e in on_file.all_logs("r")] == ["kept"]


def test_a_second_ctrl_c_does_not_wait(on_file: Instance) -> None:
    reached: list[int] = []

    def twice() -> None:
        sent()
        reached.append(1)
        sent()
        reached.append(2)

    with Interrupt(on_file, "after_cursor_execute", 2, twice), pytest.raises(KeyboardInterrupt):
        on_file.create_run(JobRun("daily"))
    assert reached == [1]
    assert on_file.get_runs_count() == 0
