"""What is recorded with each asset that is made."""

from __future__ import annotations

import json
from typing import Any

from pydantic import SecretStr

from jobnb import (
    AssetIn,
    AssetKey,
    Config,
    DataVersion,
    EnvVar,
    Instance,
    IOManager,
    Output,
    RunConfig,
    SourceAsset,
    asset,
    io_manager,
    materialize,
)
from jobnb.definitions.ops.output import provenance_of


def tags(instance: Instance, key: str) -> dict[str, str]:
    entry = instance.get_latest_materialization_event(AssetKey.from_user_string(key))
    assert entry is not None
    return dict(entry.dagster_event.tags)


@asset
def orders():
    return 3


@asset(key_prefix="shop", ins={"orders": AssetIn()})
def revenue(orders):
    return orders


def test_code_and_input_versions_are_recorded_under_dagsters_names() -> None:
    with Instance.ephemeral() as instance:
        materialize([orders, revenue], instance=instance)
        up, down = tags(instance, "orders"), tags(instance, "shop/revenue")
    assert up.keys() == {"dagster/code_version", "dagster/data_version"}
    assert down["dagster/input_data_version/orders"] == up["dagster/data_version"]
    assert down["dagster/code_version"] != up["dagster/code_version"]


def test_an_input_of_an_earlier_run_is_recorded_with_its_event() -> None:
    with Instance.ephemeral() as instance:
        materialize([orders], instance=instance)
        first = instance.last_made()[AssetKey("orders")]

        @asset(deps=["orders"])
        def count():
            return 1

        materialize([orders, count], selection="count", instance=instance)
        made = tags(instance, "count")
    assert made["dagster/input_data_version/orders"] == first.tags["dagster/data_version"]
    assert made["dagster/input_event_pointer/orders"] == str(first.storage_id)


def test_each_run_makes_another_value_unless_a_code_version_promises_the_same() -> None:
    def twice(definition: Any) -> list[str]:
        with Instance.ephemeral() as instance:
            found = []
            for _ in range(2):
                materialize([definition], instance=instance)
                found.append(tags(instance, "a")["dagster/data_version"])
            return found

    one, two = twice(asset(name="a")(lambda: 1))
    assert one != two
    one, two = twice(asset(name="a", code_version="1")(lambda: 1))
    assert one == two
    assert twice(asset(name="a", code_version="2")(lambda: 1))[0] != one


def test_a_version_of_the_users_own_is_kept_and_marked() -> None:
    @asset
    def a():
        return Output(1, data_version=DataVersion("v7"), tags={"mine": "yes"})

    with Instance.ephemeral() as instance:
        materialize([a], instance=instance)
        made = tags(instance, "a")
    assert made["dagster/data_version"] == "v7"
    assert made["dagster/data_version_is_user_provided"] == "true"
    assert made["mine"] == "yes"


def test_a_source_that_nobody_observed_is_at_its_first_version() -> None:
    class Constant(IOManager):
        def handle_output(self, context: Any, obj: Any) -> None: ...

        def load_input(self, context: Any) -> int:
            return 1

    source = SourceAsset("files", io_manager_key="constant")

    @asset
    def a(files):
        return files

    with Instance.ephemeral() as instance:
        constant = io_manager(lambda _context: Constant())
        materialize([source, a], instance=instance, resources={"constant": constant})
        made = tags(instance, "a")
    assert made["dagster/input_data_version/files"] == "INITIAL"
    assert made["dagster/input_event_pointer/files"] == "NULL"
    assert provenance_of(made).input_storage_ids == {AssetKey("files"): None}


class Login(Config):
    user: str = "ann"
    password: SecretStr
    host: str = EnvVar("HOST_OF_TEST")
    year: int = 2013


@asset
def secret(config: Login):
    return 1


def test_config_is_recorded_with_defaults_and_without_secrets(monkeypatch) -> None:
    monkeypatch.setenv("HOST_OF_TEST", "very.secret.host")
    recorded = []
    for password in ("hunter2", "hunter3"):
        configs = (
            {"ops": {"secret": {"config": {"password": password}}}},
            RunConfig(ops={"secret": Login(password=SecretStr(password))}),
        )
        for config in configs:
            with Instance.ephemeral() as instance:
                materialize([secret], instance=instance, run_config=config)
                made = tags(instance, "secret")
                assert "hunter" not in json.dumps(instance.get_runs()[0].run_config)
            assert "hunter" not in str(made)
            assert "very.secret.host" not in str(made)
            recorded.append(made["jobnb/config_version"])
            shown = json.loads(made["jobnb/config"])
            assert shown["year"] == 2013
            assert shown["host"] == {"env": "HOST_OF_TEST"}
    assert len(set(recorded)) == 1


def test_a_value_that_is_the_default_anyway_is_the_same_config() -> None:
    class Years(Config):
        year: int = 2013

    @asset
    def a(config: Years):
        return config.year

    versions = []
    for given in ({}, {"year": 2013}, {"year": 2014}):
        with Instance.ephemeral() as instance:
            config = {"ops": {"a": {"config": given}}} if given else None
            materialize([a], instance=instance, run_config=config)
            versions.append(tags(instance, "a")["jobnb/config_version"])
    assert versions[0] == versions[1] != versions[2]
