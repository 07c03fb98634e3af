"""A run of assets that nobody gave a job's name says its assets wherever a person reads."""

from __future__ import annotations

import logging

import pytest

from jobnb import (
    DataVersion,
    EventType,
    ExecutionInterruptedError,
    Instance,
    InvalidConfigError,
    InvariantViolationError,
    Session,
    asset,
    job,
    materialize,
    observable_source_asset,
    observe,
    op,
)

NAMES = ("__ephemeral", "in_process_observation")


@asset
def orders():
    return 1


@asset
def customers():
    return 2


@asset
def stopped():
    raise KeyboardInterrupt


@asset
def broken():
    raise ValueError("no")


@observable_source_asset
def feed():
    return DataVersion("1")


def is_plain(text):
    return not any(name in str(text) for name in NAMES)


def test_the_messages_of_a_run_name_its_steps():
    done = materialize([orders, customers, broken], raise_on_error=False)
    messages = {each.event_type: each.message for each in done.all_events}
    assert all(map(is_plain, messages.values()))
    started = messages[EventType.RUN_START]
    assert started.startswith("Started execution of run of ")
    assert "orders" in started
    assert messages[EventType.RUN_FAILURE].startswith("Execution of run failed. Steps failed: ")
    assert "materialize broken, customers, orders (3 assets)" in repr(done)


def test_the_messages_of_a_named_job_are_those_of_dagster():
    @op
    def first(): ...

    @job
    def daily():
        first()

    messages = [each.message for each in daily.execute_in_process().all_events]
    assert messages[0] == 'Started execution of run for "daily".'
    assert messages[-1] == 'Finished execution of run for "daily".'


def test_an_interrupt_says_what_was_being_made():
    with pytest.raises(ExecutionInterruptedError, match="^The run to materialize stopped was"):
        materialize([stopped])


def test_mistakes_say_the_run_and_not_a_name_that_nobody_gave():
    with pytest.raises(InvalidConfigError) as wrong:
        materialize([orders], run_config={"ops": {"nothing": {}}})
    assert is_plain(wrong.value)
    done = materialize([orders])
    with pytest.raises(InvariantViolationError) as wrong:
        done.get_run_failure_event()
    assert str(wrong.value).startswith("The run to materialize orders has no ")
    with pytest.raises(InvariantViolationError) as wrong:
        done.output_for_node("nothing")
    assert is_plain(wrong.value)


def test_the_history_says_which_assets_a_run_observed():
    with Instance.ephemeral() as instance:
        observe([feed], instance=instance)
        (run,) = instance.get_runs()
        assert run.title == "observe feed"
        assert run.job_name == "in_process_observation_job"


def test_a_log_that_people_read_says_it_too(caplog, tmp_path):
    with caplog.at_level(logging.DEBUG):
        Session(str(tmp_path)).add(orders, broken).materialize(raise_on_error=False)
    assert all(is_plain(record.getMessage()) for record in caplog.records)
