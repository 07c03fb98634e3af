"""The frontier beside brute force: random plans, random outcomes, any order of their ends."""

from __future__ import annotations

from collections import Counter
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobnb import DynamicOut, DynamicOutput, job, op
from jobnb.execution.frontier import Frontier, TagLimit, Unit
from jobnb.plan.build import build_plan
from jobnb.plan.step import FromMany, FromOutput, Step, StepInput

ABSENT = "absent"


class ConditionInputs:
    """A random plan, and how each of its units will end."""

    def __init__(self, random):
        self.random = random
        self.steps, self.dynamic = [], {}
        for index in range(random.randint(1, 9)):
            self.steps.append(self.make(index))
        self.slots = {s.index: 2 * s.index for s in self.steps}
        self.outcomes = {}

    def make(self, index):
        earlier = self.steps
        chosen = self.random.sample(earlier, self.random.randint(0, min(3, len(earlier))))
        # One region at most: the elements of two are never taken together.
        regions = {self.region_of(each) for each in chosen} - {None}
        region = self.random.choice([None, *sorted(regions)]) if regions else None
        inputs, guards = [], []
        for up in chosen:
            own = self.region_of(up)
            wait = FromOutput(
                up.index,
                "result",
                2 * up.index,
                collects=own is not None and own != region,
                maps=own is not None and own == region,
            )
            kind = self.random.random()
            if kind < 0.1 and own is None:
                guards.append(wait)
            elif kind < 0.4 and inputs and not wait.maps and not inputs[-1][0].maps:
                inputs[-1].append(wait)
            else:
                inputs.append([wait])
        made = tuple(
            StepInput(f"in_{n}", FromMany(tuple(w)) if len(w) > 1 else w[0], tuple(w), None, None)
            for n, w in enumerate(inputs)
        )
        if region is None and self.random.random() < 0.3:
            self.dynamic[index] = 2 * index
        return Step(
            index,
            f"s{index}",
            (f"s{index}",),
            None,
            made,
            (SimpleNamespace(slot=2 * index),),
            (*(w for each in inputs for w in each), *guards),
            tags={"kind": self.random.choice("ab")} if self.random.random() < 0.6 else {},
            region=region,
            guards=tuple(guards),
        )

    def region_of(self, step):
        return self.dynamic.get(step.index, step.region)

    def outcome(self, unit):
        """How a unit ends: keys of elements, True, ABSENT or "failed"; after how many retries."""
        if unit not in self.outcomes:
            kind = self.random.random()
            came = True
            if unit.step in self.dynamic:
                came = [f"k{n}" for n in range(self.random.randint(0, 3))]
            end = "failed" if kind < 0.2 else ABSENT if kind < 0.35 else came
            self.outcomes[unit] = end, self.random.choice([0, 0, 0, 1, 2])
        return self.outcomes[unit]


class Sequential:
    """The plan gone through in order, one unit after the other, as plainly as can be."""

    def __init__(self, world):
        self.world, self.values = world, {}
        self.failed, self.failed_elements = set(), set()
        self.ran, self.skipped = [], {}
        for step in world.steps:
            self.step(step)

    def step(self, step):
        out = 2 * step.index
        if step.region is None or step.region not in self.values:
            self.unit(step, Unit(step.index))
        else:
            self.values[out] = {}
            keys = list(self.values[step.region])
            for key in keys:
                self.unit(step, Unit(step.index, key))
            if keys and not self.values[out]:
                del self.values[out]

    def unit(self, step, unit):
        out, key = 2 * step.index, unit.mapping_key
        missing = []
        for each in step.inputs:
            absent = [w for w in each.waits_for if not self.there(w, key)]
            fan_in = len(each.waits_for) > 1
            failed = any(self.has_failed(w, key) for w in absent)
            if failed or not fan_in or len(absent) == len(each.waits_for):
                missing += absent
        missing += [w for w in step.guards if not self.there(w, key)]
        if missing:
            failed = any(self.has_failed(w, key) for w in missing)
            words = [f"s{w.step}" if failed else f"s{w.step}.result" for w in missing]
            self.skipped[unit] = tuple(dict.fromkeys(words)), failed
            if failed:
                self.fail(out, key)
            return
        self.ran.append(unit)
        end, _ = self.world.outcome(unit)
        if end == "failed":
            self.fail(out, key)
        elif end != ABSENT and key is None:
            self.values[out] = dict.fromkeys(end) if isinstance(end, list) else True
        elif end != ABSENT:
            self.values[out][key] = True

    def fail(self, slot, key):
        if key is None:
            self.failed.add(slot)
        else:
            self.failed_elements.add((slot, key))

    def there(self, wait, key):
        if wait.slot not in self.values or wait.slot in self.failed:
            return False
        if wait.maps:
            return key in self.values[wait.slot]
        return not (wait.collects and any(s == wait.slot for s, _ in self.failed_elements))

    def has_failed(self, wait, key):
        if wait.slot in self.failed:
            return True
        found = [k for s, k in self.failed_elements if s == wait.slot]
        return key in found if wait.maps and key is not None else bool(found)


