"""Ctrl-C at every place of a run: what it leaves behind, wherever it comes."""

from __future__ import annotations

import gc
import random
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager

import pytest

from jobnb import (
    ConfigurableResource,
    Definitions,
    ExecutionInterruptedError,
    Instance,
    Output,
    RunStatus,
    Session,
    StaticPartitionsDefinition,
    asset,
    execute_job,
    job,
    materialize,
    op,
    resource,
    success_hook,
)

OPENED: Counter[str] = Counter()
CLOSED: Counter[str] = Counter()


class Interrupt:
    """Interrupts this thread at one of the places where Python looks for signals.

    Those are the beginning of a function, the end of a call of one in C, and the way back in a
    loop; every line is taken in too. Only what jobnb does is looked at, what it calls to open and
    close things, and these tests.

    Args:
        at: The number of the place; None only counts them.
    """

    LOOKED_AT = ("jobnb.", "contextlib", __name__)
    NOT_AGAIN = (sys.settrace, sys.setprofile)

    def __init__(self, at=None):
        self.at = at
        self.count = 0
        self.recorded = 0
        self.place = None

    def __enter__(self):
        sys.setprofile(self._profile)
        sys.settrace(self._trace)
        return self

    def __exit__(self, *problem):
        sys.settrace(None)
        sys.setprofile(None)

    def _trace(self, frame, event, arg):
        if not frame.f_globals.get("__name__", "").startswith(self.LOOKED_AT):
            return None
        self._come_to(frame)
        return self._trace_line

    def _trace_line(self, frame, event, arg):
        if event == "line":
            self._come_to(frame)
        return self._trace_line

    def _profile(self, frame, event, arg):
        name = frame.f_globals.get("__name__", "")
        if event == "c_return" and arg not in self.NOT_AGAIN and name.startswith(self.LOOKED_AT):
            self._come_to(frame)

    def _come_to(self, frame):
        if frame.f_code.co_name in ("__exit__", "__enter__") and frame.f_locals.get("self") is self:
            return
        self.count += 1
        if not self.recorded and frame.f_code.co_name in ("create_run", "add_backfill"):
            self.recorded = self.count
        if self.count == self.at:
            sys.settrace(None)
            sys.setprofile(None)
            self.place = f"{frame.f_globals['__name__']}:{frame.f_code.co_name}:{frame.f_lineno}"
            signal.raise_signal(signal.SIGINT)


# --- what is run -------------------------------------------------------------


def opened(name):
    """Count in one line, so that no interrupt comes between that and the yield."""
    return OPENED.update([name]) or name


@resource
def generator(_context):
    yield opened("generator")
    CLOSED["generator"] += 1


@resource
@contextmanager
def manager(_context):
    yield opened("manager")
    CLOSED["manager"] += 1


class Inner(ConfigurableResource):
    name: str = "inner"

    def setup_for_execution(self, context):
        OPENED[self.name] += 1

    def teardown_after_execution(self, context):
        CLOSED[self.name] += 1


class Outer(ConfigurableResource):
    inner: Inner
    deep: Inner

    @contextmanager
    def yield_for_execution(self, context):
        yield (self, opened("outer"))[0]
        CLOSED["outer"] += 1


inner = Inner(name="inner")
RESOURCES = {
    "generator": generator,
    "manager": manager,
    "inner": inner,
    "outer": Outer(inner=inner, deep=Inner(name="deep")),
}


@success_hook
def hook(_context):
    return None


@op(required_resource_keys=set(RESOURCES))
def first(context):
    context.log.info("at work")
    return 1


@op
def second(first):
    yield Output(first + 1)


@op
def third(second):
    return second + 1


@job(resource_defs=RESOURCES, hooks={hook})
def chain():
    third(second(first()))


@asset(required_resource_keys=set(RESOURCES))
def raw(context):
    return 1


@asset
def clean(raw):
    return raw + 1


by_letter = StaticPartitionsDefinition(["a", "b"])


@asset(partitions_def=by_letter, required_resource_keys=set(RESOURCES))
def letters(context):
    return context.partition_key


