"""What is called stale, against making everything anew in one's head."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from jobnb import AssetKey, Config, Definitions, Instance, Output, asset, materialize
from jobnb.execution.runner import execute
from jobnb.execution.spec import RunSpec
from jobnb.execution.start import stale_choice
from jobnb.plan.build import build_plan
from jobnb.staleness.statuses import asset_statuses

N = 4
PAIRS = [(low, high) for high in range(N) for low in range(high)]
numbers = st.integers(0, N - 1)
small = st.integers(0, 2)


class Outside:
    """What functions look at and nobody sees: data versions, and whether they fail."""

    def __init__(self) -> None:
        self.versions: dict[int, int | None] = dict.fromkeys(range(N))
        self.failing: set[int] = set()


class Asset:
    """How an asset is written now."""

    def __init__(self) -> None:
        self.code = 0
        self.version: str | None = None
        self.year: int | None = None
        self.deps: frozenset[int] = frozenset()

    @property
    def is_made_by(self) -> tuple[Any, ...]:
        """What its record says of it, but for the values it was made from."""
        return self.version if self.version is not None else ("hash", self.code), self.year


def function(asset_: Asset, number: int, outside: Outside) -> Any:
    """The function as it is written now."""
    text = (
        f"def fn({'' if asset_.year is None else 'config'}):\n"
        f"    if {number} in outside.get().failing: raise ValueError\n"
        f"    version = outside.get().versions[{number}]\n"
        f"    return {asset_.code} if version is None else Output(0, data_version=f'v{{version}}')"
    )
    around = ContextVar("around", default=outside)  # what is in it is no code
    scope: dict[str, Any] = {"__name__": "__main__", "outside": around, "Output": Output}
    exec(text, scope)
    fn: Any = scope["fn"]
    if asset_.year is not None:
        fn.__annotations__ = {"config": config_class(asset_.year)}
    return fn


@cache
def config_class(year: int) -> type[Config]:
    fields = {"__annotations__": {"year": int}, "year": year, "__module__": "__main__"}
    return type("C", (Config,), fields)


class Stale(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.instance = Instance.ephemeral()
        self.outside = Outside()
        self.assets = [Asset() for _ in range(N)]
        self.made: dict[int, tuple[Any, ...]] = {}  # what it was made by, and from
        self.values: dict[int, Any] = {}
        self.failed: set[int] = set()
        self.count = 0

    def teardown(self) -> None:
        self.instance.dispose()

    @initialize(edges=st.lists(st.booleans(), min_size=len(PAIRS), max_size=len(PAIRS)))
    def connect(self, edges: list[bool]) -> None:
        for (low, high), there in zip(PAIRS, edges, strict=True):
            if there:
                self.assets[high].deps |= {low}
        self.materialize(set(range(N)), set())

    # --- edits -------------------------------------------------------------

    @rule(number=numbers, code=small)
    def edit_code(self, number: int, code: int) -> None:
        self.assets[number].code = code

    @rule(number=numbers, version=st.sampled_from([None, "1", "2"]))
    def edit_version(self, number: int, version: str | None) -> None:
        self.assets[number].version = version

    @rule(number=numbers, year=st.none() | st.integers(2013, 2014))
    def edit_config(self, number: int, year: int | None) -> None:
        self.assets[number].year = year

    @rule(pair=st.sampled_from(PAIRS))
    def edit_dependency(self, pair: tuple[int, int]) -> None:
        low, high = pair
        self.assets[high].deps ^= {low}

    @rule(number=numbers, version=st.none() | small)
    def outside_changes(self, number: int, version: int | None) -> None:
        self.outside.versions[number] = version

    # --- runs --------------------------------------------------------------

    @property
    def definitions(self) -> list[Any]:
        return [
            asset(
                name=f"a{number}",
                deps=[f"a{dep}" for dep in sorted(each.deps)],
                code_version=each.version,
            )(function(each, number, self.outside))
            for number, each in enumerate(self.assets)
        ]

    @rule(chosen=st.sets(numbers, min_size=1), failing=st.sets(numbers, max_size=1))
    def materialize(self, chosen: set[int], failing: set[int]) -> None:
        self.outside.failing = failing
        names = [f"a{number}" for number in chosen]
        materialize(self.definitions, selection=names, instance=self.instance, raise_on_error=False)
        self.go(chosen)

    @rule(chosen=st.sets(numbers, min_size=1), failing=st.sets(numbers, max_size=1))
    def materialize_stale(self, chosen: set[int], failing: set[int]) -> None:
        self.outside.failing = failing
        known = Definitions.of(assets=self.definitions)
        job = known.job_of_assets("some", [f"a{number}" for number in chosen])
        plan = build_plan(job)
        choice = stale_choice(plan, self.instance)
        wanted: set[int] = set()
        for number in sorted(chosen):
            asked = number not in self.made or number in self.failed
            changed = self.made.get(number) != self.would_be(number)
            gone = any(dep not in self.made for dep in self.assets[number].deps)
            if asked or changed or gone or self.assets[number].deps & wanted:
                wanted.add(number)
        assert {plan.steps[index].key for index in choice.steps} == {f"a{n}" for n in wanted}
        spec = RunSpec(job=job, instance=self.instance, stale_only=True)
        execute(spec, raise_on_error=False)
        self.go(wanted)

    def go(self, chosen: set[int]) -> None:
        """Make these in the model: all are asked for, in order."""
        lost: set[int] = set()
        for number in sorted(chosen):
            if self.assets[number].deps & lost:
                lost.add(number)
            elif number in self.outside.failing:
                lost.add(number)
                self.failed.add(number)
            else:
                self.made[number] = self.would_be(number)
                self.values[number] = self.value(number)
                self.failed.discard(number)

    def would_be(self, number: int) -> tuple[Any, ...]:
        """What would be recorded if it were made now."""
        deps = sorted(self.assets[number].deps)
        return *self.assets[number].is_made_by, tuple((dep, self.values.get(dep)) for dep in deps)

    def value(self, number: int) -> Any:
        self.count += 1
        version = self.outside.versions[number]
        if version is not None:
            return f"v{version}"
        promised = self.assets[number].version is not None
        return self.made[number] if promised else self.count

    # --- what must hold ----------------------------------------------------

    def scratch(self, number: int) -> tuple[tuple[Any, ...], Any]:
        """What it would be made by and from, and its value, were everything made anew."""
        deps = [(dep, self.scratch(dep)[1]) for dep in sorted(self.assets[number].deps)]
        record = (*self.assets[number].is_made_by, tuple(deps))
        value = self.values.get(number)
        promised = isinstance(value, tuple) and self.assets[number].version is not None
        return record, record if promised else value

    def fresh(self, number: int) -> bool:
        cone, waiting = set(), [number]
        while waiting:
            each = waiting.pop()
            cone.add(each)
            waiting += self.assets[each].deps
        return all(each in self.made and self.made[each] == self.scratch(each)[0] for each in cone)

    @invariant()
    def statuses_are_as_if_made_from_scratch(self) -> None:
        found = asset_statuses(Definitions.of(assets=self.definitions), self.instance)
        for number in range(N):
            status = found[AssetKey(f"a{number}")]
            fresh = self.fresh(number)
            if number in self.failed:
                wanted = "failed"
            else:
                wanted = "missing" if number not in self.made else "fresh" if fresh else "stale"
            assert status.status.value == wanted, (status, self.made, self.values)
            if number in self.made:
                assert bool(status.causes) is not fresh


Stale.TestCase.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)
TestStale = Stale.TestCase
