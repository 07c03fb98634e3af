"""A run whose process died does not go on for ever; one whose process lives is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from jobnb import (
    BackfillStatus,
    Instance,
    JobRun,
    PartitionBackfill,
    ReexecutionOptions,
    RunsFilter,
    RunStatus,
    StepStatus,
)
from jobnb import events as ev
from jobnb.storage import history, lost_runs, process, run_log, tables
from jobnb.storage.process import Holder, is_gone, this_process
from jobnb.storage.run_log import RunLog
from tests.storage.place import Place

WORKER = """
    import sys, time
    from jobnb import Instance, job, op
    @op
    def first(): return 1
    @op
    def slow(x):
        print("running", flush=True)
        time.sleep(600)
    @job
    def daily(): slow(first())
    daily.execute_in_process(instance=Instance.from_home(sys.argv[1]), run_id="r")
"""


def started(instance: Instance, run_id: str = "r") -> RunLog:
    log = instance.open_log(instance.create_run(JobRun("daily", run_id)))
    log.events.append(ev.RunStarted(1.0, "daily", ("a", "b")))
    log.commit()
    return log


def held(instance: Instance) -> list[Holder]:
    rows = instance._opened().read(lambda c: c.execute(tables.leases.select()).all())
    return [Holder(row.host, row.pid, row.mark) for row in rows]


def give_lease(instance: Instance, seen: float | None = None, **changed: object) -> None:
    """As if another process did the run."""
    values = {**changed, **({} if seen is None else {"seen": seen})}
    instance._opened().write(lambda c: c.execute(tables.leases.update().values(**values)))


@contextmanager
def killed_in_the_middle(place: Place) -> Iterator[int]:
    worker = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORKER), str(place.home)],
        stdout=subprocess.PIPE, text=True, env=place.environment,
    )  # fmt: skip
    try:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "running\n"
        with place.open() as instance:
            deadline = time.monotonic() + 30
            while len(instance.events("r")) < 10 and time.monotonic() < deadline:
                time.sleep(0.01)  # the flusher commits what the long step leaves behind
            assert instance.run_state("r").status is RunStatus.STARTED
        worker.kill()
        yield worker.pid
    finally:
        worker.kill()
        worker.communicate()


def test_a_killed_run_is_shown_as_interrupted_and_keeps_what_succeeded(place: Place) -> None:
    with killed_in_the_middle(place) as pid, place.open() as instance:
        deadline = time.monotonic() + 30
        while not is_gone(held(instance)[0]) and time.monotonic() < deadline:
            time.sleep(0.01)
        (run,) = instance.get_runs(RunsFilter(statuses=[RunStatus.FAILURE]))
        state = instance.run_state(run.run_id)
        assert state.error is not None
        assert "was interrupted" in state.error.message
        assert str(pid) in state.error.message
        assert state.steps["first"].status is StepStatus.SUCCEEDED
        assert state.steps["slow"].status is StepStatus.FAILED
        # Repeating it from where it failed does only what had not succeeded.
        assert ReexecutionOptions.from_failure("r", instance).step_selection == ["slow"]
        assert held(instance) == []


UNSTARTED = """
    import os, signal, sys
    from sqlalchemy import event
    from jobnb import Instance, Session, StaticPartitionsDefinition, asset, execute_job, job, op
    instance, way = Instance.from_home(sys.argv[1]), sys.argv[2]
    @op
    def first(): return 1
    @job
    def daily(): first()
    @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
    def letters(): return 1
    session = Session().add(letters)
    recorded, commits = [], []
    def noted(connection, cursor, statement, *about):
        recorded.extend(name for name in ("runs", "backfills") if f"INTO {name} " in statement)
    def killed_at_first(connection):
        if recorded and connection.get_execution_options().get("jobnb_writes"):
            commits.append(1)
        if len(commits) > 1:
            os.kill(os.getpid(), signal.SIGKILL)
    instance.get_runs_count()
    event.listen(instance._opened().engine, "before_cursor_execute", noted)
    event.listen(instance._opened().engine, "commit", killed_at_first)
    if way == "execute_job":
        execute_job(daily, instance)
    elif way == "launch":
        daily.launch(instance=instance).wait()
    elif way == "backfill":
        session.backfill("letters", instance=instance).wait()
