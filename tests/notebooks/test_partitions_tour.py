"""The tour of partitions runs headlessly, and the history holds what it tells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from jobnb import Instance
from jobnb.storage.backfill import BackfillStatus

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
        for key in ("departures", "delays", "month", "busiest")
    }
    assert made == {"departures": 365, "delays": 365, "month": 12, "busiest": 36}


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


def test_the_worst_day_is_the_one_of_the_storm(executed):
    node, _ = executed
    (cell,) = [cell for cell in node.cells if "def worst_days" in cell.source]
    assert "2013-03-08" in cell.outputs[-1].data["text/html"]


def test_what_a_change_made_stale_is_told_with_its_cause(executed):
    node, _ = executed
    told = text_of(node, "session.stale()")
    assert "delays" in told
    assert "code changed in cell" in told
    assert "upstream 'delays'" in told


def test_the_day_is_loaded_alone_and_a_week_by_day(executed):
    node, _ = executed
    assert "EWR" in text_of(node, 'partition="2013-02-09"')
    assert text_of(node, "first_week = ").count("2013-01-0") == 7
