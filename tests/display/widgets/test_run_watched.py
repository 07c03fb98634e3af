"""A run view keeps step with a fast run while a front end asks it for everything at once."""

from __future__ import annotations

import threading
import time

from jobnb import Instance, job, op
from jobnb.display.widgets.run import RunView

STEPS = 600


def test_nothing_is_lost_or_torn_while_a_run_goes_on():
    gate = threading.Event()

    @op
    def wait():
        assert gate.wait(20)
        return 0

    @op
    def increase(context, number):
        context.log.info("got %s", number)
        return number + 1

    @job
    def chained():
        number = wait()
        for place in range(STEPS):
            number = increase.alias(f"increase_{place}")(number)

    with Instance.ephemeral() as instance:
        run = chained.launch(instance=instance)
        view = RunView(run, tab="log")
        told = {}
        view.tabs.send = lambda content, *_: told.update(content["news"].get("steps", {}))
        for row in view.tabs.answer("steps")["rows"]:
            told[row[0]] = row
        gate.set()
        asked = {"text": "got", "kinds": ["info"], "turn": 3}
        for _ in range(2000):
            log = view.tabs.answer("log", asked=asked, first=0, count=50, follow=True)
            assert log["matched"] == log["first"] + len(log["lines"])
            assert log["turn"] == 3
            view.tabs.answer("outputs")
            view.refresh()
            if view.head.head["finished"]:
                break
            time.sleep(0.001)
        run.wait(20)
        view.refresh()
        view.tabs._pace.flush()
        assert view.head.head["counts"] == {"succeeded": STEPS + 1}
        assert {row[1] for row in told.values()} == {"succeeded"}
        assert len(told) == STEPS + 1
        last = view.tabs.answer("log", asked=asked, first=0, count=1, follow=True)
        assert (last["matched"], last["lines"][0]["text"]) == (STEPS, f"got {STEPS - 1}")


def test_a_view_that_is_taken_away_does_not_hurt_its_run():
    gate = threading.Event()

    @op
    def wait():
        assert gate.wait(20)

    @job
    def waiting():
        wait()

    with Instance.ephemeral() as instance:
        run = waiting.launch(instance=instance)
        view = RunView(run)
        view.close()
        gate.set()
        assert run.wait(20).status == "SUCCESS"