session = Session().add(
    Definitions(assets=[raw, clean, letters], jobs=[chain], resources=RESOURCES)
)


def in_process(instance):
    chain.execute_in_process(instance=instance)


def by_execute_job(instance):
    execute_job(chain, instance)


def materialized(instance):
    materialize([raw, clean], instance=instance, resources=RESOURCES)


def by_session(instance):
    session.materialize("*clean", instance=instance)


def launched(instance):
    HELD.append(chain.launch(instance=instance))


def backfilled(instance):
    HELD.append(session.backfill("letters", instance=instance))


HELD = []


def interrupted(way, at, instance):
    """Do it with an interrupt at one place; what is wrong then, and the place."""
    OPENED.clear()
    CLOSED.clear()
    count = instance.get_runs_count()
    threads = set(threading.enumerate())
    came = None
    with Interrupt(at) as interrupt:
        try:
            way(instance)
        except KeyboardInterrupt as error:
            came = error
    while HELD:
        HELD.pop().wait()
    if interrupt.place is None or f":{way.__name__}:" in interrupt.place:
        return interrupt.place, []  # it had ended before
    new = instance.get_runs_count() - count
    runs = instance.get_runs(limit=new) if new else []
    return interrupt.place, [
        *([f"{dict(OPENED)} opened, {dict(CLOSED)} closed"] if OPENED != CLOSED else []),
        *(f"a run is {run.status.value}" for run in runs if run.status.value not in ENDS),
        *_what_came(came, at > interrupt.recorded > 0),
        *_left_over(threads),
    ]


def _what_came(came, is_recorded):
    if came is None:
        # Python drops what is raised where a generator is thrown away, as it does anywhere.
        return [] if DROPPED else ["nothing came out"]
    if is_recorded and not isinstance(came, ExecutionInterruptedError):
        return [f"{came!r} came out"]
    return []


def _left_over(threads):
    DROPPED.clear()
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield "a handler of the signal is left"
    for thread in set(threading.enumerate()) - threads:
        if thread.name != "jobnb-log":  # it commits for all runs, and ends when none comes
            thread.join(5)
            if thread.is_alive():
                yield f"the thread {thread.name} is left"


ENDS = ("CANCELED", "SUCCESS")
DROPPED = []


def places_of(way, instance, closely):
    """All places around a run's beginning and end, some between, a few before it is recorded."""
    way(instance)
    with Interrupt() as seen:
        way(instance)
    while HELD:
        HELD.pop().wait()
    first, last = seen.recorded, seen.count
    span, step = (200, 11) if closely else (60, 71)
    near = [*range(first - 20, first + span), *range(last - span, last + 1)]
    return sorted({*range(1, first, 97), *near, *range(first, last, step)} & {*range(1, last + 1)})