class Driven:
    """The plan gone through as the frontier says: several at once, ending in any order."""

    def __init__(self, world, limits, places, fuse):
        self.world, self.limits, self.fuse = world, limits, fuse
        self.frontier = Frontier(world.steps, [(s.index,) for s in world.steps], limits=limits)
        self.ran, self.skipped, self.tries = [], {}, Counter()
        self.now, self.chunks, self.closed = 0.0, [], []
        while not self.frontier.is_done:
            self.note()
            self.fill(places)
            if self.chunks:
                self.end(world.random.choice(self.chunks))
            elif not self.frontier.is_done:
                assert self.frontier.due is not None, "nothing runs, and nothing will"
                assert self.frontier.due > self.now
                self.now = self.frontier.due
        self.note()

    def note(self):
        for skip in self.frontier.skips:
            assert skip.unit not in self.skipped
            self.skipped[skip.unit] = skip.because, skip.failed
        self.frontier.skips.clear()
        self.closed += self.frontier.closed
        self.frontier.closed.clear()

    def fill(self, places):
        free = places - len(self.chunks)
        taken = self.frontier.take(self.now, free)
        assert len(taken) <= free
        for unit in taken:
            chunk = [unit]
            while self.fuse and (follower := self.frontier.follower(chunk[-1])) is not None:
                chunk.append(follower)
            self.chunks.append(chunk)
        counts = Counter()
        for unit in self.frontier.running:
            for number, limit in enumerate(self.limits):
                value = self.world.steps[unit.step].tags.get(limit.key)
                if value is not None and limit.value in (None, value):
                    counts[number, value if limit.per_value else None] += 1
        assert all(n <= self.limits[number].limit for (number, _), n in counts.items())

    def end(self, chunk):
        unit = chunk[0]
        if self.world.random.random() < 0.1:  # its worker is gone
            self.chunks.remove(chunk)
            for each in chunk:
                self.frontier.give_back(each)
            return
        end, retries = self.world.outcome(unit)
        if self.tries[unit] < retries:
            self.tries[unit] += 1
            self.frontier.retry(unit, self.now + self.world.random.choice([0.5, 2.0]))
            self.chunks.remove(chunk)
            for each in chunk[1:]:
                self.frontier.give_back(each)
            return
        self.ran.append(unit)
        slot = 2 * unit.step
        if end == "failed":
            self.frontier.fail(unit)
        elif end == ABSENT:
            self.frontier.succeed(unit, {})
        else:
            self.frontier.succeed(unit, {slot: end if isinstance(end, list) else None})
        chunk.pop(0)
        if not chunk or chunk[0] not in self.frontier.running:
            self.chunks.remove(chunk)
            for each in chunk:
                self.frontier.give_back(each)


limits = st.lists(
    st.builds(
        TagLimit, st.just("kind"), st.integers(1, 2), st.sampled_from([None, "a"]), st.booleans()
    ),
    max_size=2,
)


@settings(max_examples=400)
@given(st.integers(0, 2**32), limits, st.integers(1, 4), st.booleans())
def test_any_order_of_ends_comes_to_what_one_after_the_other_does(seed, limits, places, fuse):
    world = ConditionInputs(Random(seed))
    plain = Sequential(world)
    driven = Driven(world, limits, places, fuse)
    assert sorted(driven.ran, key=str) == sorted(plain.ran, key=str)
    assert driven.skipped == plain.skipped
    assert sorted(driven.closed) == [step.index for step in world.steps]
    assert not driven.frontier.running


@settings(max_examples=200)
@given(st.integers(0, 2**32))
def test_nothing_is_idle_while_something_could_run(seed):
    """With places for all, every unit whose needs have ended is taken at once."""
    world = ConditionInputs(Random(seed))
    frontier = Frontier(world.steps, [(s.index,) for s in world.steps])
    ended, elements = set(), {}
    while not frontier.is_done:
        frontier.take(0.0, 10**6)
        for skip in frontier.skips:
            ended.add(skip.unit)
        closed = {i for i in range(len(world.steps)) if i not in open_steps(frontier)}
        for step in world.steps:
            if step.index in closed:
                continue
            for key in elements.get(step.region, ()) if step.region is not None else (None,):
                unit = Unit(step.index, key)
                if unit in ended or unit in frontier.running:
                    continue
                assert not all(has_ended(world, w, key, closed, ended) for w in step.waits_for)
        unit = world.random.choice(sorted(frontier.running, key=str))
        end, _ = world.outcome(unit)
        ended.add(unit)
        if end == "failed":
            frontier.fail(unit)
        else:
            keys = end if isinstance(end, list) else None
            frontier.succeed(unit, {} if end == ABSENT else {2 * unit.step: keys})
            if keys is not None:
                elements[2 * unit.step] = keys


