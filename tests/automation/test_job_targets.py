"""Which partitions a job's backfill chooses, against a naive look through all runs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobnb import (
    DailyPartitionsDefinition,
    Instance,
    JobRun,
    MultiPartitionsDefinition,
    RunStatus,
    StaticPartitionsDefinition,
    job,
    op,
)
from jobnb.automation.backfill_launch import job_target
from jobnb.automation.backfill_nodes import node_of_job
from jobnb.events import RunCanceled, RunFailed, RunStarted, RunSucceeded

DEFINITIONS = [
    StaticPartitionsDefinition(["a", "b", "c", 'odd "key", [1]', "ümlaut"]),
    DailyPartitionsDefinition("2013-03-29", end_date="2013-04-03"),
    MultiPartitionsDefinition(
        {"x": StaticPartitionsDefinition(["1", "2"]), "y": StaticPartitionsDefinition(["p", "q"])}
    ),
]
ENDS = {
    "SUCCESS": RunSucceeded,
    "FAILURE": RunFailed,
    "CANCELED": RunCanceled,
    "STARTED": None,  # it goes on
    "NOT_STARTED": None,  # it never began
}


def job_over(definition):
    @op
    def idle(): ...

    @job(name="mine", partitions_def=definition)
    def made():
        idle()

    return made


@st.composite
def histories(draw):
    """Partitions, runs in order, and what is asked for."""
    definition = draw(st.sampled_from(DEFINITIONS))
    keys = [str(key) for key in definition.get_partition_keys()]
    run = st.tuples(
        st.sampled_from(["mine", "mine", "other"]),
        st.sampled_from([*keys, "gone", None]),
        st.sampled_from(list(ENDS)),
        st.booleans(),
    )
    asked = draw(st.none() | st.lists(st.sampled_from(keys), min_size=1, unique=True))
    return definition, draw(st.lists(run, max_size=14)), asked


def write(instance, job_name, key, end, at_once):
    """A run as the history has it: written whole, as a backfill does, or bit by bit."""
    tags = {} if key is None else {"dagster/partition": key, "dagster/backfill": "x"}
    run = JobRun(job_name, tags=tags)
    events = [] if end == "NOT_STARTED" else [RunStarted(time.time(), job_name)]
    events += [ENDS[end](time.time(), job_name)] if ENDS[end] is not None else []
    if at_once and events:
        batch = instance.open_batch()
        log = batch.begin(run)
        log.events.extend(events)
        log.close()
        batch.close()
        return
    log = instance.open_log(instance.create_run(run))
    log.events.extend(events)
    log.close()


@pytest.fixture(scope="module")
def kept():
    """A history in memory: emptied for each example, since a new one takes longer."""
    with Instance.ephemeral() as instance:
        yield instance


def naive(instance, keys, how):
    """By a look through all runs, oldest first: the partitions that stand so."""
    last = {}
    for run in instance.get_runs(ascending=True):
        passed_over = run.status in (RunStatus.CANCELED, RunStatus.NOT_STARTED)
        if run.job_name == "mine" and not passed_over:
            last[run.tags.get("dagster/partition")] = run.status
    wanted = {"only_missing": None, "only_failed": RunStatus.FAILURE}
    return [key for key in keys if how is None or last.get(key) is wanted[how]]


@settings(max_examples=100, deadline=None)
@given(history=histories())
def test_a_backfill_chooses_what_a_look_through_all_runs_would(kept, history):
    definition, runs, asked = history
    made = job_over(definition)
    every = [str(key) for key in definition.get_partition_keys()]
    kept.wipe()
    for each in runs:
        write(kept, *each)
    keys = [key for key in every if asked is None or key in asked]
    for how in (None, "only_missing", "only_failed"):
        flags = {how: True} if how else {}
        target = job_target(node_of_job(made), asked, kept, **flags)
        assert [str(key) for key in target] == naive(kept, keys, how)


@settings(max_examples=60, deadline=None)
@given(history=histories(), place=st.integers(0, 14))
def test_going_on_looks_at_runs_that_go_on_or_ended_since_it_began(kept, history, place):
    definition, runs, _ = history
    every = [str(key) for key in definition.get_partition_keys()]
    kept.wipe()
    since = 0.0
    for number, each in enumerate(runs):
        if number == place:
            time.sleep(0.002)
            since = time.time()
        write(kept, *each)
    last = {}
    first = place if place < len(runs) else 0
    for number, (name, key, end, _) in enumerate(runs):
        counts = end == "STARTED" or (number >= first and end in ("SUCCESS", "FAILURE"))
        if name == "mine" and key is not None and counts:
            last[key] = end
    told = {"SUCCESS": "MATERIALIZED", "FAILURE": "FAILED", "STARTED": "IN_PROGRESS"}
    found = kept.get_job_status_by_partition("mine", every, definition, since)
    assert {key: each.value if each else None for key, each in found.items()} == {
        key: told.get(last.get(key)) for key in every
    }
