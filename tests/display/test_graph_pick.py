"""What clicks select in a graph, in the page itself: before the kernel has answered, too."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from py_mini_racer import MiniRacer

A_MODEL = "const model = (traits) => ({ get: (name) => traits[name] });"


@cache
def script() -> MiniRacer:
    racer = MiniRacer()
    racer.eval(files("jobnb.display").joinpath("static/parts/graph_pick.js").read_text())
    racer.eval(A_MODEL)
    return racer


def call(code: str) -> Any:
    return json.loads(script().eval(f"JSON.stringify({code})"))


def selected(**traits: Any) -> list[str]:
    return call(
        f"selectedIn(model({json.dumps({'upstream': False, 'downstream': False} | traits)}))"
    )


@pytest.mark.parametrize("answered", [[], ["a"], ["a", "b"]])
def test_what_is_picked_is_selected_whatever_the_kernel_answered_to_older_clicks(answered):
    assert selected(picked=["b"], selected=answered) == ["b"]
    assert selected(picked=[], selected=answered) == []


@pytest.mark.parametrize("way", ["upstream", "downstream"])
def test_what_the_kernel_adds_upstream_or_downstream_is_selected_with_it(way):
    assert selected(picked=["b"], selected=["a", "b"], **{way: True}) == ["b", "a"]
    assert selected(picked=["b", "c"], selected=["a", "b"], **{way: True}) == ["b", "c", "a"]


def test_a_click_picks_one_card_and_with_shift_one_more_or_less():
    assert call('pickedAfter(["a"], { key: "b" }, false)') == ["b"]
    assert call('pickedAfter(["a"], { key: "a" }, false)') == []
    assert call('pickedAfter(["a"], { key: "b" }, true)') == ["a", "b"]
    assert call('pickedAfter(["a", "b"], { key: "a" }, true)') == ["b"]


def test_a_folded_card_picks_all_that_it_holds():
    folded = '{ key: "load", members: ["b", "c"] }'
    assert call(f'pickedAfter(["a"], {folded}, true)') == ["a", "b", "c"]
    assert call(f'pickedAfter(["a", "b", "c"], {folded}, true)') == ["a"]
