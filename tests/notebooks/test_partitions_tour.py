"""The tour of partitions runs headlessly, and the history holds what it tells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from jobnb import AssetKey, BackfillStatus, Instance, RunsFilter
from jobnb.storage.run import BACKFILL_TAG

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "partitions.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook after a headless execution, and the history."""
    folder = tmp_path_factory.mktemp("partitions")
    out = folder / "out.ipynb"
    env = {**os.environ, "JOBNB_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "jobnb.cli", "execute", NOTEBOOK, "--output", out]
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        check=False,
        env=env,
        cwd=ROOT,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with Instance.from_home(folder / "home") as instance:
        yield nbformat.read(out, 4), instance


def text_of(node, needle):
    """What came out of the one cell whose source holds a text, as text."""
    (cell,) = [c for c in node.cells if c.cell_type == "code" and needle in c.source]
    return "\n".join(output.data["text/plain"] for output in cell.outputs if "data" in output)


def test_all_days_months_and_airports_are_made_in_the_end(executed):
    _, instance = executed
    made = {
        key: len(instance.get_materialized_partitions(key))
        for key in ("departures", "delays", "month", "airport")
    }
    assert made == {"departures": 365, "delays": 365, "month": 12, "airport": 36}


def test_one_day_failed_and_only_that_was_tried_again(executed):
    node, instance = executed
    assert "178 made, 1 failed, 1 skipped" in text_of(node, "backfill.wait()")
    assert "1 failed: 2013-02-08" in text_of(node, 'session.partitions("departures")')
    assert "2 of 2 partitions done" in text_of(node, "only_failed=True")
    statuses = [each.status for each in reversed(instance.get_backfills())]
    assert statuses[:3] == [
        BackfillStatus.FAILED,
        BackfillStatus.COMPLETED,
        BackfillStatus.COMPLETED,
    ]


def test_the_year_is_drawn_from_all_months(executed):
    node, instance = executed
    (cell,) = [c for c in node.cells if c.cell_type == "code" and c.source.endswith('_drawn")')]
    assert "image/png" in cell.outputs[-1].data
    (first, *_) = instance.get_runs(RunsFilter(run_ids=_runs_of(instance, "worst_days")))
    assert first.tags[BACKFILL_TAG]


def _runs_of(instance, key):
    return [record.run_id for record in instance.last_made([AssetKey(key)]).values()]


def test_what_a_change_made_stale_is_told_with_its_cause_and_made_again(executed):
    node, instance = executed
    (before, after) = [
        c.outputs[-1].data["text/plain"] for c in node.cells if c.source.endswith("session.stale()")
    ]
    assert "5 stale" in before
    assert "365 of 365 partitions stale; code changed in cell 15" in before
    assert "12 of 12 partitions stale; upstream 'delays'" in before
    assert after == "All assets are fresh."
    (latest, *_) = [each for each in instance.get_backfills() if each.job_name is None]
    assert latest.counts == {"total": 414, "made": 414, "failed": 0, "blocked": 0}


def test_only_what_is_stale_of_a_day_is_made(executed):
    node, _ = executed
    told = text_of(node, 'partition="2013-07-04", stale_only=True')
    assert "delays" in told
    assert "departures " not in told


def test_the_day_is_loaded_alone_and_a_week_by_day(executed):
    node, _ = executed
    assert "EWR" in text_of(node, 'partition="2013-02-09"')
    assert text_of(node, "first_week = ").count("2013-01-0") == 7


def test_a_job_ran_for_each_day_of_july(executed):
    node, instance = executed
    assert "31 of 31 partitions done (100%): 31 made" in text_of(node, 'backfill("reporting"')
    assert "✓ 31 succeeded" in text_of(node, 'session.partitions("reporting")')
    (run,) = instance.get_runs(
        RunsFilter(job_name="reporting", tags={"dagster/partition": "2013-07-04"})
    )
    assert run.run_config["ops"] == {"longest_delay": {"config": {"day": "2013-07-04"}}}
