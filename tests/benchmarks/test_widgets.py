"""What it costs to show something alive: time in the kernel, and what goes to the front end."""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import pytest

from jobnb import Instance, RunTable
from jobnb.display.graph_pictures import job_picture
from jobnb.display.widgets.graph import GraphView
from jobnb.display.widgets.job import JobView
from jobnb.display.widgets.run import RunView
from tests.benchmarks.conftest import Measure, size
from tests.benchmarks.shapes import SHAPES, chain

MOST_BYTES = 1_500_000
FRESH = count()


def payload(view: Any) -> int:
    """The bytes that a front end is sent to draw a graph, its program aside."""
    return len(msgspec.json.encode(view.get_state(["drawing", "marks"])))


@pytest.mark.parametrize(("nodes", "most_ms"), [(100, 150.0), (size(1_000), 1_000.0)])
@pytest.mark.parametrize("shape", ["chain", "fan", "asset"])
def test_show_a_job(measure: Measure, shape: str, nodes: int, most_ms: float) -> None:
    """A job that was never drawn, with its tabs and its graph laid out."""
    shown: list[GraphView] = []

    def show(job: Any) -> None:
        shown.append(JobView(job).part("graph"))

    told = measure(
        show,
        pieces=nodes,
        budget_us=most_ms * 1_000 / nodes,
        # A layout is kept by the structure of its picture; another size is another structure.
        prepare=lambda: SHAPES[shape](nodes - 1 - next(FRESH) % 20),
        rounds=2,
    )
    told["payload_bytes"] = max(map(payload, shown))
    told["budget_payload_bytes"] = MOST_BYTES
    assert told["payload_bytes"] < MOST_BYTES  # of this no loaded machine makes more


def test_a_large_graph_that_is_not_folded_at_all() -> None:
    """More than anyone looks at, and still no flood."""
    view = GraphView(job_picture(chain(1_000)), most=2_000)
    assert len(view.drawing["cards"]) == 1_001
    assert payload(view) < MOST_BYTES


def test_open_a_run(measure: Measure) -> None:
    """A run of 1,000 steps, ended: its graph, its head, its tabs."""
    with Instance.ephemeral() as instance:
        result = chain(1_000).execute_in_process(instance=instance)
        views: list[RunView] = []
        measure(lambda: views.append(RunView(result)), pieces=1_000, budget_us=1_000)
        assert views[-1].head.head["done"] == 1_001


def test_page_through_the_history(measure: Measure) -> None:
    """The first page of 2,000 runs; only what is shown is read."""
    from jobnb.display.widgets.history import HistoryView
    from jobnb.storage.run import JobRun

    with Instance.ephemeral() as instance:
        for number in range(2_000):
            instance.create_run(JobRun(f"job_{number % 7}"))
        view = HistoryView(RunTable(instance))
        measure(lambda: view.table.answer("page", asked={}, cursor=None, limit=20), pieces=20,
                budget_us=None)  # fmt: skip
        assert view.table.answer("page", asked={}, cursor=None, limit=20)["total"] == 2_000
