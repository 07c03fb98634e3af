"""How far a step is arrives while it goes on, wherever it runs."""

from __future__ import annotations

import asyncio
import time

from jobnb import job, op
from jobnb.display.run_marks import progress_words
from jobnb.events import StepProgressed
from tests.execution.until import end_runs, until


def watched(daily, gate, instance, **where):
    """Launch a job whose step waits for a file, and look at it before and after that."""
    run = daily.launch(instance=instance, **where)
    try:
        until(lambda: run.is_finished or words(run) == "200 of 1,000 · rows")
        assert not run.is_finished, run.state.error
        gate.touch()
        run.wait(60)
        assert run.state.is_success
    finally:
        gate.touch()
        end_runs(instance)
    told = [event for event in run.events() if isinstance(event, StepProgressed)]
    assert [event.done for event in told] == sorted({event.done for event in told})
    assert len(told) < 20
    assert run.state.steps["load"].progress == told[-1]
    assert told[-1].words == "1,000 of 1,000 · rows"


def words(run):
    step = run.state.steps.get("load")
    return progress_words(step) if step is not None else ""


def made(gate):
    path = str(gate)

    @op
    def load(context):
        from pathlib import Path

        for number in range(1000):
            while number == 200 and not Path(path).exists():
                time.sleep(0.02)
            context.report_progress(number + 1, 1000, "rows")

    @job
    def daily():
        load()

    return daily


def test_progress_is_seen_while_the_step_goes_on(executor, instance, tmp_path):
    gate = tmp_path / "go"
    watched(made(gate), gate, instance, executor=executor)


def test_progress_of_a_detached_run_is_seen_while_the_step_goes_on(instance, tmp_path):
    gate = tmp_path / "go"
    watched(made(gate), gate, instance, detach=True)


def test_progress_of_an_asynchronous_op_is_seen_while_it_waits(instance, tmp_path):
    gate = tmp_path / "go"

    @op
    async def load(context):
        for number in range(1000):
            if number == 200:
                await asyncio.to_thread(until, gate.exists)
            context.report_progress(number + 1, 1000, "rows")

    @job
    def daily():
        load()

    watched(daily, gate, instance, executor="async")
