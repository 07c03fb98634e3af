"""What each condition looks at: checks, failures, backfills, versions, and what was before."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from jobnb import (
    AssetCheckResult,
    AssetDep,
    AssetSelection,
    AutomationCondition,
    DailyPartitionsDefinition,
    DataVersion,
    Definitions,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    MaterializeResult,
    Session,
    SpecificPartitionsPartitionMapping,
    StaticPartitionsDefinition,
    asset,
    asset_check,
    evaluate_automation_conditions,
    materialize,
)

on = AutomationCondition


class Asked:
    """Evaluations one after the other; whether each condition is true is read from its tree."""

    def __init__(self, definitions, instance=None):
        self.definitions = definitions
        self.instance = instance or Instance.ephemeral()
        self.cursor, self.last = None, None

    def __call__(self, at=None, definitions=None):
        self.last = evaluate_automation_conditions(
            definitions or self.definitions, self.instance, evaluation_time=at, cursor=self.cursor
        )
        self.cursor = self.last.cursor
        return {each.name for each in self.last.results if each.is_true}


def test_checks_that_passed_failed_and_never_ran():
    good = [True]

    def known(condition):
        @asset(automation_condition=condition)
        def orders():
            return 1

        @asset_check(asset=orders, blocking=True)
        def enough(orders):
            return AssetCheckResult(passed=good[0])

        @asset_check(asset=orders)
        def other(orders):
            return True

        return Definitions([orders], asset_checks=[enough, other])

    instance = Instance.ephemeral()
    failed = Asked(known(on.any_checks_match(on.check_failed())), instance)
    passed = Asked(known(on.all_checks_match(on.check_passed())), instance)
    blocking = Asked(known(on.all_checks_match(on.check_passed(), blocking_only=True)), instance)
    missing = Asked(known(on.any_checks_match(on.missing())), instance)
    assert [each() for each in (failed, passed, blocking)] == [set(), set(), set()]
    assert missing() == {"orders"}
    assert "orders:enough: it was never evaluated" in missing.last.results[0].reason
    whole = failed.definitions.get_implicit_global_asset_job_def()
    whole.execute_in_process(instance=instance)
    assert [each() for each in (failed, passed, blocking)] == [set(), {"orders"}, {"orders"}]
    assert missing() == set()
    good[0] = False
    whole.execute_in_process(instance=instance, raise_on_error=False)
    assert [each() for each in (failed, passed, blocking)] == [{"orders"}, set(), set()]
    assert "orders:enough: it failed at" in failed.last.results[0].reason
    # What the checks said of an earlier materialization counts no more.
    materialize([known(None).assets[0]], instance=instance)
    assert [each() for each in (failed, passed)] == [set(), set()]
    assert "not evaluated since the asset was materialized" in passed.last.explain("orders")
    with pytest.raises(InvalidInvocationError, match="any_checks_match"):
        Asked(known(on.check_failed()), instance)()
    no_checks = asset(name="bare", automation_condition=on.all_checks_match(on.missing()))
    assert Asked(Definitions([no_checks(lambda: 1)]))() == {"bare"}


def test_an_execution_that_failed_of_assets_and_of_partitions():
    wrong = [True]

    @asset(automation_condition=on.execution_failed())
    def upstream():
        return 1

    @asset(automation_condition=on.execution_failed())
    def orders(upstream):
        if wrong[0]:
            raise ValueError("no")

    letters = StaticPartitionsDefinition(["a", "b"])

    @asset(partitions_def=letters, automation_condition=on.execution_failed())
    def by_letter(context):
        if wrong[0] and context.partition_key == "b":
            raise ValueError("no")

    asked = Asked(Definitions([upstream, orders, by_letter]))
    assert asked() == set()
    parts = {"instance": asked.instance, "raise_on_error": False}
    materialize([upstream, orders], **parts)
    for letter in "ab":
        materialize([by_letter], partition_key=letter, **parts)
    assert asked() == {"orders", "by_letter [b]"}
    assert "its last run failed" in asked.last.explain("orders")
    wrong[0] = False
    materialize([upstream, orders], **parts)
    materialize([by_letter], partition_key="b", **parts)
    assert asked() == set()


def test_runs_and_backfills_in_progress(tmp_path):
    begun, free = threading.Event(), threading.Event()
    either = (on.backfill_in_progress() | on.run_in_progress()).with_label("either")

    def known(condition):
        @asset(
            partitions_def=StaticPartitionsDefinition(list("abc")), automation_condition=condition
        )
        def letters():
            begun.set()
            free.wait(60)

        return Definitions([letters])

    session = Session(home=str(tmp_path / "home")).add(*known(None).assets)
    asked = {
        name: Asked(known(condition), session.instance)
        for name, condition in {
            "run": on.run_in_progress(), "backfill": on.backfill_in_progress(),
            "in_progress": on.in_progress(), "either": either,
        }.items()
    }  # fmt: skip
    assert not any(each() for each in asked.values())
    backfill = session.backfill("letters", ["a", "b"])
    assert begun.wait(60)
    try:
        assert asked["run"]() == {"letters [a]"}
        both = {"letters [a]", "letters [b]"}
        assert asked["backfill"]() == asked["in_progress"]() == asked["either"]() == both
        assert "a backfill in progress" in asked["in_progress"].last.explain("letters", "b")
    finally:
        free.set()
        backfill.wait(60)
    assert not any(each() for each in asked.values())


def test_code_and_data_versions_that_changed():
    def known(code, data):
        @asset(code_version=code, automation_condition=on.code_version_changed())
        def by_code():
            return 1

        @asset(automation_condition=on.data_version_changed())
        def by_data():
            return MaterializeResult(data_version=DataVersion(data))

        return Definitions([by_code, by_data])

    asked = Asked(known("1", "x"))
    assert asked() == set()
    materialize(known("1", "x").assets, instance=asked.instance)
    assert asked() == set()  # there was no version before
    materialize(known("1", "x").assets, instance=asked.instance)
    assert asked(definitions=known("2", "x")) == {"by_code"}
    assert "its code has changed" in asked.last.explain("by_code")
    materialize(known("1", "y").assets, instance=asked.instance)
    assert asked(definitions=known("2", "x")) == {"by_data"}
    assert asked(definitions=known("2", "x")) == set()


def test_newly_true_and_since_remember_what_was_before():
    cases = {
        "newly": on.missing().newly_true(),
        "since": on.newly_updated().since(on.newly_requested()),
        "handled": on.initial_evaluation().newly_true() | on.missing().since_last_handled(),
    }
    asked = {}
    for name, condition in cases.items():
        made = asset(name="orders", automation_condition=condition)(lambda: 1)
        asked[name] = Asked(Definitions([made]))

    def made(name):
        materialize(asked[name].definitions.assets, instance=asked[name].instance)

    assert asked["newly"]() == {"orders"}
    assert asked["newly"]() == set()
    assert "as at the last evaluation" in asked["newly"].last.results[0].reason
    made("newly")
    assert asked["newly"]() == set()
    asked["newly"].instance.wipe_assets(["orders"])
    assert asked["newly"]() == {"orders"}

    assert asked["since"]() == set()
    made("since")
    assert asked["since"]() == {"orders"}
    assert asked["since"]() == set()  # it was requested at the evaluation before
    made("since")
    assert asked["since"]() == {"orders"}
    tree = asked["since"].last.explain("orders")
    assert tree.startswith("yes: since(newly_updated, newly_requested)")

    assert asked["handled"]() == {"orders"}
    assert asked["handled"]() == set()


def test_a_condition_that_has_changed_begins_anew():
    def known(condition):
        return Definitions([asset(name="orders", automation_condition=condition)(lambda: 1)])

    asked = Asked(known(on.missing().newly_true()))
    assert asked() == {"orders"}
    assert asked() == set()
    other = known((on.missing() & ~on.in_progress()).newly_true())
    assert asked(definitions=other) == {"orders"}
    assert asked(definitions=other) == set()


def test_only_some_of_what_an_asset_depends_on_is_looked_at():
    @asset(group_name="raw")
    def orders():
        return 1

    @asset(group_name="shop")
    def prices():
        return 1

    def depends(name, condition):
        return asset(name=name, deps=[orders, prices], automation_condition=condition)(lambda: 1)

    missing = on.any_deps_match(on.missing())
    raw = AssetSelection.groups("raw")
    asked = Asked(
        Definitions(
            [
                orders,
                prices,
                depends("any", missing),
                depends("allowed", missing.allow(raw)),
                depends("ignored", missing.ignore(raw)),
                depends("nothing", missing.allow(raw).ignore("orders")),
                depends("leaf", on.any_deps_missing().ignore("prices")),
                depends("whole", on.eager().ignore("prices").replace("eager", on.missing())),
                depends("every", on.all_deps_match(on.missing()).allow("prices")),
            ]
        )
    )
    everything = {"any", "allowed", "ignored", "leaf", "whole", "every"}
    assert asked() == everything
    materialize([orders], instance=asked.instance)
    assert asked() == everything - {"allowed", "leaf"}
    assert "it depends on nothing here" in asked.last.explain("nothing")
    materialize([prices], instance=asked.instance)
    assert asked() == {"whole"}
    words = str(on.eager().ignore(raw).replace("eager", on.any_deps_missing().ignore(raw)))
    assert words == "any_deps_missing(but group:raw)"


def test_another_asset_of_the_same_partitions_is_asked_of_the_same_one():
    days = DailyPartitionsDefinition("2024-01-01", end_date="2024-01-04")
    other = on.asset_matches("visits", ~on.missing())

    @asset(partitions_def=days)
    def visits():
        return 1

    @asset(partitions_def=days, automation_condition=other)
    def report():
        return 1

    asked = Asked(Definitions([visits, report]))
    assert asked(datetime(2024, 2, 1, tzinfo=UTC)) == set()
    materialize([visits], partition_key="2024-01-02", instance=asked.instance)
    assert asked(datetime(2024, 2, 1, tzinfo=UTC)) == {"report [2024-01-02]"}


def test_parts_are_left_out_by_label_and_wrong_ones_are_told():
    eager = on.missing() & ~on.in_progress().with_label("busy") & on.newly_updated()
    assert str(eager.without(on.newly_updated())) == "(missing and not busy)"
    assert str((on.missing() | on.newly_updated().with_label("new")).without("new")) == "missing"
    with pytest.raises(InvalidDefinitionError, match="'gone'.*missing, not busy, newly_updated"):
        eager.without("gone")
    with pytest.raises(InvalidDefinitionError, match="no operand"):
        on.missing().without("missing")
    for wrong in (on.missing().since, on.any_checks_match, on.all_checks_match):
        with pytest.raises(InvalidDefinitionError, match="not with 'x'"):
            wrong("x")


def test_on_cron_looks_at_what_is_allowed_only():
    @asset
    def orders():
        return 1

    @asset
    def prices():
        return 1

    condition = on.on_cron("0 9 * * *").ignore("prices")
    report = asset(name="report", deps=[orders, prices], automation_condition=condition)
    asked = Asked(Definitions([orders, prices, report(lambda: 1)]))
    now = datetime.now(UTC)
    assert asked(now - timedelta(days=2)) == set()
    materialize([orders], instance=asked.instance)
    tomorrow = now + timedelta(days=1)
    assert asked(tomorrow) == set()
    assert "orders was not materialized since" in asked.last.explain("report")
    assert "prices was" not in asked.last.explain("report")


def test_an_asset_without_partitions_depends_on_all_of_them_or_those_of_its_mapping():
    letters = StaticPartitionsDefinition(["a", "b"])

    @asset(partitions_def=letters)
    def by_letter():
        return 1

    missing = on.any_deps_missing() | on.any_deps_in_progress()
    whole = asset(name="whole", deps=[by_letter], automation_condition=missing)(lambda: 1)
    one = AssetDep(by_letter, partition_mapping=SpecificPartitionsPartitionMapping(["a"]))
    of_one = asset(name="of_one", deps=[one], automation_condition=missing)(lambda: 1)
    updated = asset(name="updated", deps=[by_letter], automation_condition=on.any_deps_updated())
    asked = Asked(Definitions([by_letter, whole, of_one, updated(lambda: 1)]))
    assert asked() == {"whole", "of_one"}
    materialize([by_letter], partition_key="a", instance=asked.instance)
    assert asked() == {"whole", "updated"}
    assert "by_letter [b] is missing" in asked.last.explain("whole")
    materialize([by_letter], partition_key="b", instance=asked.instance)
    assert asked() == {"updated"}
    assert "by_letter [b] was materialized" in asked.last.explain("updated")
    assert asked() == set()
