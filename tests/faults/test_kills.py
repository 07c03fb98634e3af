"""`kill -9`, again and again: what was reported stays, the rest is shown as interrupted."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobnb import (
    BackfillStatus,
    Instance,
    RunStatus,
    Session,
    StaticPartitionsDefinition,
    asset,
    execute_job,
    job,
    materialize,
    op,
)
from tests.faults.nursery import Tell, nursery

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")

ROUNDS = 50


@op
def first(context: Any) -> int:
    context.log.info("at work")
    return 1


@op
def second(first: int) -> int:
    return first + 1


@job(tags={"team": "data"})
def daily() -> None:
    second(first())


@asset
def numbers() -> int:
    return 1


@asset(partitions_def=StaticPartitionsDefinition([str(n) for n in range(5)]))
def letters(context: Any) -> str:
    return str(context.partition_key)


def work(tell: Tell, _number: int, home: str) -> None:
    """Run a job, assets and a backfill, again and again; tell what succeeded."""
    instance = Instance.from_home(home)
    session = Session().add(letters)
    while True:
        tell(execute_job(daily, instance, raise_on_error=True).run_id)
        tell(daily.launch(instance=instance).result().run_id)
        tell(materialize([numbers], instance=instance).run_id)
        backfill = session.backfill("letters", instance=instance)
        backfill.result()
        for run in instance.get_runs(limit=5):
            tell(run.run_id)
        tell("backfill " + backfill.backfill_id)


@op
def one() -> int:
    return 1


@job
def after() -> None:
    one()


def test_fifty_kills_lose_no_reported_success_and_leave_no_run_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobnb.storage.history.LOOK_INTERVAL", 0.0)
    home, chance = tmp_path / "home", random.Random(20130101)
    reported: list[str] = []
    with Instance(home=home) as instance, nursery(work, home) as process:
        for number in range(ROUNDS):
            told = process.killed(number, chance, most=12, pause=0.03)
            reported += told
            # At once, and for another process too: nobody holds a lock.
            if number % 10 == 0:
                began = time.monotonic()
                assert execute_job(after, instance).success
                assert time.monotonic() - began < 20
            left = [run for run in instance.get_runs(limit=20) if not run.is_finished]
            assert left == []
            new = {run.run_id for run in instance.get_runs(limit=60) if run.is_success}
            assert {each for each in told if not each.startswith("backfill")} <= new
        assert len(reported) > ROUNDS
        check_history(instance, reported)
    with closing(sqlite3.connect(home / "history.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def check_history(instance: Instance, reported: list[str]) -> None:
    runs = {run.run_id: run for run in instance.get_runs()}
    backfills = {each.backfill_id: each for each in instance.get_backfills()}
    assert all(run.unreadable is None for run in runs.values())
    for each in reported:
        if each.startswith("backfill "):
            found: Any = backfills[each.removeprefix("backfill ")]
            assert found.status is BackfillStatus.COMPLETED
        else:
            assert runs[each].is_success
            assert instance.run_state(each).status is RunStatus.SUCCESS
    assert {run.status for run in runs.values()} <= {RunStatus.SUCCESS, RunStatus.FAILURE}
    lost = [run.run_id for run in runs.values() if run.is_failure]
    assert lost  # kills came in the middle of runs, too
    for run_id in lost:
        error = instance.run_state(run_id).error
        assert error is not None
        assert "was interrupted" in error.message
    assert all(each.status.is_finished for each in backfills.values())
    ended = [each for each in backfills.values() if each.status is BackfillStatus.FAILED]
    assert all("was interrupted" in str(each.error) for each in ended)
