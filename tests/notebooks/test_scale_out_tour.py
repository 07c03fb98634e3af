"""The tour of executors runs headlessly: all of them compute the same, and one run is detached."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from jobnb import Instance

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "scale_out.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook after a headless execution, and the history."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("scale_out")
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
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with Instance.from_home(folder / "home") as instance:
        yield nbformat.read(out, 4), instance


def test_it_runs_in_the_kernel_in_threads_in_processes_on_a_cluster_and_detached(executed):
    _, instance = executed
    runs = instance.get_runs()
    assert len(runs) == 5
    assert all(run.is_success for run in runs)
    asked = [run.executor for run in reversed(runs)]
    assert asked == [None, "threads", "multiprocess", "dask", "threads"]
    where = [instance.run_state(run.run_id) for run in reversed(runs)]
    assert [state.where.partition(" at ")[0] for state in where] == [
        *("", "threads", "2 worker processes", "a Dask cluster", "threads")
    ]
    assert len({state.pid for state in where}) == 2  # the kernel, and the process of the last one


def test_nothing_failed_and_the_pictures_are_there(executed):
    node, _ = executed
    outputs = [each for cell in node.cells for each in cell.get("outputs", ())]
    assert not [each for each in outputs if each.output_type == "error"]
    kinds = [kind for each in outputs for kind in each.get("data", ())]
    assert "image/png" in kinds
    assert kinds.count("image/svg+xml") >= 5
