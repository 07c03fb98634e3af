"""Jobs that a number makes, and what holds of every run of theirs, whatever was killed when."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

from jobnb import DynamicOut, DynamicOutput, RetryPolicy, job, op, resource
from jobnb import events as ev

__all__ = ["check", "check_result", "pipeline"]

DEATHS: list[Callable[[], Any]] = [
    lambda: os._exit(3),
    lambda: ctypes.string_at(0),
    lambda: os.kill(os.getpid(), signal.SIGKILL),
]


def _fates(random: Random, deadly: bool) -> dict[str, Callable[[], Any]]:
    """How steps end their process, by name."""
    names = ("one_0", "one_1", "first_0", "second_1", "total") if deadly else ()
    return {name: random.choice(DEATHS) for name in names if random.random() < 0.06}


def _policy(random: Random) -> RetryPolicy | None:
    return RetryPolicy(max_retries=random.randint(1, 3)) if random.random() < 0.7 else None


def pipeline(number: int, path: str, *, deadly: bool = False, slow: float = 0.004) -> Any:
    """A job of plain and mapped steps, some of which are tried again.

    Args:
        number: Makes it, the same one in each process.
        path: Where it writes down when its resource is set up and torn down.
        deadly: Whether steps now and then end their process themselves.
        slow: Seconds that a step takes at most.
    """
    random = Random(number)

    def trace(line: str) -> None:
        with open(path, "a") as file:
            file.write(f"{line}\n")

    @resource
    def database(_context: Any) -> Any:
        trace(f"open {os.getpid()}")
        yield 1
        trace(f"close {os.getpid()}")

    fates, policy = _fates(random, deadly), partial(_policy, random)

    def live(context: Any) -> None:
        time.sleep(random.random() * slow)
        fate = fates.get(context.op_handle.name)
        if fate is not None and context.retry_number == 0:
            fate()

    @op(required_resource_keys={"database"}, retry_policy=policy())
    def one(context: Any) -> int:
        live(context)
        return 1

    @op(retry_policy=policy())
    def plus_one(context: Any, x: int) -> int:
        live(context)
        return x + 1

    @op(out=DynamicOut(), retry_policy=policy())
    def parts() -> Any:
        for n in range(3):
            yield DynamicOutput(n, str(n))

    @op(retry_policy=policy())
    def total(context: Any, xs: list) -> int:  # type: ignore[type-arg]
        live(context)
        return int(sum(xs))

    @job(resource_defs={"database": database})
    def made() -> None:
        for n in range(2):
            plus_one.alias(f"second_{n}")(plus_one.alias(f"first_{n}")(one.alias(f"one_{n}")()))
        total(parts().map(plus_one).collect())

    return made


VALUES = {"one_0": 1, "one_1": 1, "first_0": 2, "first_1": 2, "second_0": 3, "second_1": 3,
          "total": 6}  # fmt: skip


def check_result(result: Any) -> None:
    """Each value that came is the right one."""
    for name, value in VALUES.items():
        if result.is_node_success(name):
            assert (name, result.output_for_node(name)) == (name, value)


def check(plan: Any, events: Sequence[ev.Event], *, interrupted: bool = False) -> set[str]:
    """What holds of every log; the steps that have failed.

    Args:
        plan: What the run did.
        events: Its log.
        interrupted: Whether the process that had the run was killed: steps may be left open then.
    """
    ends = (ev.RunSucceeded, ev.RunFailed)
    assert isinstance(events[-1], ends), "the run does not end"
    assert sum(isinstance(event, ends) for event in events) == 1
    steps: dict[str, list[tuple[int, ev.Event]]] = {}
    for number, event in enumerate(events):
        if event.step_key is not None:
            steps.setdefault(event.step_key, []).append((number, event))
    over = {key: _end_of(key, told, interrupted) for key, told in steps.items()}
    _check_order(plan, steps, over)
    failed = {key for key, (_, kind) in over.items() if kind is ev.StepFailed}
    if not interrupted:
        assert isinstance(events[-1], ev.RunFailed) == bool(failed)
        assert {step.key for step in plan.steps} <= {key.split("[")[0] for key in steps}
    return failed


def _end_of(
    key: str, told: Sequence[tuple[int, ev.Event]], interrupted: bool
) -> tuple[int, type[ev.Event] | None]:
    """Where in the log a step ends, and how: once, and nothing of it comes after."""
    kinds = [type(event) for _, event in told]
    final = (ev.StepSucceeded, ev.StepFailed, ev.StepSkipped)
    ends = [number for number, event in told if isinstance(event, final)]
    assert len(ends) <= 1, f"{key} ends {len(ends)} times"
    assert len(ends) == 1 or interrupted, f"{key} does not end"
    if ends:
        assert ends[0] == told[-1][0], f"{key} goes on after its end"
    if ev.StepSkipped not in kinds:
        assert kinds[0] is ev.StepStarted, f"{key} has not begun"
        assert kinds.count(ev.StepStarted) == 1
    again = kinds.count(ev.StepRestarted)
    assert again in (kinds.count(ev.StepRetried), kinds.count(ev.StepRetried) - interrupted)
    return (ends[0], kinds[-1]) if ends else (told[-1][0], None)


def _check_order(
    plan: Any,
    steps: dict[str, list[tuple[int, ev.Event]]],
    over: dict[str, tuple[int, type[ev.Event] | None]],
) -> None:
    """A step that ran began after all that it waits for had succeeded."""
    for step in plan.steps:
        for key in [key for key in steps if key.split("[")[0] == step.key]:
            if over[key][1] is ev.StepSkipped:
                continue
            began = steps[key][0][0]
            for wait in step.waits_for:
                above = plan.steps[wait.step].key
                for other, (at, kind) in over.items():
                    same = other == above or (wait.collects and other.split("[")[0] == above)
                    assert not same or (at < began and kind is ev.StepSucceeded), (key, other)
