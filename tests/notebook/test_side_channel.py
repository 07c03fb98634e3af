"""What a kernel's runs do reaches the process that started it."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import (
    Instance,
    JobRun,
    RunStatus,
    Session,
    StaticPartitionsDefinition,
    StepStatus,
    asset,
    job,
    op,
)
from jobnb.events import Logged, RunStarted, RunSucceeded, StepStarted, StepSucceeded
from jobnb.notebook.reporting import Reporter
from jobnb.notebook.side_channel import SideChannel, line_of

EVENTS = [
    RunStarted(1.0, "daily", ("a\n\tb", "ü")),
    StepStarted(1.0, "a\n\tb"),
    StepSucceeded(2.0, "a\n\tb", 1.0),
    RunSucceeded(3.0, "daily"),
]


@given(st.lists(st.integers(0, 400), max_size=6))
def test_wherever_a_write_is_cut_the_reader_gets_the_same(tmp_path_factory, cuts):
    path = tmp_path_factory.getbasetemp() / "cut"
    data = b"".join(line_of("r1", "da\tily", [event]) for event in EVENTS)
    channel, edges = SideChannel(path), sorted({0, len(data), *(min(c, len(data)) for c in cuts)})
    path.write_bytes(b"")
    for start, end in pairwise(edges):
        with path.open("ab") as stream:
            stream.write(data[start:end])
        channel.read(7)
    (run,) = channel.runs.values()
    assert (run.run_id, run.job_name, run.cell) == ("r1", "da\tily", 7)
    assert run.state.status is RunStatus.SUCCESS
    assert list(run.state.steps) == ["a\n\tb", "ü"]


def test_before_anything_is_written_there_is_nothing_to_read(tmp_path):
    assert SideChannel(tmp_path / "none").read() == []


def test_only_the_steps_that_changed_are_told(tmp_path):
    path = tmp_path / "events"
    channel = SideChannel(path)
    path.write_bytes(line_of("r1", "daily", EVENTS[:2]))
    ((_, steps),) = channel.read()
    assert [(step.key, step.status) for step in steps] == [("a\n\tb", StepStatus.RUNNING)]
    assert channel.read() == []


def test_logs_and_values_are_not_sent():
    line = line_of("r1", "daily", [Logged(1.0, "info", "secret", "a")])
    assert b"secret" not in line


@pytest.fixture
def daily():
    @op
    def first():
        return 1

    @op
    def second(first):
        raise ValueError("no")

    @job
    def daily():
        second(first())

    return daily


@pytest.mark.parametrize("durable", [True, False])
def test_a_real_run_is_reported_as_it_was(tmp_path, daily, durable):
    instance = Instance.local_temp(str(tmp_path / "home")) if durable else Instance.ephemeral()
    reporter, channel = Reporter(tmp_path / "events"), SideChannel(tmp_path / "events")
    opened = instance.open_log

    def open_log(run, **options):
        log = opened(run, **options)
        reporter.watch(log)
        return log

    instance.open_log = open_log
    result = daily.execute_in_process(instance=instance, raise_on_error=False)
    reporter.stop()
    channel.read()
    instance.dispose()
    (run,) = channel.runs.values()
    assert run.run_id == result.run_id
    assert run.state.status is RunStatus.FAILURE
    assert list(run.failures) == ["second"]
    assert "ValueError: no" in run.failures["second"]


def test_the_reporter_waits_for_what_runs_in_the_background(tmp_path):
    instance = Instance.ephemeral()
    reporter, channel = Reporter(tmp_path / "events"), SideChannel(tmp_path / "events")
    log = instance.open_log(instance.create_run(JobRun("daily")))
    reporter.watch(log)
    log.events.append(RunStarted(1.0, "daily"))
    assert reporter.wait(timeout=0.2) is False

    def end():
        time.sleep(0.2)
        log.events.append(RunSucceeded(2.0, "daily"))
        log.close()

    thread = threading.Thread(target=end)
    thread.start()
    assert reporter.wait(timeout=30) is True
    thread.join()
    channel.read()
    (run,) = channel.runs.values()
    assert run.state.status is RunStatus.SUCCESS
    reporter.stop()


def test_a_backfill_is_told_to_its_end_with_what_failed(tmp_path):
    @asset(partitions_def=StaticPartitionsDefinition(["a", "b b"]))
    def letters(context):
        if context.partition_key != "a":
            raise ValueError("no\nmore")

    reporter, channel = Reporter(tmp_path / "events"), SideChannel(tmp_path / "events")
    backfill = Session().add(letters).backfill(instance=Instance.ephemeral())
    reporter.follow(backfill)
    assert reporter.wait(30) is True
    reporter.stop()
    assert channel.read(3) == []
    (told,) = channel.backfills_that_went_on()
    assert channel.backfills_that_went_on() == []
    assert (told.title, told.status, told.cell) == ("letters", "FAILED", 3)
    assert told.is_finished
    assert told.counts == backfill.counts
    (failure,) = told.failures
    assert failure.startswith("letters, partition b b: ValueError: no\nmore (test_side_channel.py")


def test_a_backfill_that_goes_on_is_waited_for(tmp_path):
    go = threading.Event()

    @asset(partitions_def=StaticPartitionsDefinition(["a"]))
    def letters():
        go.wait(30)

    reporter = Reporter(tmp_path / "events")
    reporter.follow(Session().add(letters).backfill(instance=Instance.ephemeral()))
    assert reporter.wait(timeout=0.2) is False
    go.set()
    assert reporter.wait(timeout=30) is True
    reporter.stop()


def test_a_parent_that_is_gone_hurts_no_run(tmp_path, daily):
    reporter = Reporter(tmp_path / "gone" / "events")
    instance = Instance.ephemeral()
    log = instance.open_log(instance.create_run(JobRun("daily")))
    reporter.watch(log)
    log.events.append(RunStarted(1.0, "daily"))
    log.close()
    reporter.stop()
