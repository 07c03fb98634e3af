"""Conditions put together at random say what a second, simple reading of them says."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobnb import (
    AssetKey,
    AutomationCondition,
    Definitions,
    Instance,
    StaticPartitionsDefinition,
    asset,
    evaluate_automation_conditions,
)
from jobnb import AutomationCondition as Condition
from jobnb.events import AssetMaterialized

on = AutomationCondition
DEPS = {"a": [], "b": ["a"], "c": ["a", "b"], "p": [], "q": ["p", "c"]}
PARTITIONED = {"p", "q"}
LETTERS = StaticPartitionsDefinition(["x", "y"])
PLACES = [
    (name, letter) for name in DEPS for letter in (["x", "y"] if name in PARTITIONED else [None])
]

# --- at random --------------------------------------------------------------------

LEAVES = st.sampled_from(
    [
        on.missing(), on.newly_missing(), on.newly_updated(), on.newly_requested(),
        on.will_be_requested(), on.initial_evaluation(), on.any_deps_missing(),
        on.any_deps_updated(), on.in_progress(),
    ]
)  # fmt: skip
SOME = st.sampled_from(["a", "b", "a or b", "p"])


def _grown(inner):
    return st.one_of(
        st.tuples(inner, inner).map(lambda two: two[0] & two[1]),
        st.tuples(inner, inner).map(lambda two: two[0] | two[1]),
        inner.map(lambda one: ~one),
        inner.map(lambda one: one.newly_true()),
        st.tuples(inner, inner).map(lambda two: two[0].since(two[1])),
        inner.map(on.any_deps_match),
        inner.map(on.all_deps_match),
        st.tuples(inner, SOME).map(lambda two: on.any_deps_match(two[0]).allow(two[1])),
        st.tuples(inner, SOME).map(lambda two: on.all_deps_match(two[0]).ignore(two[1])),
        inner.map(lambda one: on.asset_matches("a", one)),
        inner.map(lambda one: one.with_label("called so")),
    )


# What has a memory, and what looks at others, stands in every second one.
_REMEMBERED = st.one_of(
    st.tuples(LEAVES, LEAVES).map(lambda two: two[0].since(two[1])),
    LEAVES.map(lambda one: one.newly_true()),
)
_OF_OTHERS = st.one_of(
    st.tuples(LEAVES, SOME).map(lambda two: on.any_deps_match(two[0]).allow(two[1])),
    st.tuples(LEAVES, SOME).map(lambda two: on.all_deps_match(two[0]).ignore(two[1])),
)
CONDITIONS = st.recursive(st.one_of(LEAVES, _REMEMBERED, _OF_OTHERS), _grown, max_leaves=5)
STEPS = st.lists(st.lists(st.sampled_from(PLACES), max_size=3), min_size=1, max_size=5)


# --- the second reading -------------------------------------------------------------


@dataclass
class Model:
    """What happened, in numbers that count up, and what was true when."""

    made: dict = field(default_factory=dict)
    asked: dict = field(default_factory=dict)
    before: dict = field(default_factory=dict)
    evaluated: list = field(default_factory=list)
    requested: set = field(default_factory=set)
    seen: dict = field(default_factory=dict)

    def deps(self, place, condition):
        name, letter = place
        for dep in DEPS[name]:
            if condition.allowed is not None and dep not in named(condition.allowed):
                continue
            if condition.ignored is not None and dep in named(condition.ignored):
                continue
            if dep in PARTITIONED:
                yield from [(dep, letter)] if letter else [(dep, None)]
            else:
                yield dep, None

    def holds(self, place, condition, path):
        found = self._holds(place, condition, path)
        self.seen[path, place] = found
        return found

    def _holds(self, place, condition, path):  # noqa: C901 one line for each kind
        kind, inner = condition.kind, condition.operands
        last = self.evaluated[-1] if self.evaluated else None
        made = self.made.get(place)
        of = [self.holds(place, each, (path, n)) for n, each in enumerate(inner)] \
            if kind in ("and", "or", "not", "newly_true", "since") else []  # fmt: skip
        deps = list(self.deps(place, condition))
        waits = place in self.asked and not (made is not None and made > self.asked[place])
        match kind:
            case "missing":
                return made is None
            case "newly_missing":
                return made is None and not waits
            case "newly_updated":
                return last is not None and made is not None and made > last
            case "newly_requested":
                return last is not None and self.asked.get(place) == last
            case "will_be_requested":
                return place in self.requested
            case "initial_evaluation":
                return last is None
            case "in_progress":
                return False
            case "any_deps_missing":
                return any(self.made.get(d) is None and d not in self.requested for d in deps)
            case "any_deps_updated":
                bound = max(made or 0, self.before_of(place))
                return any(d in self.requested or self.made.get(d, 0) > bound for d in deps)
            case "and":
                return all(of)
            case "or":
                return any(of)
            case "not":
                return not of[0]
            case "newly_true":
                return of[0] and not self.before.get(((path, 0), place), False)
            case "since":
                return (self.before.get((path, place), False) or of[0]) and not of[1]
            case "any_deps_match":
                verdicts = [self.holds(d, inner[0], (path, 0)) for d in deps]  # all are seen
                return any(verdicts)
            case "all_deps_match":
                verdicts = [self.holds(d, inner[0], (path, 0)) for d in deps]
                return all(verdicts)
            case "asset_matches":
                return self.holds(("a", None), inner[0], (path, 0))
        raise AssertionError(kind)

    def before_of(self, place):
        """When it was asked for, as long as that is remembered: until it is made."""
        return self.asked.get(place, 0)


def named(selection):
    return {"key:a": {"a"}, "key:b": {"b"}, "key:p": {"p"}}.get(str(selection), {"a", "b"})


# --- both, side by side ---------------------------------------------------------------


class History:
    """Materializations and evaluations at moments that count up."""

    def __init__(self, condition: Condition) -> None:
        self.instance = Instance.ephemeral()
        self.condition = condition
        self.definitions = Definitions([self._asset(name, condition) for name in DEPS])
        self.cursor = None
        self.model = Model()
        self.now = 1000.0

    def _asset(self, name, condition):
        return asset(
            name=name,
            deps=[AssetKey(dep) for dep in DEPS[name]],
            partitions_def=LETTERS if name in PARTITIONED else None,
            automation_condition=condition,
        )(lambda: None)

    def make(self, place):
        from jobnb import JobRun

        self.now += 1
        run = self.instance.create_run(JobRun("made"))
        log = self.instance.open_log(run)
        log.events.append(
            AssetMaterialized(self.now, place[0], asset=(place[0],), partition=place[1])
        )
        log.close()
        self.model.made[place] = self.now
        self.model.made[place[0], None] = self.now  # the asset as a whole

    def evaluate(self):
        from datetime import UTC, datetime

        self.now += 1
        found = evaluate_automation_conditions(
            self.definitions,
            self.instance,
            evaluation_time=datetime.fromtimestamp(self.now, UTC),
            cursor=self.cursor,
        )
        self.cursor = found.cursor
        told = {
            (each.asset_key.to_user_string(), each.partition_key): each.is_true
            for each in found.results
        }
        model = self.model
        model.requested, model.seen = set(), {}
        wanted = {}
        for name in DEPS:  # each after what it depends on
            own = [place for place in PLACES if place[0] == name]
            wanted.update({place: model.holds(place, self.condition, name) for place in own})
            model.requested |= {place for place in own if wanted[place]}
        model.before = model.seen
        model.evaluated.append(self.now)
        model.asked = {
            place: when for place, when in model.asked.items()
            if not (model.made.get(place) or 0) > when
        }  # fmt: skip
        model.asked.update(dict.fromkeys(model.requested, self.now))
        assert told == wanted, f"{self.condition}\n{found.results}"
        assert {place for place, yes in told.items() if yes} == {
            (key.to_user_string(), letter)
            for key, letters in found.requested.items()
            for letter in letters
        }


@settings(max_examples=70, deadline=None, suppress_health_check=list(HealthCheck))
@given(CONDITIONS, STEPS)
def test_conditions_put_together_say_what_their_parts_say(condition, steps):
    history = History(condition)
    history.evaluate()
    for made in steps:
        for place in made:
            history.make(place)
        history.evaluate()
    history.instance.dispose()


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(CONDITIONS, CONDITIONS, STEPS)
def test_the_laws_of_logic_hold(one, other, steps):
    pairs = [
        (~(one & other), ~one | ~other),
        (~~one, one),
        (one & (one | other), one & (one | other) & (one | other)),
    ]
    for left, right in pairs:
        both = [asset(name="a", automation_condition=each)(lambda: 1) for each in (left, right)]
        instance, cursors = Instance.ephemeral(), [None, None]
        for _ in range(len(steps)):
            told = []
            for place, made in enumerate(both):
                found = evaluate_automation_conditions(
                    Definitions([made]), instance, cursor=cursors[place]
                )
                cursors[place] = found.cursor
                told.append([each.is_true for each in found.results])
            assert told[0] == told[1]
        instance.dispose()
