"""Following a run: each change of a card is told, the end once, and stopping is final."""

from __future__ import annotations

import threading

import pytest

from jobnb import Definitions, DynamicOut, DynamicOutput, Instance, asset, job, op
from jobnb.display.graph_pictures import job_picture
from jobnb.display.picture import Status
from jobnb.display.widgets.follow import RunMarks, cards_of_plan, follow_run
from jobnb.display.widgets.graph import GraphView
from jobnb.events import RunStarted, RunSucceeded, StepStarted, StepSucceeded
from jobnb.plan.build import build_plan


class Gate:
    """Holds a step until the test lets it go on."""

    def __init__(self):
        self.reached, self.open = threading.Event(), threading.Event()

    def wait(self):
        self.reached.set()
        assert self.open.wait(30)


@pytest.fixture
def gate():
    made = Gate()
    yield made
    made.open.set()


@pytest.fixture
def instance():
    with Instance.ephemeral() as made:
        yield made


def gated_job(gate):
    @op
    def load():
        gate.wait()
        return 1

    @op
    def report(rows):
        return rows

    @job
    def daily():
        report(load())

    return daily


def test_only_cards_that_changed_are_told():
    marks = RunMarks()
    first = marks.add([RunStarted(1.0, "j", ("a", "b"))])
    assert {key: mark.status for key, (mark, _) in first.items()} == {
        "a": Status.QUEUED, "b": Status.QUEUED,
    }  # fmt: skip
    (key, (mark, since)), *rest = marks.add([StepStarted(2.0, "a")]).items()
    assert (key, mark.status, since, rest) == ("a", Status.RUNNING, 2.0, [])
    news = marks.add([StepSucceeded(4.0, "a", 2.0)])
    assert news["a"][0].status is Status.SUCCEEDED
    assert news["a"][1] is None
    assert marks.add([]) == {}


def test_all_mapped_steps_stand_on_one_card():
    @op(out=DynamicOut())
    def spread():
        for n in range(3):
            yield DynamicOutput(n, mapping_key=f"k{n}")

    @op
    def double(n):
        return 2 * n

    @job
    def mapped():
        spread().map(double)

    told = {}
    marks = RunMarks()
    result = mapped.execute_in_process()
    told.update(marks.add(result.all_events))
    assert set(told) == {"spread", "double"}
    assert "3" in told["double"][0].detail


def test_steps_that_are_still_to_be_mapped_count_from_the_beginning():
    @op(out=DynamicOut())
    def spread():
        for n in range(3):
            yield DynamicOutput(n, mapping_key=f"k{n}")

    @op
    def fragile(n):
        if n == 1:
            raise ValueError(n)
        return n

    @job
    def mapped():
        spread().map(fragile)

    result = mapped.execute_in_process(raise_on_error=False)
    marks, told = RunMarks(plan=result.plan), []
    for event in result.all_events:
        mark = marks.add([event]).get("fragile", (None, None))[0]
        if mark is not None and (mark.status, mark.detail) not in told:
            told.append((mark.status, mark.detail))
    assert told[0] == (Status.QUEUED, "")
    assert (Status.RUNNING, "0 of 3") in told
    assert (Status.RUNNING, "1 of 3") in told
    assert told[-1] == (Status.FAILED, "1 of 3 failed")
    assert (Status.SUCCEEDED, "1 of 3") not in told


def test_steps_of_assets_are_told_by_their_keys(instance):
    @asset(key_prefix=["sales"])
    def orders():
        return 1

    made = Definitions(assets=[orders]).job_of_assets("some")
    assert list(cards_of_plan(build_plan(made)).values()) == [["sales/orders"]]
    told, ended = {}, threading.Event()
    follow_run(made.launch(instance=instance), told.update, ended.set)
    assert ended.wait(30)
    assert told["sales/orders"][0].status is Status.SUCCEEDED


def test_the_end_is_told_once_and_after_all_news(gate, instance):
    told, ended = [], []
    run = gated_job(gate).launch(instance=instance)
    done = threading.Event()
    follow_run(run, told.append, lambda: (ended.append(len(told)), done.set()))
    gate.open.set()
    run.wait(30)
    assert done.wait(30)
    assert ended == [len(told)]
    last = {key: mark.status for news in told for key, (mark, _) in news.items()}
    assert last == {"load": Status.SUCCEEDED, "report": Status.SUCCEEDED}


def test_a_run_that_has_ended_is_told_at_once(gate, instance):
    gate.open.set()
    run = gated_job(gate).launch(instance=instance).wait(30)
    told, ended = {}, []
    follow_run(run, told.update, lambda: ended.append(True))
    assert ended == [True]
    assert {mark.status for mark, _ in told.values()} == {Status.SUCCEEDED}


def test_who_stopped_hears_no_more(gate, instance):
    run = gated_job(gate).launch(instance=instance)
    assert gate.reached.wait(30)
    told = []
    stop = follow_run(run, told.append)
    stop()
    stop()
    before = len(told)
    gate.open.set()
    run.wait(30)
    assert len(told) == before


def test_a_graph_follows_one_run_after_another(gate, instance):
    daily = gated_job(gate)
    view = GraphView(job_picture(daily))
    run = daily.launch(instance=instance)
    view.follow(run)
    assert gate.reached.wait(30)
    run.wait(0.2)
    view.unfollow()
    gate.open.set()
    run.wait(30)
    again = daily.launch(instance=instance).wait(30)
    assert view.marks["report"]["status"] == "queued"
    view.follow(again)
    assert {mark["status"] for mark in view.marks.values()} == {"succeeded"}


def test_a_run_without_steps_changes_nothing():
    assert RunMarks().add([RunStarted(1.0, "j", ()), RunSucceeded(2.0, "j")]) == {}
