"""How long selections take to read, and to resolve on ten thousand assets."""

from __future__ import annotations

import pytest

from jobnb import AssetSelection
from jobnb.definitions.selections.reading import parse_selection
from jobnb.plan.graphs import AssetGraph
from jobnb.plan.selection_resolution import resolve_op_selection
from tests.benchmarks.conftest import Measure, size
from tests.benchmarks.shapes import asset_definitions

N = size(10_000)
TEXTS = ["*a9999+", "a5000*", "group:default and not key:*7", "sinks(*) or roots(*)"]


@pytest.mark.parametrize("text", ["orders", "*orders+", '+key:"a*" and not (group:x or tag:y=z)'])
def test_reading(measure: Measure, text: str) -> None:
    """A text that was not read before."""
    parse_selection("*a")
    measure(parse_selection.__wrapped__, pieces=1, budget_us=None, prepare=lambda: text)


@pytest.mark.parametrize("text", TEXTS)
def test_resolving(measure: Measure, text: str) -> None:
    """On a graph that is there, of assets in a row."""
    graph = AssetGraph(asset_definitions(N).assets)
    text = text.replace("a9999", graph.keys[-1].to_user_string())
    chosen = AssetSelection.from_string(text.replace("a5000", graph.keys[N // 2].to_user_string()))
    measure(lambda: chosen.resolve(graph), pieces=N, budget_us=10.0)


def test_resolving_ops(measure: Measure) -> None:
    names = [f"op_{number}" for number in range(N)]
    upstream = {name: {names[place - 1]} if place else set() for place, name in enumerate(names)}
    measure(
        lambda: resolve_op_selection([f"*op_{N - 1}"], names, upstream), pieces=N, budget_us=10.0
    )
