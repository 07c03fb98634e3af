"""When the disk is full, the file cannot be written, or an interrupt comes at a bad moment."""

from __future__ import annotations

import gc
import logging
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobnb import Instance, JobRun, RunStatus, StorageError, job, op
from jobnb import events as ev
from jobnb.storage import run_log

BIG = "x" * 200_000


def limit_pages(instance: Instance, pages: int) -> None:
    """As if the disk were full: SQLite itself says so."""
    with instance._opened().engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def opened(instance: Instance, run_id: str = "r") -> run_log.RunLog:
    log = instance.open_log(instance.create_run(JobRun("daily", run_id)))
    log.due = float("inf")  # the flusher keeps out of it
    return log


def note(text: str) -> ev.Logged:
    return ev.Logged(1.0, 20, text)


def test_a_full_disk_is_one_sentence_and_what_waits_is_written_later(on_file: Instance) -> None:
    log = opened(on_file)
    limit_pages(on_file, 1)
    log.events.append(note(BIG))
    with pytest.raises(StorageError) as told:
        log.commit()
    assert "full" in str(told.value)
    assert str(on_file.home) in str(told.value)
    assert "\n" not in str(told.value)
    assert log.pending == 1
    limit_pages(on_file, 1_000_000)
    log.events.append(note("after"))
    log.close()
    assert [e.message for e in on_file.all_logs("r")] == [BIG, "after"]


def test_the_end_of_a_run_that_could_not_be_written_is_tried_again(
    on_file: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    log = opened(on_file)
    limit_pages(on_file, 1)
    log.events.append(note(BIG))
    with pytest.raises(StorageError):
        log.close()
    with caplog.at_level(logging.WARNING, "jobnb.storage"):
        limit_pages(on_file, 1_000_000)
        log.due = 0.0
        deadline = time.monotonic() + 30
        while log.pending and time.monotonic() < deadline:
            time.sleep(0.01)
    assert log.pending == 0
    assert [e.message for e in on_file.all_logs("r")] == [BIG]


def test_the_flusher_complains_once_and_goes_on(
    durable: Instance, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log, "COMMIT_INTERVAL", 0.001)
    log = opened(durable)
    tries: list[int] = []
    write: Callable[..., None] = durable._history.write_log

    def failing(run_id: str, events: Any) -> None:
        tries.append(len(events))
        if len(tries) < 4:
            raise StorageError("the disk is full")
        write(run_id, events)

    monkeypatch.setattr(durable._history, "write_log", failing)
    with caplog.at_level(logging.WARNING, "jobnb.storage"):
        log.events.append(note("late"))
        log.due = 0.0
        durable._history._flusher.watch(log)
        deadline = time.monotonic() + 30
        while log.pending and time.monotonic() < deadline:
            time.sleep(0.01)
    assert log.pending == 0
    assert len([r for r in caplog.records if "disk is full" in r.getMessage()]) == 1
    log.close()


def test_the_history_can_be_read_while_it_cannot_be_written(on_file: Instance) -> None:
    log = opened(on_file)
    limit_pages(on_file, 1)
    log.events.append(note(BIG))
    assert on_file.get_runs_count() == 1
    assert on_file.all_logs("r") == []
    limit_pages(on_file, 1_000_000)
    assert len(on_file.all_logs("r")) == 1
    log.close()


def test_a_run_whose_log_cannot_be_written_stops_with_that_sentence(on_file: Instance) -> None:
    torn_down: list[str] = []

    @op
    def grow(context: Any) -> None:
        context.log.info(BIG)

    @op
    def fail(start: Any) -> None:
        torn_down.append("ran")
        raise ValueError("a failed step commits at once")

    @job
    def daily() -> None:
        fail(grow())

    on_file.create_run(JobRun("warm"))
    with on_file._opened().engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    limit_pages(on_file, int(pages or 0) + 5)
    with pytest.raises(StorageError, match="full"):
        daily.execute_in_process(instance=on_file, run_id="r", raise_on_error=False)
    assert torn_down == ["ran"]
    limit_pages(on_file, 1_000_000)
    assert on_file.run_state("r").status is RunStatus.FAILURE
    assert BIG in [e.message for e in on_file.all_logs("r")]


def test_a_history_that_is_read_only_says_so(tmp_path: Path) -> None:
    with Instance.local_temp(str(tmp_path)) as instance:
        instance.create_run(JobRun("before"))
        with instance._opened().engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only=ON")
        with pytest.raises(StorageError, match="readonly") as told:
            instance.create_run(JobRun("daily"))
        assert "JOBNB_HOME" in str(told.value)
        assert instance.get_runs_count() == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupt_around_a_commit_tells_everything_once(
    durable: Instance, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened(durable)
    log.events.append(note("one"))
    log.commit()
    log.events.append(note("two"))
    write: Callable[..., None] = durable._history.write_log

    def interrupted(run_id: str, events: Any) -> None:
        if when == "after":
            write(run_id, events)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(durable._history, "write_log", interrupted)
        with pytest.raises(KeyboardInterrupt):
            log.commit()
    log.events.append(note("three"))
    log.close()
    assert [e.message for e in durable.all_logs("r")] == ["one", "two", "three"]


def test_an_interrupted_statement_does_not_lose_a_history_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Instance.ephemeral() as instance:
        instance.create_run(JobRun("daily"))
        assert instance.get_runs_count() == 1
        dialect = instance._opened().engine.dialect

        def interrupted(*args: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(dialect, "do_execute", interrupted)
            with pytest.raises(KeyboardInterrupt):
                instance.get_runs_count()
        assert instance.get_runs_count() == 1
        instance.create_run(JobRun("daily"))
        assert instance.get_runs_count() == 2


def test_a_writer_that_never_lets_go_is_named_when_patience_ends(
    on_file: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobnb.storage.engines.PATIENCE", 0.05)
    with on_file._opened().engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=10")
    assert on_file.home is not None
    other = sqlite3.connect(on_file.home / "history.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StorageError, match="locked"):
            on_file.create_run(JobRun("daily"))
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_the_thread_that_commits_goes_when_nothing_is_written_and_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log, "IDLE", 0.02)
    instance = Instance(home=tmp_path)
    for run_id in ("a", "b"):
        log = opened(instance, run_id)
        thread = instance._history._flusher._thread
        assert thread is not None
        log.close()
        thread.join(timeout=30)
        assert not thread.is_alive()
    gone = weakref.ref(instance)
    del instance, log
    gc.collect()
    assert gone() is None
    assert not [t for t in threading.enumerate() if t is thread]
