"""A run that its caller waits for is recorded with its first events, in one transaction."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from jobnb import DagsterRunStatus, Instance, job, op
from jobnb.events import RunStarted
from jobnb.storage.run import JobRun


@pytest.fixture
def instance(tmp_path):
    with Instance(home=tmp_path / "home") as made:
        yield made


def transactions(instance, work):
    """How many transactions that write are committed while something is done."""
    begun = []

    def told(connection, cursor, statement, *rest):
        if statement == "BEGIN IMMEDIATE":
            begun.append(statement)

    engine = instance._history.database().engine
    event.listen(engine, "before_cursor_execute", told)
    try:
        work()
    finally:
        event.remove(engine, "before_cursor_execute", told)
    return len(begun)


@op
def one():
    return 1


@job
def single():
    one()


def test_a_short_run_takes_two_transactions(instance):
    single.execute_in_process(instance=instance)  # opens the database
    assert transactions(instance, lambda: single.execute_in_process(instance=instance)) == 2


def test_a_step_finds_its_own_run_in_the_history(instance):
    seen = []

    @op
    def looks(context):
        run = context.instance.get_run_by_id(context.run_id)
        seen.append((run.status, [each.event_type_value for each in instance.events(run.run_id)]))

    @job
    def looking():
        looks()

    looking.execute_in_process(instance=instance)
    ((status, told),) = seen
    assert status == DagsterRunStatus.STARTED
    assert told[0] == "PIPELINE_START"


def test_a_new_run_has_its_tags_lease_and_status_with_its_first_events(instance):
    run = JobRun("daily", tags={"team": "blue"})
    log = instance.open_log(run, is_new=True)
    assert instance.get_run_by_id(run.run_id) is None
    log.events.append(RunStarted(1.0, "daily"))
    log.commit()
    known = instance.get_run_by_id(run.run_id)
    assert (known.status, known.tags["team"]) == (DagsterRunStatus.STARTED, "blue")
    log.events.append(RunStarted(2.0, "daily"))
    log.close()
    assert len(instance.events(run.run_id)) == 2


def test_a_new_run_in_memory_is_there_at_once():
    with Instance.ephemeral() as instance:
        run = JobRun("daily")
        instance.open_log(run, is_new=True).close()
        assert instance.get_run_by_id(run.run_id) is not None
