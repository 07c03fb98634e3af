"""The log is filtered as people expect, and sent in slices whatever its length."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import ErrorInfo
from jobnb.display.widgets.log_lines import KINDS, LogFilter, LogLines, kind_of_line
from jobnb.events import Logged, RunStarted, StepFailed, StepStarted
from tests.display.reading import HOSTILE

EVENTS = [
    RunStarted(1.0, "daily", ("load", "clean")),
    StepStarted(1.1, "load"),
    Logged(1.2, logging.DEBUG, "a row", "load"),
    Logged(1.3, logging.WARNING, "Two ROWS only", "clean[a]"),
    Logged(1.4, logging.INFO, "printed", "clean[a]", "stdout"),
    Logged(1.5, logging.ERROR, "shouted", None, "stderr"),
    StepFailed(1.6, "clean[a]", ErrorInfo("ValueError", "no such ROW")),
    Logged(1.7, 35, "between levels", "load", "mine"),
]


def fitting(**asked):
    lines = LogLines()
    lines.extend(EVENTS)
    lines.choose(LogFilter.of(asked))
    return [line["at"] for line in lines.slice(0, 100)]


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6, 7]),
        ({"kinds": ["warning"]}, [3, 7]),
        ({"kinds": ["stdout", "stderr"]}, [4, 5]),
        ({"kinds": ["error"]}, [6]),
        ({"kinds": ["event"]}, [0, 1]),
        ({"kinds": ["unknown"]}, [0, 1, 2, 3, 4, 5, 6, 7]),
        ({"steps": ["load"]}, [1, 2, 7]),
        ({"steps": ["clean"]}, [3, 4, 6]),
        ({"steps": ["clean[a]"]}, [3, 4, 6]),
        ({"text": "row"}, [2, 3, 6]),
        ({"text": "row two"}, [3]),
        ({"text": "step:load"}, [1, 2, 7]),
        ({"text": "step:load row"}, [2]),
        ({"text": "type:step_failure"}, [6]),
        ({"text": "query:printed"}, [4]),
        ({"text": "valueerror"}, [6]),
        ({"text": "no:such"}, []),
        ({"text": "row", "kinds": ["debug"], "steps": ["load"]}, [2]),
    ],
)
def test_a_filter_keeps_the_lines_that_fit(asked, places):
    assert fitting(**asked) == places


def test_every_line_has_one_of_the_kinds():
    assert {kind_of_line(event) for event in EVENTS} <= set(KINDS)
    assert [kind_of_line(Logged(1.0, level, "")) for level in (5, 10, 20, 39, 40, 99)] == [
        "debug",
        "debug",
        "info",
        "warning",
        "error",
        "critical",
    ]


def test_lines_that_come_later_are_filtered_too():
    lines = LogLines()
    lines.choose(LogFilter.of({"text": "two"}))
    assert lines.counts()["matched"] == 0
    lines.extend(EVENTS)
    assert lines.counts() == {
        "total": 8,
        "matched": 1,
        "kinds": {"event": 2, "debug": 1, "warning": 2, "stdout": 1, "stderr": 1, "error": 1},
    }
    lines.extend([Logged(2.0, 20, "two again")])
    assert [line["text"] for line in lines.slice(0, 9)] == ["Two ROWS only", "two again"]


def test_a_line_carries_what_is_shown():
    lines = LogLines()
    lines.extend(EVENTS)
    failed, mine = lines.slice(6, 2)
    assert (failed["type"], failed["step"], failed["since"]) == ("STEP_FAILURE", "clean[a]", 0.6)
    assert failed["error"] == "ValueError: no such ROW"
    assert (mine["logger"], mine["kind"], mine["type"]) == ("mine", "warning", "")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_can_be_sent(text):
    lines = LogLines()
    lines.extend([Logged(1.0, 20, text, text, text), StepFailed(1.0, text, ErrorInfo(text, text))])
    json.dumps(lines.slice(0, 2), ensure_ascii=False).encode()


SOME = st.lists(st.sampled_from(EVENTS), max_size=60)
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "kinds": st.lists(st.sampled_from([*KINDS, "?"]), max_size=4),
        "steps": st.lists(st.sampled_from(["load", "clean", "clean[a]", "?"]), max_size=2),
        "text": st.sampled_from(["", "row", "step:load", "type:STEP_START", "a b", ":", "step:"]),
    },
)


@given(SOME, SOME, ASKED, st.integers(-3, 80), st.integers(-3, 80))
def test_slices_are_the_same_however_the_log_grew(first, second, asked, start, count):
    grown, whole = LogLines(), LogLines()
    grown.choose(LogFilter.of(asked))
    grown.extend(first)
    grown.counts()
    grown.extend(second)
    whole.extend([*first, *second])
    whole.choose(LogFilter.of(asked))
    assert grown.slice(start, count) == whole.slice(start, count)
    assert grown.counts() == whole.counts()
    fits = LogFilter.of(asked).fits
    assert whole.counts()["matched"] == sum(fits(event) for event in [*first, *second])