@pytest.mark.parametrize(
    "way", [in_process, by_execute_job, materialized, by_session, launched, backfilled]
)
def test_an_interrupt_at_any_place_cancels_the_run_and_closes_everything(way, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", DROPPED.append)
    with Instance.ephemeral() as instance:
        places = places_of(way, instance, closely=way is in_process)
        found = {at: interrupted(way, at, instance) for at in places}
        way(instance)  # which works at once
        while HELD:
            HELD.pop().wait()
        assert instance.get_runs(limit=1)[0].is_success
        gc.collect()  # what an interrupt kept from being closed is told of here, if at all
    assert {at: each for at, each in found.items() if each[1]} == {}


# --- what else it is to be ---------------------------------------------------


def interrupting(where):
    """A job that is interrupted at one place, and what it ran."""
    ran = []

    class Dying:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    def interrupt(place):
        ran.append(place)
        if place == where:
            signal.raise_signal(signal.SIGINT)

    @resource
    def held(_context):
        interrupt("set-up")
        yield 1
        interrupt("tear-down")
        ran.append("closed")

    @op(required_resource_keys={"held"})
    def one():
        interrupt("step")
        if where == "end of an object":
            Dying()
        return 1

    @op
    async def two(one):
        interrupt("coroutine")
        ran.append("two")

    @job(resource_defs={"held": held})
    def single():
        two(one())

    return single, ran


@pytest.mark.parametrize(
    ("where", "ran_then"),
    [
        ("set-up", ["set-up"]),
        ("step", ["set-up", "step", "tear-down", "closed"]),
        ("end of an object", ["set-up", "step", "tear-down", "closed"]),
        ("tear-down", ["set-up", "step", "coroutine", "two", "tear-down", "closed"]),
    ],
)
def test_where_an_interrupt_comes_to_something(where, ran_then):
    single, ran = interrupting(where)
    with Instance.ephemeral() as instance:
        with pytest.raises(ExecutionInterruptedError):
            single.execute_in_process(instance=instance)
        assert ran == ran_then
        assert instance.get_runs()[0].status is RunStatus.CANCELED


def test_an_interrupt_in_the_middle_of_an_exit_stack_waits_until_it_is_done():
    ran = []

    @op
    def one():
        with ExitStack() as stack:
            stack.callback(ran.append, "closed")
            stack.callback(signal.raise_signal, signal.SIGINT)  # comes in contextlib itself
        ran.append("left")

    @op
    def two(one):
        ran.append("two")

    @job
    def both():
        two(one())

    with Instance.ephemeral() as instance:
        with pytest.raises(ExecutionInterruptedError):
            both.execute_in_process(instance=instance)
        assert ran == ["closed", "left"]
        assert instance.get_runs()[0].status is RunStatus.CANCELED


def test_who_insists_leaves_a_resource_that_hangs():
    closed = []

    @resource
    def first(_context):
        yield 1
        closed.append("first")

    @resource(required_resource_keys={"first"})
    def hanging(_context):
        yield 2
        signal.raise_signal(signal.SIGINT)  # it waits
        signal.raise_signal(signal.SIGINT)  # the same key pressed twice
        closed.append("hangs")
        time.sleep(1.1)
        signal.raise_signal(signal.SIGINT)
        closed.append("never")

    @op(required_resource_keys={"hanging"})
    def one():
        return 1

    @job(resource_defs={"first": first, "hanging": hanging})
    def single():
        one()

    with Instance.ephemeral() as instance:
        with pytest.raises(ExecutionInterruptedError):
            single.execute_in_process(instance=instance)
        assert closed == ["hangs", "first"]
        assert instance.get_runs()[0].status is RunStatus.CANCELED


def test_the_users_own_handler_decides_and_stays():
    came = []

    def own(number, _frame):
        came.append(number)

    @op
    def one():
        signal.raise_signal(signal.SIGINT)
        return 1

    @job
    def single():
        one()

    before = signal.signal(signal.SIGINT, own)
    try:
        assert single.execute_in_process().success
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)
    assert came == [signal.SIGINT]


def test_a_run_within_a_step_of_another_is_canceled_with_it():
    inner, ran = interrupting("step")

    @op
    def outer_op():
        inner.execute_in_process(instance=instance)

    @op
    def later(outer_op):
        ran.append("later")

    @job(resource_defs={"generator": generator})
    def outer():
        later(outer_op())

    with Instance.ephemeral() as instance:
        with pytest.raises(ExecutionInterruptedError):
            outer.execute_in_process(instance=instance)
        assert [run.status for run in instance.get_runs()] == [RunStatus.CANCELED] * 2
    assert ran == ["set-up", "step", "tear-down", "closed"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("seed", range(4))
def test_a_cancel_at_any_moment_closes_everything_once(seed):
    dice = random.Random(seed)
    with Instance.ephemeral() as instance:
        chain.launch(instance=instance).wait()
        for _ in range(40):
            OPENED.clear()
            CLOSED.clear()
            run = chain.launch(instance=instance)
            time.sleep(dice.uniform(0, 0.004))
            stopped = run.cancel()
            run.wait(30)
            assert run.status in (("CANCELED",) if stopped else ("SUCCESS",))
            assert OPENED == CLOSED