"""


def killed(way: str, place: Place) -> None:
    """A process that is killed at the next commit after the one that records what it does."""
    command = [sys.executable, "-c", textwrap.dedent(UNSTARTED), str(place.home), way]
    done = subprocess.run(command, env=place.environment, timeout=120, check=False)
    assert done.returncode == -9


@pytest.mark.parametrize(
    ("way", "told"),
    # The record of a run that its caller waits for comes with its beginning.
    [("execute_job", "The run was interrupted: "), ("launch", "interrupted before it began")],
)
def test_a_run_that_was_killed_at_its_first_commit_is_shown_as_interrupted(
    place: Place, way: str, told: str
) -> None:
    killed(way, place)
    with place.open() as instance:
        (run,) = instance.get_runs()
        assert run.status is RunStatus.FAILURE
        error = instance.run_state(run.run_id).error
        assert error is not None
        assert told in error.message
        assert held(instance) == []


def test_a_run_that_this_process_has_not_begun_is_left_alone(durable: Instance) -> None:
    durable.create_run(JobRun("daily", "r"))
    assert held(durable) == [this_process()]
    with Place.of(durable).open() as other:
        assert other.run_state("r").status is RunStatus.NOT_STARTED
    give_lease(durable, host="another machine")
    with Place.of(durable).open() as other:
        assert other.run_state("r").status is RunStatus.NOT_STARTED
    give_lease(durable, seen=time.time() - process.LAPSE - 1)
    with Place.of(durable).open() as other:
        assert other.run_state("r").status is RunStatus.FAILURE


def test_a_run_that_is_over_when_it_is_kept_has_no_lease(durable: Instance) -> None:
    durable.create_run(JobRun("daily", status=RunStatus.SUCCESS))
    assert held(durable) == []


# --- backfills ------------------------------------------------------------------


def test_a_backfill_that_was_killed_is_shown_as_interrupted(place: Place) -> None:
    killed("backfill", place)
    with place.open() as instance:
        (backfill,) = instance.get_backfills()
        assert backfill.status is BackfillStatus.FAILED
        assert "was interrupted" in (backfill.error or "")
        assert f'resume_backfill("{backfill.backfill_id}")' in (backfill.error or "")
        assert backfill.end_timestamp is not None
        assert list(instance.get_backfills(status=BackfillStatus.REQUESTED)) == []
        assert held(instance) == []


def test_a_backfill_of_a_living_process_is_left_alone_and_its_lease_ends_with_it(
    durable: Instance,
) -> None:
    backfill = PartitionBackfill("b", holder=this_process())
    durable.add_backfill(backfill)
    assert held(durable) == [this_process()]
    with Place.of(durable).open() as other:
        assert [each.status for each in other.get_backfills()] == [BackfillStatus.REQUESTED]
    ended = msgspec.structs.replace(backfill, status=BackfillStatus.COMPLETED)
    durable.update_backfill(ended)
    assert held(durable) == []
    durable.update_backfill(backfill)  # gone on with
    assert held(durable) == [this_process()]


def test_a_backfill_elsewhere_is_lost_when_nothing_was_heard_for_long(durable: Instance) -> None:
    holder = Holder("another machine", 1, "1")
    durable.add_backfill(PartitionBackfill("b", holder=holder))
    give_lease(durable, seen=time.time() - process.LAPSE + 60)
    with Place.of(durable).open() as other:
        assert not other.get_backfill("b").status.is_finished
    silent = time.time() - process.LAPSE - 1
    give_lease(durable, seen=silent)
    with Place.of(durable).open() as other:
        lost = other.get_backfill("b")
        assert lost.status is BackfillStatus.FAILED
        assert lost.end_timestamp == pytest.approx(silent)


def test_a_backfill_that_was_kept_before_there_were_leases_is_told_by_its_holder(
    durable: Instance,
) -> None:
    gone = msgspec.structs.replace(this_process(), mark="gone")
    holders = [gone, this_process(), Holder("another machine", 1, "1"), None]
    for number, holder in enumerate(holders):
        durable.add_backfill(PartitionBackfill(str(number), holder=holder))
    durable._opened().write(lambda c: c.execute(tables.leases.delete()))
    with Place.of(durable).open() as other:
        statuses = [each.status.is_finished for each in reversed(other.get_backfills())]
    assert statuses == [True, False, False, False]


def test_a_backfill_that_another_process_goes_on_with_is_not_ended(durable: Instance) -> None:
    gone = msgspec.structs.replace(this_process(), mark="gone")
    durable.add_backfill(PartitionBackfill("b", holder=gone))
    database = durable._opened()
    lost = database.read(lost_runs.find_lost_backfills)
    assert [each.backfill_id for each in lost] == ["b"]
    durable.update_backfill(PartitionBackfill("b", holder=this_process()))
    database.write(lambda connection: lost_runs.end_backfills(connection, lost))
    assert held(durable) == [this_process()]
    assert durable.get_backfill("b").status is BackfillStatus.REQUESTED


def test_a_process_that_ended_and_was_not_asked_after_is_gone(tmp_path: Path) -> None:
    """Nobody has waited for the child yet: its id is still taken."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        mark = process._mark(child.pid)
        assert mark is not None
        holder = Holder(this_process().host, child.pid, mark)
        assert is_gone(holder) is False
        child.kill()
        deadline = time.monotonic() + 30
        while not is_gone(holder) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert is_gone(holder) is True
    finally:
        child.communicate()
    assert is_gone(holder) is True


