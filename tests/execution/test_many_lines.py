"""Very many log lines do not stay in memory, and whoever reads the log finds all of them."""

from __future__ import annotations

import pytest

from jobnb import Instance, job, op
from jobnb import events as ev
from jobnb.display.widgets.log_lines import LogFilter
from jobnb.display.widgets.run_model import RunModel
from jobnb.display.widgets.run_source import source_of
from jobnb.events import event_list
from jobnb.events.event_list import EventList
from jobnb.state import fold

LINES, KEPT = 6_000, 200


@op
def talks():
    for n in range(LINES):
        print(f"line {n}")
    return LINES


@op
def listens(n):
    print("the last one")


@job
def talking():
    listens(talks())


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(event_list, "KEPT", KEPT)
    monkeypatch.setattr(event_list, "_PIECE", 70)


@pytest.fixture
def instance(tmp_path):
    with Instance(home=tmp_path / "home") as made:
        yield made


def texts(events):
    return [event.text for event in events if isinstance(event, ev.Logged)]


WANTED = [*(f"line {n}" for n in range(LINES)), "the last one"]


def lines_of(events):
    """The lines of a log, those that were told together one by one."""
    return "\n".join(texts(events)).split("\n")


@pytest.mark.parametrize("executor", ["in_process", "threads", "multiprocess"])
def test_lines_are_read_from_the_store_again(instance, executor):
    run = talking.launch(instance=instance, executor=executor).wait(120)
    log = run._scope.run_log.events
    log.shed(len(log) - 5)  # whatever was told together, and had been by now
    assert log.held < 100
    assert lines_of(run.events()) == WANTED
    assert lines_of(run.events(after=3)) == WANTED
    assert lines_of(run.result().log_lines) == WANTED
    assert lines_of(reversed(list(reversed(log)))) == WANTED
    assert run.events() == instance.events(run.run_id)
    assert fold(run.events()) == fold(instance.events(run.run_id))
    assert type(run.events()[-1]) is ev.RunSucceeded


def test_a_run_that_goes_on_holds_the_last_lines_only(instance):
    log = instance.open_log(instance.create_run(ev_run()))
    for n in range(10 * KEPT):
        log.events.append(ev.Logged(float(n), 20, f"line {n}"))
        if n % 50 == 0:
            log.commit()
    log.commit()
    assert log.events.held < 4 * KEPT
    assert texts(log.events) == [f"line {n}" for n in range(10 * KEPT)]
    assert log.events[7].text == "line 7"
    assert texts(log.events[3:9:2]) == ["line 3", "line 5", "line 7"]
    assert texts(log.events[-2:]) == [f"line {n}" for n in (10 * KEPT - 2, 10 * KEPT - 1)]
    log.close()


def ev_run():
    from jobnb.storage.run import JobRun

    return JobRun("talking")


def test_a_view_of_it_holds_few_and_finds_all(instance):
    run = talking.launch(instance=instance).wait(120)
    model = RunModel(source_of(run))
    model.catch_up()
    lines = model.lines
    assert isinstance(lines.events, EventList)
    lines.events.shed(len(lines.events) - 5)
    assert lines.events.held < 100
    assert lines.counts()["kinds"]["stdout"] == len(texts(run.events()))
    lines.choose(LogFilter.of({"text": "line 5999"}))
    assert "line 5999" in lines.slice(0, 1)[0]["text"] or lines.counts()["matched"] == 1


def test_lines_of_a_history_that_is_gone_are_told_as_such():
    events = EventList(lambda first, count: [])
    events.extend(ev.Logged(float(n), 20, f"line {n}") for n in range(3))
    events.shed(2)
    assert [e.text for e in events][2] == "line 2"
    assert "has been removed" in events[0].text
