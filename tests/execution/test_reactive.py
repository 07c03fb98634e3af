"""A session that reacts to cells: it tells what became stale, or materializes it meanwhile."""

from __future__ import annotations

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from jobnb import Session
from jobnb.errors import InvalidInvocationError
from tests.registry.test_cells import in_shell

BEGIN = """
import os, tempfile, time
os.environ["JOBNB_HOME"] = tempfile.mkdtemp()

run("from jobnb import *", "top")
run("rate = 2", "rate")
run("@asset\\ndef orders(): return [1, 2]", "orders")
run(
    "class Limits(Config):\\n    least: int = 0\\n"
    "@asset\\ndef revenue(orders, config: Limits):\\n"
    "    return [x * rate for x in orders if x > config.least]",
    "revenue",
)
run("@asset\\ndef report(revenue): return sum(revenue)", "report")
run("@asset(partitions_def=StaticPartitionsDefinition(['a']))\\ndef part(): return rate", "p")
run("@asset\\ndef never(orders): return rate", "never")
from jobnb import RunConfig, session
session.materialize(
    "report or revenue or orders", config={"ops": {"revenue": {"config": {"least": 1}}}}
)
session.materialize("part", partition="a")

def until(check):
    end = time.monotonic() + 60
    while not check() and time.monotonic() < end:
        time.sleep(0.01)
    assert check()

def stale():
    reaction = session.reaction
    assert reaction.wait(60)
    return sorted(key.path[0] for key in reaction.stale)
"""


def test_what_became_stale_is_shown_or_materialized_with_what_is_downstream():
    told = in_shell(
        BEGIN,
        """
        session.reactive = "stale"
        run("1 + 1", "x")
        tell(stale())
        run("rate = 3", "rate")
        tell([stale(), session.reaction.state])
        run("rate = 3", "rate")
        tell(stale())
        session.reactive = "run"
        runs = len(session.instance.get_runs())
        run("rate = 4", "rate")
        tell(stale())
        until(lambda: session.reaction.state == "ended")
        tell([session.value("report"), sorted(k.path[0] for k in session.stale())])
        run("@asset\\ndef orders(): return [1, 2, 3]", "orders")
        until(lambda: session.reaction.state == "ended")
        tell([stale(), session.value("report"), session.instance.get_runs()[0].tags])
        session.reactive = None
        run("rate = 5", "rate")
        time.sleep(0.2)
        tell([session.reaction, len(session.instance.get_runs()) - runs])
        """,
    )
    assert told == [
        [],
        [["part", "report", "revenue"], "stale"],
        [],
        ["part", "report", "revenue"],
        [8, ["never", "part"]],
        [["orders", "report", "revenue"], 20, {"jobnb/reactive": "true"}],
        [None, 2],
    ]


def test_a_run_begins_anew_with_another_change_and_ends_with_the_switch():
    told = in_shell(
        BEGIN,
        """
        import threading
        gate, begun = threading.Event(), threading.Event()
        shell.user_ns.update(gate=gate, begun=begun)
        slow = "@asset\\ndef orders():\\n    begun.set()\\n    gate.wait(60)\\n    return [{}]"
        session.reactive = "run"
        run(slow.format(5), "orders")
        assert begun.wait(60)
        first = session.reaction.run
        begun.clear()
        run("rate = 10", "rate")
        tell(stale())
        gate.set()
        until(lambda: session.reaction.state == "ended")
        tell([first.status, session.value("report")])
        gate.clear()
        run(slow.format(6), "orders")
        assert begun.wait(60)
        last = session.reaction.run
        session.reactive = None
        gate.set()
        until(lambda: last.is_finished)
        tell([last.status, session.value("report"), session.reactive])
        """,
    )
    assert told == [["part", "report", "revenue"], ["CANCELED", 50], ["CANCELED", 50, None]]


def test_what_failed_or_cannot_be_launched_is_told():
    failed, lacking, refused = in_shell(
        BEGIN,
        """
        session.reactive = "run"
        run("@asset\\ndef orders(): return [1][7]", "orders")
        until(lambda: session.reaction.state == "failed")
        tell([session.reaction.problem, str(session.reaction.run.run_id)[:8]])
        runs = len(session.runs)
        run("@asset\\ndef orders(shop): return [1]", "orders")
        assert session.reaction.wait(60)
        tell([session.reaction.state, session.reaction.problem, len(session.runs) - runs])
        run("@asset\\ndef orders(): return [1]", "orders")
        until(lambda: session.reaction.state == "ended")
        run(
            "class Limits(Config):\\n    most: int\\n"
            "@asset\\ndef revenue(orders, config: Limits): return []",
            "revenue",
        )
        assert session.reaction.wait(60)
        tell([session.reaction.state, session.reaction.problem])
        """,
    )
    assert failed[0] == (
        "'orders' failed: IndexError: list index out of range. To open it in cells: "
        f"%jobnb debug {failed[1]}"
    )
    assert lacking == ["stale", "'orders' cannot be made: upstream 'shop' is missing.", 0]
    assert refused[0] == "stale"
    assert "ops > revenue > config" in refused[1]


def test_under_nbclient_it_reacts_only_if_it_is_asked_to(tmp_path, monkeypatch):
    monkeypatch.setenv("JOBNB_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("JOBNB_REACTIVE", raising=False)
    cells = [
        "import os\nfrom jobnb import asset, session",
        "@asset\ndef orders():\n    return 1",
        "_ = session.materialize()\nsession.reactive = 'stale'",
        "@asset\ndef orders():\n    return 2",
        "print(session.reaction)\nos.environ['JOBNB_REACTIVE'] = '1'",
        "@asset\ndef orders():\n    return 3",
        "print(session.reaction.wait(60))",
    ]
    node = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    NotebookClient(node, timeout=120).execute()
    printed = [[out["text"] for out in cell.outputs if "text" in out] for cell in node.cells]
    assert (printed[3], printed[4], printed[6]) == ([], ["None\n"], ["True\n"])


def test_the_allowed_values_are_told():
    known = Session()
    with pytest.raises(InvalidInvocationError, match="'stale', 'run' or None, not 'runs'.*'run'"):
        known.reactive = "runs"
    assert known.reactive is None
