"""A job that is run again is not planned again, as long as nothing that counts has changed."""

from __future__ import annotations

import gc
import pickle
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cloudpickle
import pytest

from jobnb import (
    Config,
    Definitions,
    EnvVar,
    Instance,
    Session,
    StaticPartitionsDefinition,
    asset,
    job,
    materialize,
    op,
    resource,
)
from jobnb.plan import build


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The jobs for which a plan is put together."""
    jobs: list[Any] = []
    real = build._Builder.build

    def noted(self: Any, *args: Any) -> Any:
        jobs.append(self.job)
        return real(self, *args)

    monkeypatch.setattr(build._Builder, "build", noted)
    return jobs


@contextmanager
def planned(built: list[Any], times: int) -> Iterator[None]:
    del built[:]
    yield
    assert len(built) == times


def two_assets() -> list[Any]:
    @asset
    def orders():
        return 1

    @asset
    def revenue(orders):
        return orders + 1

    return [orders, revenue]


def test_the_same_assets_are_planned_once(built):
    assets = two_assets()
    with planned(built, 1):
        results = [materialize(assets) for _ in range(3)]
    assert [each.asset_value("revenue") for each in results] == [2, 2, 2]
    assert len({each.run_id for each in results}) == 3


def test_another_asset_of_the_same_key_is_planned_anew(built):
    first = two_assets()
    materialize(first)

    @asset
    def orders():
        return 10

    with planned(built, 1):
        assert materialize([orders, first[1]]).asset_value("revenue") == 11


def test_another_selection_has_a_plan_of_its_own(built):
    assets = two_assets()
    with planned(built, 2):
        for _ in range(2):
            assert materialize(assets, selection="orders").asset_value("orders") == 1
            assert materialize(assets).asset_value("revenue") == 2


def test_a_cell_that_is_run_again_changes_the_plan_of_a_session(built):
    session, instance = Session().add(*two_assets()), Instance.ephemeral()
    with planned(built, 1):
        session.materialize(instance=instance)
        session.materialize(instance=instance)

    @asset
    def orders():
        return 20

    session.add(orders)
    with planned(built, 1):
        assert session.materialize(instance=instance).asset_value("revenue") == 21


def test_a_resource_that_is_set_in_place_changes_the_plan(built):
    @asset(required_resource_keys={"rate"})
    def doubled(context):
        return 2 * context.resources.rate

    session, instance = Session().add(doubled, resources={"rate": 1}), Instance.ephemeral()
    assert session.materialize(instance=instance).asset_value("doubled") == 2
    session.resources["rate"] = 5
    assert session.materialize(instance=instance).asset_value("doubled") == 10


def test_resources_given_to_a_run_are_those_of_that_run():
    @asset(required_resource_keys={"rate"})
    def doubled(context):
        return 2 * context.resources.rate

    for rate in (1, 5, 1):
        assert materialize([doubled], resources={"rate": rate}).asset_value("doubled") == 2 * rate


class Connection:
    """Something that is to be let go of after a run."""


def test_a_resource_given_to_a_run_is_not_held_after_it():
    @asset(required_resource_keys={"db"})
    def rows(context):
        return type(context.resources.db).__name__

    connection = Connection()
    gone = weakref.ref(connection)
    assert materialize([rows], resources={"db": connection}).success
    del connection
    gc.collect()
    assert gone() is None


def test_a_job_and_its_plan_are_let_go_of_together():
    @op
    def one():
        return 1

    @job
    def daily():
        one()

    gone = weakref.ref(daily)
    assert daily.execute_in_process().success
    del daily
    gc.collect()
    assert gone() is None


def test_config_is_bound_for_each_run(monkeypatch):
    class Year(Config):
        year: int = 2013

    @op
    def one(config: Year):
        return config.year

    @job
    def daily():
        one()

    def ran(year: int | None) -> Any:
        ops = {"one": {"config": {"year": year}}}
        config = {"ops": ops} if year is not None else None
        return daily.execute_in_process(run_config=config).output_for_node("one")

    assert [ran(2014), ran(None), ran(2015), ran(None)] == [2014, 2013, 2015, 2013]


def test_a_default_that_names_a_variable_is_looked_up_for_each_run(monkeypatch):
    class Where(Config):
        host: str = EnvVar("TEST_HOST_OF_AGAIN")

    @op
    def one(config: Where):
        return config.host

    @job
    def daily():
        one()

    for host in ("first", "second"):
        monkeypatch.setenv("TEST_HOST_OF_AGAIN", host)
        assert daily.execute_in_process().output_for_node("one") == host


def test_what_a_run_does_to_its_config_stays_in_that_run():
    seen = []

    @resource
    def notes(context):
        seen.append(dict(context.resource_config or {}))
        if isinstance(context.resource_config, dict):
            context.resource_config["mark"] = len(seen)
        return seen

    @op(required_resource_keys={"notes"})
    def one():
        return 1

    @job(resource_defs={"notes": notes})
    def daily():
        one()

    for _ in range(3):
        assert daily.execute_in_process().success
    assert seen == [{}, {}, {}]


def test_each_partition_is_that_of_its_run(built):
    @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
    def letters(context):
        return context.partition_key

    with planned(built, 1):
        for key in ("a", "b", "a"):
            assert materialize([letters], partition_key=key).asset_value("letters") == key


def test_what_was_planned_does_not_travel_with_a_job():
    definitions = Definitions(assets=two_assets())
    everything = definitions.get_implicit_global_asset_job_def()
    assert everything.execute_in_process().success
    assert "outline" in everything.kept
    assert pickle.loads(cloudpickle.dumps(everything)).kept == {}
