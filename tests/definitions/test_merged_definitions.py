"""`Definitions` made of others, and of all that modules hold."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest

from jobnb import (
    AssetCheckResult,
    AssetSpec,
    Definitions,
    InvalidDefinitionError,
    InvalidSubsetError,
    asset,
    asset_check,
    define_asset_job,
    in_process_executor,
    job,
    load_definitions_from_current_module,
    load_definitions_from_module,
    load_definitions_from_modules,
    load_definitions_from_package_module,
    load_definitions_from_package_name,
    multiprocess_executor,
    op,
)


@asset
def orders():
    return [3, 4]


@asset(required_resource_keys={"rate"})
def revenue(context, orders):
    return sum(orders) * context.resources.rate


@asset_check(asset=orders)
def not_empty(orders):
    return AssetCheckResult(passed=bool(orders))


@op
def five():
    return 5


@job
def daily():
    five()


everything = define_asset_job("everything", "*")
outside = AssetSpec("outside")


def test_all_parts_are_put_together_and_each_is_there_once():
    first = Definitions([orders], jobs=[daily], resources={"rate": 2}, metadata={"team": "a"})
    second = Definitions([revenue, orders], asset_checks=[not_empty], executor=in_process_executor)
    both = Definitions.merge(first, second, first)
    assert repr(both) == "Definitions(2 assets, 1 checks, 1 jobs, 1 resources)"
    assert both.executor is in_process_executor
    assert both.metadata["team"].value == "a"
    result = both.get_implicit_global_asset_job_def().execute_in_process()
    assert result.asset_value("revenue") == 14


def test_merging_nothing_gives_nothing():
    assert repr(Definitions.merge()) == "Definitions(nothing)"


def test_all_that_does_not_go_together_is_told_at_once():
    first = Definitions(resources={"rate": 2, "same": 1}, executor=in_process_executor)
    second = Definitions(resources={"rate": 3, "same": 1}, executor=multiprocess_executor)
    with pytest.raises(InvalidDefinitionError) as caught:
        Definitions.merge(first, second)
    said = str(caught.value)
    assert "the resource 'rate' is 2 in one of them and 3 in another" in said
    assert "the executor is " in said
    assert "same" not in said


def test_different_things_of_one_name_are_refused():
    other = asset(name="orders")(lambda: 3)
    with pytest.raises(InvalidDefinitionError, match="Two assets have the key 'orders'"):
        Definitions.merge(Definitions([orders]), Definitions([other]))


def test_resources_take_the_place_of_others():
    defs = Definitions([orders, revenue], resources={"rate": 2}).with_resources({"rate": 3})
    result = defs.get_implicit_global_asset_job_def().execute_in_process()
    assert result.asset_value("revenue") == 21
    assert Definitions([orders]).with_resources(None).resources == {}


def test_what_cannot_be_planned_is_found_before_it_runs():
    Definitions.validate_loadable(Definitions([orders, revenue], resources={"rate": 2}))
    lacking = Definitions([orders, revenue], jobs=[daily, everything])
    with pytest.raises(InvalidDefinitionError) as caught:
        Definitions.validate_loadable(lacking)
    said = str(caught.value)
    assert "'everything': " in said
    assert "'__ASSET_JOB': " in said
    assert "needs the resource 'rate'" in said
    assert "'daily'" not in said


def test_the_newer_names_answer_as_the_older_ones():
    defs = Definitions(jobs=[daily])
    assert defs.resolve_job_def("daily").name == "daily"
    for resolve in (defs.resolve_schedule_def, defs.resolve_sensor_def):
        with pytest.raises(InvalidSubsetError, match="nope"):
            resolve("nope")


def test_a_module_gives_its_assets_checks_jobs_and_specs():
    defs = load_definitions_from_current_module(resources={"rate": 2})
    assert repr(defs) == "Definitions(2 assets, 1 source assets, 1 checks, 2 jobs, 1 resources)"
    assert defs.get_job_def("everything").execute_in_process().asset_value("revenue") == 14
    assert repr(load_definitions_from_module(sys.modules[__name__], {"rate": 2})) == repr(defs)


def test_definitions_that_stand_in_a_module_are_taken_in():
    module = ModuleType("shop")
    module.orders, module.outside = orders, outside
    module.defs = Definitions([orders, outside, revenue], resources={"rate": 2})
    defs = load_definitions_from_modules([module])
    assert repr(defs) == "Definitions(2 assets, 1 source assets, 1 resources)"


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "jobnb_test_shop"
    folder.mkdir()
    text = "from jobnb import asset\n@asset\ndef {0}(): return 1\n"
    (folder / "__init__.py").write_text(text.format("top"))
    (folder / "inner.py").write_text(text.format("inner"))
    monkeypatch.syspath_prepend(tmp_path)
    yield "jobnb_test_shop"
    for name in ("jobnb_test_shop", "jobnb_test_shop.inner"):
        sys.modules.pop(name, None)


def test_a_package_gives_what_all_its_modules_hold(package):
    by_name = load_definitions_from_package_name(package)
    by_module = load_definitions_from_package_module(importlib.import_module(package))
    for defs in (by_name, by_module):
        assert {key.to_user_string() for key in defs.assets_by_key} == {"top", "inner"}
    with pytest.raises(InvalidDefinitionError, match="is no package"):
        load_definitions_from_package_module(sys.modules["jobnb_test_shop.inner"])