def test_a_lease_lasts_from_the_start_of_a_run_to_its_end(durable: Instance) -> None:
    log = started(durable)
    assert held(durable) == [this_process()]
    log.events.append(ev.RunSucceeded(2.0, "daily"))
    log.commit()
    assert held(durable) == []
    log.close()
    assert held(durable) == []


def test_a_run_of_a_living_process_is_left_alone(durable: Instance) -> None:
    log = started(durable)
    with Place.of(durable).open() as other:
        assert other.run_state("r").status is RunStatus.STARTED
    log.close()


def test_another_process_with_the_same_id_is_not_the_one_that_did_the_run(
    durable: Instance,
) -> None:
    started(durable).close()
    give_lease(durable, mark=f"{this_process().mark}9")
    with Place.of(durable).open() as other:
        assert other.run_state("r").status is RunStatus.FAILURE


def test_a_run_elsewhere_is_lost_when_nothing_was_heard_for_long(durable: Instance) -> None:
    started(durable).close()
    give_lease(durable, host="another machine")
    with Place.of(durable).open() as other:
        assert other.run_state("r").status is RunStatus.STARTED
    silent = time.time() - process.LAPSE - 1
    give_lease(durable, seen=silent)
    with Place.of(durable).open() as other:
        record = other.get_run_record_by_id("r")
        assert record is not None
        assert record.run.status is RunStatus.FAILURE
        # It ended when it was last heard of, not when someone looked.
        assert record.end_time is not None
        assert record.end_time < time.time()


def test_a_run_that_was_being_canceled_is_canceled(durable: Instance) -> None:
    log = started(durable)
    durable.report_run_canceling(log.run)
    log.close()
    give_lease(durable, pid=2**22 + 1, mark="gone")
    with Place.of(durable).open() as other:
        assert other.run_state("r").status is RunStatus.CANCELED


def test_watchers_hear_of_the_end_and_it_is_noted_once(
    durable: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LOOK_INTERVAL", 0.0)
    started(durable).close()
    heard: list[str] = []
    durable.watch_event_logs("r", None, lambda entry, cursor: heard.append(entry.message))
    give_lease(durable, mark="gone")
    for _ in range(3):
        assert durable.get_runs_count(RunsFilter(statuses=[RunStatus.FAILURE])) == 1
    assert len(heard) == 2
    assert "was interrupted" in heard[1]


def test_a_lease_whose_run_is_gone_or_over_is_forgotten(durable: Instance) -> None:
    started(durable, "deleted").close()
    durable.delete_run("deleted")
    assert held(durable) == []
    started(durable, "wiped").close()
    durable.wipe()
    assert held(durable) == []


def test_a_long_step_renews_the_lease(durable: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_log, "RENEWAL", 0.05)
    log = started(durable)
    give_lease(durable, seen=0.0)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        rows = durable._opened().read(lambda c: c.execute(tables.leases.select()).all())
        if rows[0].seen > 0:
            break
        time.sleep(0.01)
    assert rows[0].seen > 0
    log.close()


def test_where_processes_are_looked_up_by_psutil_the_verdicts_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("psutil")
    monkeypatch.setattr(process, "_mark", process._other_mark)
    mark = process._other_mark(os.getpid())
    assert mark
    me = Holder(this_process().host, os.getpid(), mark)
    assert is_gone(me) is False
    assert is_gone(msgspec.structs.replace(me, mark=str(float(mark) - 60))) is True
    assert is_gone(msgspec.structs.replace(me, pid=2**22 + 1)) is True


def test_a_run_in_memory_needs_no_lease() -> None:
    with Instance.ephemeral() as instance:
        log = started(instance)
        assert instance.run_state("r").status is RunStatus.STARTED
        assert held(instance) == []
        log.close()