def open_steps(frontier):
    return set(frontier._place)


def has_ended(world, wait, key, closed, ended):
    inside = wait.maps and world.steps[wait.step].region is not None
    return Unit(wait.step, key) in ended if inside and key is not None else wait.step in closed


@op
def one():
    return 1


@op(tags={"db": "main"})
def ask(one):
    return one


@op(out=DynamicOut())
def parts():
    for n in range(3):
        yield DynamicOutput(n, str(n))


@op
def double(x):
    return 2 * x


@op
def total(xs: list):
    return sum(xs)


def frontier_of(made, **more):
    plan = build_plan(made)
    return plan, Frontier(plan.steps, plan.order, **more)


def keys(plan, units):
    return [plan.steps[u.step].key + (f"[{u.mapping_key}]" if u.mapping_key else "") for u in units]


def test_a_retry_waits_for_its_time_without_a_place():
    @job
    def two():
        one()
        one.alias("other")()

    _, frontier = frontier_of(two)
    first, second = frontier.take(0.0, 5)
    frontier.retry(first, at=10.0)
    assert frontier.running == {second}
    assert frontier.due == 10.0
    assert frontier.take(9.9, 5) == []
    assert frontier.take(10.0, 5) == [first]


def test_steps_of_a_tag_wait_for_each_other_and_others_pass_them():
    @job
    def four():
        x = one()
        for n in range(3):
            ask.alias(f"ask_{n}")(x)
        double(x)

    limit = TagLimit("db", 1)
    plan, frontier = frontier_of(four, limits=[limit])
    [start] = frontier.take(0.0, 5)
    frontier.succeed(start, {plan.steps[start.step].outputs[0].slot: None})
    taken = frontier.take(0.0, 5)
    assert keys(plan, taken) == ["ask_0", "double"]
    frontier.fail(taken[0])
    assert keys(plan, frontier.take(0.0, 5)) == ["ask_1"]


def test_elements_go_through_all_steps_before_the_next():
    @job
    def mapped():
        total(parts().map(lambda x: double.alias("again")(double(x))).collect())

    plan, frontier = frontier_of(mapped)
    [start] = frontier.take(0.0, 1)
    slot = {step.key: step.outputs[0].slot for step in plan.steps}
    frontier.succeed(start, {slot["parts"]: ["0", "1", "2"]})
    seen = []
    while not frontier.is_done:
        [unit] = frontier.take(0.0, 1)
        seen += keys(plan, [unit])
        frontier.succeed(unit, {plan.steps[unit.step].outputs[0].slot: None})
    assert seen[:4] == ["double[0]", "again[0]", "double[1]", "again[1]"]
    assert seen[-1] == "total"


def test_steps_that_are_not_chosen_count_as_ended():
    @job
    def chain():
        double.alias("c")(double.alias("b")(one()))

    plan = build_plan(chain)
    slot = {step.key: step.outputs[0].slot for step in plan.steps}
    last = plan.step_by_key["c"]
    assert keys(plan, Frontier(plan.steps, [(last,)], given={slot["b"]: None}).take(0, 9)) == ["c"]
    lacking = Frontier(plan.steps, [(last,)])
    assert lacking.is_done
    assert lacking.skips[0].because == ("b.result",)


def test_a_chain_is_taken_as_one_and_given_back_where_it_breaks():
    @job
    def chain():
        double.alias("c")(double.alias("b")(one()))

    plan, frontier = frontier_of(chain)
    [first] = frontier.take(0.0, 1)
    second = frontier.follower(first)
    third = frontier.follower(second)
    assert keys(plan, [first, second, third]) == ["one", "b", "c"]
    assert frontier.follower(third) is None
    frontier.succeed(first, {plan.steps[first.step].outputs[0].slot: None})
    assert frontier.running == {second}
    frontier.give_back(second)
    frontier.give_back(third)
    assert frontier.take(0.0, 9) == [second]


@pytest.mark.parametrize("count", [2_000, 20_000])
def test_a_long_chain_of_skips_needs_no_deep_stack(count):
    steps = [Step(0, "s0", ("s0",), None, (), (SimpleNamespace(slot=0),))]
    for index in range(1, count):
        wait = FromOutput(index - 1, "result", index - 1)
        need = StepInput("x", wait, (wait,), None, None)
        out = (SimpleNamespace(slot=index),)
        steps.append(Step(index, f"s{index}", (f"s{index}",), None, (need,), out, (wait,)))
    frontier = Frontier(steps, [(index,) for index in range(count)])
    [first] = frontier.take(0.0, 1)
    frontier.fail(first)
    assert frontier.is_done
    assert len(frontier.skips) == count - 1
