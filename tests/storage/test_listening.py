"""Hearing of events while they happen, and reporting them from outside of a run."""

from __future__ import annotations

import pytest

from jobnb import (
    EventLogEntry,
    Instance,
    InvariantViolationError,
    JobRun,
    RunNotFoundError,
    RunStatus,
)
from jobnb import events as ev
from jobnb.storage.run_log import RunLog
from tests.storage.place import Place


def opened(instance: Instance, name: str = "daily") -> RunLog:
    return instance.open_log(instance.create_run(JobRun(name)))


def line(i: int) -> ev.Logged:
    return ev.Logged(float(i), 20, f"line {i}")


def test_listeners_hear_everything_in_order_and_harm_nothing(
    instance: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    log = opened(instance)
    heard: list[str] = []

    def fails(entry: EventLogEntry) -> None:
        raise RuntimeError("boom")

    instance.add_event_listener(log.run.run_id, fails)
    instance.add_event_listener(log.run.run_id, lambda entry: heard.append(entry.message))
    for i in range(3):
        log.events.append(line(i))
        log.commit()
    log.close()
    assert heard == ["line 0", "line 1", "line 2"]
    assert instance.events(log.run.run_id) == log.events
    assert "boom" in caplog.text


def test_a_listener_may_read_and_write_the_history(instance: Instance) -> None:
    log = opened(instance)
    seen: list[int] = []

    def reads(entry: EventLogEntry) -> None:
        seen.append(len(instance.events(log.run.run_id)))
        if entry.message == "line 0":
            instance.report_event(line(1), log.run.run_id)

    instance.add_event_listener(log.run.run_id, reads)
    log.events.append(line(0))
    log.close()
    assert seen == [1, 2]


def test_a_watcher_gets_what_is_there_and_then_the_rest(instance: Instance) -> None:
    log = opened(instance)
    log.events += [line(0), line(1)]
    log.commit()
    heard: list[tuple[str, str]] = []

    def note(entry: EventLogEntry, cursor: str) -> None:
        heard.append((entry.message, cursor))
        if cursor == "1":
            raise RuntimeError("one bad moment")

    instance.watch_event_logs(log.run.run_id, "0", note)
    log.events.append(line(2))
    log.commit()
    instance.end_watch_event_logs(log.run.run_id, note)
    log.events.append(line(3))
    log.close()
    assert heard == [("line 1", "1"), ("line 2", "2")]


# -- reports from outside


def test_reports_land_in_the_log_of_a_live_run_and_of_an_ended_one(instance: Instance) -> None:
    log = opened(instance)
    log.events.append(ev.RunStarted(1.0, "daily"))
    instance.report_run_canceling(log.run, "asked to stop")
    assert instance.get_runs()[0].status is RunStatus.CANCELING
    log.close()
    instance.report_run_canceled(log.run)
    kinds = [type(event).__name__ for event in instance.events(log.run.run_id)]
    assert kinds == ["RunStarted", "EngineNote", "RunCanceling", "RunCanceled"]
    assert instance.get_runs()[0].is_canceled


def test_a_report_of_failure_says_why(instance: Instance) -> None:
    run = instance.create_run(JobRun("daily"))
    instance.report_run_failed(run, "the kernel died")
    state = instance.run_state(run.run_id)
    assert state.status is RunStatus.FAILURE
    assert state.error is not None
    assert state.error.message == "the kernel died"


def test_a_report_on_a_run_that_is_not_known_is_an_error(instance: Instance) -> None:
    with pytest.raises(RunNotFoundError, match="'nope'"):
        instance.report_event(line(0), "nope")
    with pytest.raises(InvariantViolationError, match="run_id"):
        instance.report_engine_event("hello")


def test_another_process_may_add_to_a_live_log(durable: Instance) -> None:
    log = opened(durable)
    log.events.append(line(0))
    log.commit()
    with Place.of(durable).open() as other:
        other.report_event(line(1), log.run.run_id)
    log.events.append(line(2))
    log.close()
    assert durable.events(log.run.run_id) == [line(0), line(1), line(2)]
