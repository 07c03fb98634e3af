"""Jobs whose selection asks how assets stand: looked up when they are run."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetOut,
    Config,
    Instance,
    InvalidConfigError,
    InvalidSubsetError,
    Session,
    StaticPartitionsDefinition,
    asset,
    define_asset_job,
    execute_job,
    multi_asset,
)
from jobnb.errors import PartitionNeededError
from jobnb.events import EngineNote

LETTERS = StaticPartitionsDefinition(["a", "b"])


class Rate(Config):
    rate: int = 1


def orders_of(version):
    @asset(code_version=version)
    def orders():
        return [1, 2]

    return orders


@asset
def revenue(orders, config: Rate):
    return sum(orders) * config.rate


@asset(group_name="other")
def alone(config: Rate):
    return config.rate


stale_job = define_asset_job("everything_stale", selection="status:stale")
missing_job = define_asset_job("missing", selection="status:missing and not group:other")
around_job = define_asset_job("around", selection="status:missing+ or (status:failed and *)")


@pytest.fixture
def session(tmp_path):
    made = Session(home=str(tmp_path / "home"))
    made.add(orders_of("1"), revenue, alone, stale_job, missing_job, around_job)
    yield made
    made.instance.dispose()


def made(run):
    return {e.asset_key.to_user_string() for e in run.get_asset_materialization_events()}


def notes(session, run_id):
    return [e.message for e in session.instance.events(run_id) if type(e) is EngineNote]


def test_what_stands_so_when_it_is_run_is_made(session):
    assert made(session.execute_job("missing")) == {"orders", "revenue"}
    session.materialize("alone")
    session.add(orders_of("2"))
    run = session.launch("everything_stale").wait(30)
    assert run.status == "SUCCESS"
    assert {key.to_user_string() for key in run.plan.asset_keys} == {"orders", "revenue"}
    assert session.status("revenue").status.value == "fresh"
    session.add(orders_of("3"))
    again = execute_job(session.job("everything_stale"), session.instance)
    assert made(again) == {"orders", "revenue"}


def test_a_traversal_goes_on_from_what_stands_so(session):
    session.materialize(["revenue", "orders"])
    session.instance.wipe_assets([next(iter(orders_of("1").keys))])
    assert made(session.execute_job("around")) == {"orders", "revenue", "alone"}


def test_a_job_for_which_nothing_stands_so_runs_and_says_it(session):
    for result in (
        session.execute_job("everything_stale"),
        session.launch("everything_stale").wait(30),
    ):
        run = session.instance.get_run_by_id(result.run_id)
        assert run.is_success
        assert notes(session, run.run_id)[0] == (
            "No asset stands as 'status:stale' asks: there is nothing to make."
        )


def test_config_of_what_is_left_out_is_not_looked_at(session):
    config = {name: {"config": {"rate": 5}} for name in ("revenue", "alone")}
    session.materialize(["orders", "revenue"])
    job = define_asset_job("missing_now", "status:missing", config={"ops": config})
    session.add(job)
    assert made(session.execute_job("missing_now")) == {"alone"}
    assert session.value("alone") == 5
    with pytest.raises(InvalidConfigError, match="nowhere"):
        session.execute_job("missing_now", config={"ops": {"nowhere": {"config": {}}}})


def test_a_run_is_repeated_with_what_it_made_not_with_what_stands_so_by_then(session):
    run = session.launch("missing").wait(30)
    again = run.rerun().wait(30)
    assert set(again.plan.asset_keys) == set(run.plan.asset_keys)
    assert len(again.plan.asset_keys) == 2


def test_what_nobody_was_asked_about_is_all_that_could_be_selected(session):
    job = session.job("missing")
    assert {node.name for node in job.nodes} == {"orders", "revenue"}
    assert {node.name for node in session.job("everything_stale").nodes} == {
        "orders",
        "revenue",
        "alone",
    }
    # Where a selection stands alone, it is an error as before: nobody can tell.
    with pytest.raises(InvalidSubsetError, match="known to a session only"):
        session.snapshot().select_assets("status:stale")


def test_of_what_is_named_only_what_stands_so_is_made(session):
    session.materialize(["orders", "revenue"])
    session.add(orders_of("2"))
    run = session.launch("everything_stale", asset_selection=["orders", "alone"]).wait(30)
    assert [key.to_user_string() for key in run.plan.asset_keys] == ["orders"]
    with pytest.raises(InvalidSubsetError, match="does not make 'order'"):
        session.launch("everything_stale", asset_selection=["order"])


def test_the_launchpad_shows_what_could_be_made_and_launches_what_stands_so(session):
    session.materialize(["orders", "revenue"])
    pad = session.launchpad("missing")
    pad.config = {"ops": {"revenue": {"config": {"rate": 3}}}}
    assert pad.problems == []
    session.instance.wipe_assets([next(iter(orders_of("1").keys))])
    run = pad.launch().wait(30)
    assert run.status == "SUCCESS"
    assert [key.to_user_string() for key in run.plan.asset_keys] == ["orders"]


def test_a_job_over_assets_of_several_partitions_can_be_looked_at_and_run(session):
    @asset(partitions_def=LETTERS)
    def lettered(): ...

    @asset(partitions_def=StaticPartitionsDefinition(["x"]))
    def other(): ...

    session.add(lettered, other)
    pad = session.launchpad("everything_stale")
    assert pad.form.around["up_to"]
    assert pad.form.around["steps"] == 5
    assert pad.form.head["noun"] == "asset job"
    assert pad.launch().wait(30).status == "SUCCESS"
    missing = session.launchpad("missing")
    with pytest.raises(PartitionNeededError, match="'lettered' has 2 partitions"):
        missing.launch()


def test_a_run_in_memory_asks_its_own_history(session):
    with Instance.ephemeral() as instance:
        result = session.job("missing").execute_in_process(instance=instance)
        assert made(result) == {"orders", "revenue"}
        again = session.job("missing").execute_in_process(instance=instance)
        assert made(again) == set()


def test_what_is_made_together_is_made_though_only_a_part_stands_so(tmp_path):
    @multi_asset(outs={"left": AssetOut(), "right": AssetOut()})
    def both():
        return 1, 2

    session = Session(home=str(tmp_path / "home")).add(
        both, define_asset_job("missing", "status:missing")
    )
    session.execute_job("missing")
    session.instance.wipe_assets([key for key in both.keys if key.to_user_string() == "left"])
    assert made(session.execute_job("missing")) == {"left", "right"}
    session.instance.dispose()


def test_a_backfill_keeps_what_stood_so_when_it_began(tmp_path):
    bad = {"b"}

    @asset(partitions_def=LETTERS)
    def first(context):
        if context.partition_key in bad:
            raise ValueError("bad")

    @asset(partitions_def=LETTERS)
    def second(context): ...

    session = Session(home=str(tmp_path / "home"))
    session.add(first, second, define_asset_job("missing", "status:missing"))
    session.backfill("second").result()
    backfill = session.backfill("missing").wait(30)
    assert (backfill.counts.made, backfill.counts.failed) == (1, 1)
    assert [key.to_user_string() for key in backfill.record.asset_selection] == ["first"]
    bad.clear()
    again = session.resume_backfill(backfill.backfill_id)
    assert again.result().made == 1
    assert [key.to_user_string() for key in again.runs[0].asset_selection] == ["first"]
    assert session.backfill("missing").result().total == 0
    assert session.launch("missing", partition="a").wait(30).status == "SUCCESS"
    session.instance.dispose()
