"""Assets that get another name keep their values, their history and their freshness."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobnb import (
    AssetChecksDefinition,
    AssetKey,
    AssetsDefinition,
    Config,
    Instance,
    JobRun,
    RunConfig,
    Session,
    StaticPartitionsDefinition,
    asset,
    asset_check,
)
from jobnb.errors import InvalidSubsetError, InvariantViolationError
from jobnb.events import RunStarted

LETTERS = StaticPartitionsDefinition(["a", "b"])
BEFORE = """
from jobnb import AssetCheckResult, StaticPartitionsDefinition, asset, asset_check
letters = StaticPartitionsDefinition(["a", "b"])

@asset
def orders():
    return [1, 2]

@asset_check(asset=orders)
def some(orders):
    return AssetCheckResult(passed=bool(orders))

@asset(partitions_def=letters)
def part(context):
    return context.partition_key

@asset(partitions_def=letters)
def below(part):
    return [part for _ in range(2) if (lambda: part)()]

@asset
def revenue(orders):
    return sum(each for each in orders if each in orders)
"""
AFTER = BEFORE.replace("orders", "sales").replace("part(", "piece(").replace(
    "(part)", "(piece)").replace("[part", "[piece").replace(": part", ": piece").replace(
    "def part", "def piece"
)  # fmt: skip


def defined(source, home):
    names = {"__name__": "pipeline"}
    exec(source, names)
    return Session(home=str(home)).add(
        *(
            each
            for each in names.values()
            if isinstance(each, (AssetsDefinition, AssetChecksDefinition))
        )
    )


@pytest.fixture
def made(tmp_path):
    known = defined(BEFORE, tmp_path / "home")
    result = known.materialize("orders or revenue")
    for letter in "ab":
        known.materialize("part or below", partition=letter)
    assert not known.stale()
    return result


def test_values_partitions_checks_runs_and_freshness_stay(tmp_path, made):
    known = defined(AFTER, tmp_path / "home")
    assert {(str(e.old.path[-1]), e.new.path[-1]) for e in known.renames()} == {
        ("orders", "sales"),
        ("part", "piece"),
    }
    assert "session.rename('orders', 'sales') keeps the values" in str(known.stale()["sales"])
    assert known.rename("orders", "sales").values == 1
    assert known.rename("part", "piece").partitions == 2
    assert not known.stale()
    assert known.renames() == []
    assert known.value("sales") == [1, 2]
    assert known.value("piece") == {"a": "a", "b": "b"}
    assert known.value("below", partition="a") == ["a", "a"]
    instance = known.instance
    assert not instance.has_asset_key(AssetKey("orders"))
    assert instance.get_materialized_partitions(AssetKey("piece")) == {"a", "b"}
    event = instance.get_latest_materialization_event(AssetKey("sales")).asset_materialization
    assert event.asset_key == AssetKey("sales")
    assert Path(event.metadata["path"].value) == tmp_path / "home" / "storage" / "sales"
    assert not Path(tmp_path, "home", "storage", "orders").exists()
    (check,) = instance.get_latest_asset_check_evaluations(["sales"])
    assert check.name == "some"
    assert not known.diff(made)
    assert known.rerun(made.run_id).wait(60).status == "SUCCESS"
    assert not known.stale()


def test_a_name_can_be_taken_back_and_changed_again(tmp_path, made):
    home = tmp_path / "home"
    defined(AFTER, home).rename("orders", "sales")
    back = defined(BEFORE, home)
    back.rename("sales", "orders")
    assert not back.stale()
    other = defined(BEFORE.replace("orders", "buys"), home)
    other.rename("orders", "goods")
    other.rename("goods", "buys")
    assert not other.stale()


def test_a_kernel_that_was_there_before_sees_it(tmp_path, made):
    other = defined(AFTER, tmp_path / "home")
    assert other.status("below").causes
    script = (
        "from jobnb import Session\n"
        f"known = Session(home={str(tmp_path / 'home')!r})\n"
        "known.rename('orders', 'sales')\nknown.rename('part', 'piece')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
    assert not other.stale()


def test_code_that_changed_as_well_is_stale(tmp_path, made):
    known = defined(AFTER.replace("[1, 2]", "[1, 2, 3]").replace("sum(", "max("), tmp_path / "home")
    known.rename("orders", "sales")
    known.rename("part", "piece")
    assert known.status("sales").reasons == ("code changed in pipeline",)
    assert "code changed in pipeline" in known.status("revenue").reasons
    assert not known.status("below").causes


def test_what_cannot_be_renamed_is_told_and_nothing_changes(tmp_path, made):
    known = defined(BEFORE, tmp_path / "home")
    with pytest.raises(InvalidSubsetError, match="no materialization of 'order'. .*'orders'"):
        known.rename("order", "sales")
    with pytest.raises(InvariantViolationError, match="'revenue' was materialized itself"):
        known.rename("orders", "revenue")
    run = JobRun("x", asset_selection=frozenset([AssetKey("orders")]))
    log = known.instance.open_log(known.instance.create_run(run))
    log.events.append(RunStarted(1.0, "x"))
    log.commit()
    with pytest.raises(InvariantViolationError, match="materializes 'orders' now"):
        known.rename("orders", "sales")
    log.close()
    assert known.value("orders") == [1, 2]
    assert not known.stale("orders or revenue")


def test_two_assets_with_the_same_code_are_not_taken_for_each_other(tmp_path):
    home = str(tmp_path / "home")

    def twins(*names):
        def one():
            return 1

        return [asset(name=name)(one) for name in names]

    Session(home=home).add(*twins("a", "b")).materialize()
    assert Session(home=home).add(*twins("c", "d")).renames() == []
    (found,) = Session(home=home).add(*twins("a", "d")).renames()
    assert (found.old, found.new) == (AssetKey("b"), AssetKey("d"))


def limited(**fields):
    notes = dict.fromkeys(fields, int)
    Limits = type("Limits", (Config,), {"__annotations__": notes, "__module__": __name__, **fields})

    def top(config):
        return config.first

    top.__annotations__ = {"config": Limits}
    return asset(top)


def test_a_field_of_config_added_with_a_default_does_not_make_stale(tmp_path):
    known = Session(home=str(tmp_path / "home")).add(limited(first=3))
    given = RunConfig(ops={"top": {"config": {"first": 2}}})
    made = known.materialize(config=given)
    known.add(limited(first=3, last=0))
    assert not known.stale()
    again = known.materialize(config=given, stale_only=True)
    assert not again.get_step_success_events()
    assert known.diff(made).stale == ()
    known.add(limited(first=4, last=0))
    assert not known.stale()  # the run gave it
    known.materialize()
    known.add(limited(first=5, last=0))
    assert known.status("top").reasons == ("config changed: first 4 -> 5",)
    known.add(limited(first=4))
    assert known.status("top").reasons == ("config changed: last 0 -> not given",)


def test_checks_of_a_renamed_asset_go_on(tmp_path):
    @asset
    def apples():
        return 1

    @asset_check(asset=apples)
    def one(apples):
        return apples == 1

    known = Session(home=str(tmp_path / "home")).add(apples, one)
    known.materialize()
    known.rename("apples", "pears")
    records = known.instance.get_latest_asset_check_evaluations(["pears"])
    assert [key.name for key in records] == ["one"]


def test_an_ephemeral_history_is_renamed_too():
    @asset
    def apples():
        return 1

    instance, known = Instance.ephemeral(), Session()
    known.add(apples).materialize(instance=instance)
    assert known.rename("apples", "pears", instance=instance).values == 1
    assert instance.get_asset_keys() == [AssetKey("pears")]


# --- random refactorings ----------------------------------------------------------

NAMES = [f"n{number}" for number in range(8)]


@st.composite
def refactorings(draw):
    """Some assets by their upstream numbers, their names before and after, and both orders."""
    size = draw(st.integers(2, 4))
    upstream = [
        draw(st.lists(st.integers(0, i - 1), max_size=2, unique=True)) if i else []
        for i in range(size)
    ]
    several = st.permutations(NAMES)
    orders = [draw(st.permutations(range(size))) for _ in range(2)]
    kept = draw(st.sets(st.integers(0, size - 1)))
    before, after = draw(several)[:size], draw(several)[:size]
    taken = {before[i] for i in kept}
    spare = (name for name in (*after, *NAMES) if name not in taken and name not in before)
    after = [before[i] if i in kept else next(spare, before[i]) for i in range(size)]
    if len(set(after)) < size:
        after = before
    return upstream, before, after, orders, draw(st.booleans()), draw(st.integers(0, size - 1))


def program(upstream, names, order, *, fields="first: int = 1", changed=None):
    lines = [f"from jobnb import Config, asset\nclass Limits(Config):\n    {fields}\n"]
    for i in order:
        inputs = [names[each] for each in upstream[i]]
        arguments = ", ".join([*inputs, "config: Limits"])
        result = " + ".join([*inputs, f"config.first * {i + 2 + 100 * (i == changed)}"])
        lines.append(f"@asset\ndef {names[i]}({arguments}):\n    return {result}\n")
    return "\n".join(lines)


@settings(max_examples=8, deadline=None)
@given(refactorings())
def test_random_refactorings_keep_freshness_and_changes_do_not(refactoring):
    upstream, before, after, orders, more, changed = refactoring
    fields = "first: int = 1; more: int = 2" if more else "first: int = 1"
    with tempfile.TemporaryDirectory() as home:
        known = defined(program(upstream, before, orders[0]), home)
        known.materialize()
        values = {i: known.value(name) for i, name in enumerate(before)}
        now = defined(program(upstream, after, orders[1], fields=fields), home)
        for old, new in zip(before, after, strict=True):
            if old != new:
                now.rename(old, new)
        assert not now.stale()
        assert {i: now.value(name) for i, name in enumerate(after)} == values
        edited = defined(program(upstream, after, orders[1], fields=fields, changed=changed), home)
        below = {changed}
        for i, inputs in enumerate(upstream):
            if below.intersection(inputs):
                below.add(i)
        assert {key.path[-1] for key in edited.stale()} == {after[i] for i in below}
        edited.instance.dispose()


def test_a_new_name_that_nothing_defines_is_told_with_the_one_that_may_be_meant(tmp_path):
    session = Session(str(tmp_path / "home"))

    @asset
    def orders():
        return 1

    session.add(orders).materialize()
    session.remove("orders")

    @asset
    def sales():
        return 1

    session.add(sales)
    wrong = session.rename("orders", "saels")
    assert wrong.note == (
        "No asset is called 'saels' yet: rename it in its cell, too. If 'sales' is meant: "
        "session.rename('saels', 'sales')."
    )
    assert repr(wrong).endswith(wrong.note)
    assert session.rename("saels", "sales").note == ""
    assert session.value("sales") == 1
