"""Where Python has no threads, sockets or processes, as in a browser, runs and pictures work."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Refused: threads, processes, and all imports that pyproject.toml leaves out there.
FIRST = """
import importlib.abc, subprocess, sys, threading, _thread

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {left_out!r} or name == "multiprocessing.synchronize":
            raise ImportError(f"{{name}} is not there")

def refuse(*_, **__):
    raise RuntimeError("can't start new thread")

def no_process(*_, **__):
    raise OSError(138, "Not supported")

sys.meta_path.insert(0, Refuse())
_thread.start_new_thread = threading._start_new_thread = refuse
if hasattr(threading, "_start_joinable_thread"):
    threading._start_joinable_thread = refuse
subprocess.Popen.__init__ = no_process

import jobnb
from jobnb import asset, graph_asset, op
from jobnb.display.environment import has_front_end
from jobnb.display.install import install

@asset(group_name="shop")
def orders():
    return [1, 2]

@asset(group_name="shop")
def total(orders):
    print("printed")
    return sum(orders)

session = jobnb.session
session.add(orders, total)
install()
"""
CHECKED = """
result = session.materialize()
assert result.success
assert session.value("total") == 3
for shown in (result, session, total):
    bundle = shown._repr_mimebundle_()
    assert "<svg" in bundle["text/html"]
    assert ">total</" in bundle["image/svg+xml"]
    assert "total" in bundle["text/plain"]
assert "✓" in session.runs._repr_mimebundle_()["text/html"]
run = session.launch("total", executor="threads")
assert run.status == "SUCCESS"
assert run.result().asset_value("total") == 3
assert session.materialize(executor="multiprocess").success
assert len(session.runs) == 3
"""


def refused() -> set[str]:
    """The names of modules that pyproject.toml leaves out in a browser, and what they bring."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    marked = (each for each in project["dependencies"] if "emscripten" in each)
    names = {re.split(r"[>=;]", each)[0].replace("-", "_") for each in marked}
    assert {"ipykernel", "nbclient", "graphviz_pure"} <= names
    return names | {"zmq", "jupyter_client", "psutil", "_multiprocessing"}


def test_assets_are_materialized_stored_and_drawn(tmp_path):
    code = FIRST.format(left_out=refused()) + CHECKED
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Exception ignored" not in done.stderr
