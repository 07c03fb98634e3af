"""A step that reports its progress: a bar on its card, and words wherever the step is named."""

from __future__ import annotations

import re

import pytest

from jobnb import RunState, fold
from jobnb import events as ev
from jobnb.display.picture import Card, Mark, Picture, Status
from jobnb.display.run_marks import run_marks
from jobnb.display.run_views import RunViewData, run_view
from jobnb.display.svg import picture_svg
from jobnb.display.widgets.drawing import mark_json
from jobnb.display.widgets.follow import RunMarks
from jobnb.display.widgets.run_data import head_data, step_row

RUNNING = [
    ev.RunStarted(10.0, "daily", ("load", "clean")),
    ev.StepStarted(11.0, "load"),
    ev.StepProgressed(11.5, "load", 30, 120, "<b>rows</b>"),
]
WORDS = "30 of 120 · <b>rows</b>"


def test_the_card_has_a_bar_and_words():
    mark = run_marks(fold(RUNNING))["load"]
    assert mark == Mark(Status.RUNNING, WORDS, progress=0.25)
    assert mark_json(mark, 11.0) == {
        "status": "running", "detail": WORDS, "progress": 0.25, "since": 11.0,
    }  # fmt: skip


def test_an_unknown_total_is_told_in_words_alone():
    mark = run_marks(fold([*RUNNING, ev.StepProgressed(12.0, "load", 1500)]))["load"]
    assert mark == Mark(Status.RUNNING, "1,500")
    assert "progress" not in mark_json(mark)


def test_a_second_attempt_is_still_told():
    again = [
        ev.StepRetried(12.0, "load", 1),
        ev.StepRestarted(12.0, "load", 2),
        ev.StepProgressed(13.0, "load", 1, 2),
    ]
    mark = run_marks(fold([*RUNNING, *again]))["load"]
    assert (mark.detail, mark.progress) == ("1 of 2 · attempt 2", 0.5)


ENDS = [
    ev.StepSucceeded(13.0, "load", 2.0),
    ev.StepFailed(13.0, "load", ev.ErrorInfo("E", "no"), 2.0),
]


@pytest.mark.parametrize("end", ENDS)
def test_the_bar_is_gone_when_the_step_has_ended(end):
    mark = run_marks(fold([*RUNNING, end]))["load"]
    assert mark.progress is None
    assert "30 of 120" not in mark.detail


def test_each_report_is_news_of_its_card_alone():
    marks = RunMarks()
    marks.add(RUNNING)
    news = marks.add([ev.StepProgressed(12.0, "load", 60, 120)])
    assert {key: mark.progress for key, (mark, _) in news.items()} == {"load": 0.5}


def test_the_static_picture_has_the_bar():
    marks = run_marks(fold(RUNNING))
    svg = picture_svg(Picture("daily", (Card("load", "load"), Card("clean", "clean")), marks=marks))
    whole, done = (
        float(re.search(rf'class="{css}"[^>]* width="([0-9.]+)"', svg)[1])
        for css in ("jn-whole", "jn-done")
    )
    assert done == pytest.approx(whole / 4, abs=0.1)
    assert svg.count("jn-whole") == 1 + svg.count(".jn-whole")
    assert "&lt;b&gt;rows" in svg


def test_the_head_and_the_rows_of_the_run_tell_it():
    state = fold(RUNNING)
    assert head_data(state, "r1", "daily")["now"] == f"load: {WORDS}"
    assert WORDS in step_row(state.steps["load"], 10.0, 10.0)
    fold([ev.StepStarted(12.0, "clean"), ev.StepProgressed(12.0, "clean", 1)], state)
    assert head_data(state, "r1", "daily")["now"] == f"load: {WORDS}, and 1 other step"
    fold([ev.RunFailed(14.0, "daily")], state)
    assert head_data(state, "r1", "daily")["now"] == ""
    assert head_data(RunState(), "r1", "daily")["now"] == ""


def test_the_text_of_the_run_tells_it():
    assert WORDS in run_view(RunViewData(fold(RUNNING), "r1")).text
