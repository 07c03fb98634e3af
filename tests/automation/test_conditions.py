"""Conditions of assets: which are requested, once each, and why."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from jobnb import (
    AssetKey,
    AssetOut,
    AssetSpec,
    AutoMaterializePolicy,
    AutomationCondition,
    AutomationConditionSensorDefinition,
    DailyPartitionsDefinition,
    Definitions,
    FreshnessPolicy,
    Instance,
    InvalidDefinitionError,
    InvalidInvocationError,
    SourceAsset,
    StaticPartitionsDefinition,
    asset,
    build_sensor_context,
    evaluate_automation_conditions,
    graph_asset,
    materialize,
    multi_asset,
    observable_source_asset,
    op,
)
from tests.automation.place import LOOKING, Clock, loop_on

on = AutomationCondition


def chain(orders_when, revenue_when):
    @asset(automation_condition=orders_when)
    def orders(): ...

    @asset(automation_condition=revenue_when)
    def revenue(orders): ...

    return orders, revenue


class Asked:
    """Evaluations one after the other."""

    def __init__(self, *assets):
        self.definitions, self.instance = Definitions(list(assets)), Instance.ephemeral()
        self.cursor, self.last = None, None

    def __call__(self, at=None):
        self.last = evaluate_automation_conditions(
            self.definitions, self.instance, evaluation_time=at, cursor=self.cursor
        )
        self.cursor = self.last.cursor
        return {key.to_user_string(): list(found) for key, found in self.last.requested.items()}


def test_eager_makes_what_is_missing_at_once_and_what_follows_with_it():
    orders, revenue = chain(on.eager(), on.eager())
    asked = Asked(orders, revenue)
    assert asked() == {"orders": [None], "revenue": [None]}
    assert asked() == {}  # they were requested, whatever became of it
    assert "it is missing, and was requested" in asked.last.explain("orders")
    materialize([orders, revenue], instance=asked.instance)
    assert asked() == {}
    materialize([orders], instance=asked.instance)
    assert asked() == {"revenue": [None]}
    assert "orders was materialized at" in asked.last.explain("revenue")
    assert asked() == {}
    materialize([orders, revenue], instance=asked.instance)
    asked.instance.wipe_assets([orders.key])
    asked.instance.wipe_assets([revenue.key])
    assert asked() == {"orders": [None], "revenue": [None]}


def test_on_missing_waits_for_what_it_is_made_from():
    orders, revenue = chain(None, on.on_missing())
    asked = Asked(orders, revenue)
    assert asked() == {}
    assert "orders is missing" in asked.last.explain("revenue")
    materialize([orders], instance=asked.instance)
    assert asked() == {"revenue": [None]}
    assert asked() == {}


def test_on_cron_comes_once_for_each_moment_when_all_was_made_since():
    orders, revenue = chain(None, on.on_cron("0 9 * * *", "Europe/Berlin"))
    asked = Asked(orders, revenue)
    now = datetime.now(UTC)
    materialize([orders, revenue], instance=asked.instance)
    assert asked(now) == {}
    next_day = now + timedelta(days=1)
    assert asked(next_day) == {}
    assert "orders was not materialized since 0 9 * * *" in asked.last.explain("revenue")
    ahead = AutomationCondition.on_cron("0 9 * * *")
    alone = Asked(*chain(ahead, ahead))
    assert alone(now) == {}  # no moment has passed since it is looked at
    assert alone(next_day) == {"orders": [None], "revenue": [None]}
    assert alone(next_day + timedelta(minutes=1)) == {}
    assert alone(next_day + timedelta(days=1)) == {"orders": [None], "revenue": [None]}


def test_conditions_of_ones_own():
    other = on.asset_matches("orders", ~on.missing())
    condition = (other & on.missing()).with_label("after orders") | on.newly_requested()
    orders, revenue = chain(None, condition)
    asked = Asked(orders, revenue)
    assert asked() == {}
    assert asked.last.explain("revenue").startswith("no: (after orders or newly_requested)")
    materialize([orders], instance=asked.instance)
    assert asked() == {"revenue": [None]}
    tree = asked.last.explain("revenue").splitlines()
    assert tree[1].strip() == "yes: after orders"
    replaced = condition.replace("after orders", on.in_progress())
    assert str(replaced) == "(in_progress or newly_requested)"
    deps = Asked(
        *chain(None, on.all_deps_match(~on.missing()) & ~on.any_deps_match(on.in_progress()))
    )
    assert deps() == {}
    assert "orders: it was never materialized" in deps.last.explain("revenue") or deps.last.results
    materialize([deps.definitions.assets[0]], instance=deps.instance)
    assert deps() == {"revenue": [None]}
    with pytest.raises(InvalidDefinitionError, match="not with 3"):
        on.missing() & 3
    with pytest.raises(InvalidDefinitionError, match="cron"):
        on.on_cron("often")
    with pytest.raises(InvalidInvocationError, match="no cursor of conditions"):
        evaluate_automation_conditions(deps.definitions, deps.instance, cursor="7")
    with pytest.raises(InvalidInvocationError, match="was not looked at"):
        deps.last.explain("orders")


def test_partitions_the_latest_in_time_and_each_of_others():
    days = DailyPartitionsDefinition("2020-01-01")

    @asset(partitions_def=days, automation_condition=on.eager())
    def visits(): ...

    @asset(partitions_def=days, automation_condition=on.eager())
    def by_day(visits): ...

    @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]), automation_condition=on.eager())
    def letters(): ...

    asked = Asked(visits, by_day, letters)
    at = datetime(2020, 1, 5, 3, tzinfo=UTC)
    assert asked(at) == {"by_day": ["2020-01-04"], "letters": ["b", "a"], "visits": ["2020-01-04"]}
    assert asked(at) == {}
    assert asked(at + timedelta(days=1)) == {"visits": ["2020-01-05"], "by_day": ["2020-01-05"]}
    assert asked.last.get_requested_partitions(visits.key) == {"2020-01-05"}
    assert (asked.last.total_requested, asked.last.get_num_requested(AssetKey("no"))) == (2, 0)
    materialize([letters], instance=asked.instance, partition_key="a")
    assert asked(at) == {}
    back = on.in_latest_time_window(timedelta(days=2)) & on.newly_missing()
    wide = Asked(asset(name="visits", partitions_def=days, automation_condition=back)(lambda: None))
    assert wide(at) == {"visits": ["2020-01-04", "2020-01-03", "2020-01-02"]}


def test_policies_say_the_same_in_dagsters_older_words():
    @asset(auto_materialize_policy=AutoMaterializePolicy.eager())
    def orders(): ...

    @asset(
        auto_materialize_policy=AutoMaterializePolicy.lazy(),
        freshness_policy=FreshnessPolicy(maximum_lag_minutes=60),
    )
    def report(orders): ...

    asked = Asked(orders, report)
    assert asked() == {"orders": [None]}
    materialize([orders, report], instance=asked.instance)
    assert asked() == {}
    later = datetime.now(UTC) + timedelta(minutes=90)
    assert asked(later) == {"orders": [None], "report": [None]}
    assert "report is" in asked.last.explain("report")
    lazy = AutoMaterializePolicy.lazy()
    assert (lazy.on_missing, lazy.on_new_parent_data, lazy.for_freshness) == (False, False, True)
    assert lazy.max_materializations_per_minute == 1
    for given in ((False, False, False), (True, True, True, 0)):
        with pytest.raises(InvalidDefinitionError):
            AutoMaterializePolicy(*given)


def test_a_policy_requests_so_many_partitions_in_a_minute():
    @asset(
        partitions_def=StaticPartitionsDefinition(list("abcde")),
        auto_materialize_policy=AutoMaterializePolicy.eager(max_materializations_per_minute=2),
    )
    def letters(): ...

    asked, now = Asked(letters), datetime.now(UTC)
    assert asked(now) == {"letters": ["e", "d"]}
    assert asked(now + timedelta(seconds=30)) == {}
    assert asked(now + timedelta(seconds=61)) == {"letters": ["c", "b"]}


def test_the_loop_makes_what_the_conditions_ask_for_in_one_run(tmp_path):
    orders, revenue = chain(on.eager(), on.eager())
    itself = AutomationConditionSensorDefinition("by_itself", target="*", **LOOKING)
    known = Definitions([orders, revenue], sensors=[itself])
    with Instance(home=tmp_path / "home") as instance:
        from jobnb.automation.launching import launch_run

        launched = []
        clock = Clock(time.time())
        loop = loop_on(instance, clock, known, start=lambda spec: launched.append(launch_run(spec)))
        loop.round()
        for run in launched:
            run.wait(30)
        clock.now += 60
        loop.round()
        [run] = instance.get_runs()
        assert run.is_success
        assert run.asset_selection == {orders.key, revenue.key}
        skipped, first = instance.get_ticks(None)
        assert skipped.skip_reason == "No condition is true."
        assert first.lines[0][2].startswith("orders is requested: ")
        kept = first.decisions.kept
        assert [(each.name, each.is_true) for each in kept] == [("orders", True), ("revenue", True)]
        assert "yes: newly_missing (it was never materialized)" in kept[0].tree()
        assert [each.is_true for each in skipped.decisions.kept] == [False, False]
        assert "it was materialized at" in skipped.decisions.kept[0].tree()
    with pytest.raises(InvalidInvocationError, match="definitions="):
        itself.evaluate_tick(build_sensor_context(instance=Instance.ephemeral()))
    with pytest.raises(InvalidInvocationError, match="no function"):
        itself()


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("eager", "Give AutomationCondition.eager(), say"),
        (on.eager, "Call it: AutomationCondition.eager()"),
    ],
)
def test_what_is_no_condition_is_refused_where_it_is_given(given, hint):
    def orders(): ...

    both = {"a": AssetOut(automation_condition=given), "b": AssetOut()}
    makers = [
        lambda: asset(automation_condition=given)(orders),
        lambda: AssetSpec("orders", automation_condition=given),
        lambda: SourceAsset("orders", automation_condition=given),
        lambda: observable_source_asset(automation_condition=given)(orders),
        lambda: asset(orders).with_attributes(automation_condition=given),
        lambda: multi_asset(outs=both)(orders),
    ]
    for make in makers:
        with pytest.raises(InvalidDefinitionError, match=re.escape(hint)):
            make()


def test_conditions_are_not_joined_by_words():
    with pytest.raises(InvalidDefinitionError, match="Join conditions with & "):
        _ = on.eager() and on.on_missing()
    with pytest.raises(InvalidDefinitionError, match="Join conditions with & "):
        _ = not on.eager()

    @multi_asset(outs={"a": AssetOut(automation_condition=on.eager()), "b": AssetOut()})
    def several():
        return 1, 2

    one = op(name="one")(lambda: 1)

    @graph_asset(automation_condition=on.on_missing())
    def whole():
        return one()

    defs = Definitions([several, AssetSpec("c", automation_condition=on.eager())])
    owned = defs.map_asset_specs(func=lambda spec: spec.merge_attributes(owners=["team:shop"]))
    [made] = owned.assets
    assert made.automation_conditions_by_key == {AssetKey("a"): on.eager()}
    assert owned.get_assets_def("c").automation_condition == on.eager()
    assert several.automation_conditions_by_key == {AssetKey("a"): on.eager()}
    assert whole.automation_conditions_by_key == {AssetKey("whole"): on.on_missing()}
