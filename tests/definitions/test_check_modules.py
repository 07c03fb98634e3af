"""Checks of modules, in sessions and in definitions that are put together."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from jobnb import (
    AssetCheckKey,
    AssetIn,
    Definitions,
    InvalidDefinitionError,
    Session,
    asset,
    asset_check,
    build_metadata_bounds_checks,
    load_asset_checks_from_current_module,
    load_asset_checks_from_modules,
    load_asset_checks_from_package_module,
    load_asset_checks_from_package_name,
    load_assets_from_modules,
    load_definitions_from_modules,
    materialize,
)


@asset
def orders():
    return [1]


@asset
def limit():
    return 3


@asset_check(asset="orders", additional_ins={"most": AssetIn("limit")}, blocking=True)
def few(values, most):
    return len(values) < most


def module(name="shop", **values):
    made = ModuleType(name)
    vars(made).update(values)
    return made


LISTED = build_metadata_bounds_checks(assets=["orders"], metadata_key="rows", min_value=1)
SHOP = module(orders=orders, limit=limit, few=few, again=few, bounds=LISTED)
BOTH = ["orders:few", "orders:rows_bound_check"]


def names(checks):
    return sorted(key.to_user_string() for each in checks for key in each.check_keys)


def test_variables_and_lists_are_found_each_once():
    assert names(load_asset_checks_from_modules([SHOP, SHOP])) == BOTH
    assert names(load_asset_checks_from_modules(SHOP)) == BOTH
    assert "orders:few" in names(load_asset_checks_from_current_module())
    with pytest.raises(InvalidDefinitionError, match="no module"):
        load_asset_checks_from_modules(["shop"])


def test_packages_are_walked(monkeypatch):
    SHOP.__path__ = []
    monkeypatch.setitem(sys.modules, "a_shop_of_checks", SHOP)
    assert names(load_asset_checks_from_package_module(SHOP)) == BOTH
    assert names(load_asset_checks_from_package_name("a_shop_of_checks")) == BOTH


def test_a_prefix_goes_along_with_that_of_the_assets():
    assets = load_assets_from_modules([SHOP], key_prefix="raw")
    (check,) = load_asset_checks_from_modules([module(few=few)], asset_key_prefix="raw")
    assert check.check_key == AssetCheckKey(["raw", "orders"], "few")
    assert check.name == few.name
    result = materialize([*assets, check])
    assert [e.passed for e in result.get_asset_check_evaluations()] == [True]


def test_definitions_and_sessions_take_checks_along():
    assert names(load_definitions_from_modules([SHOP]).asset_checks) == BOTH
    one, two = Definitions(assets=[orders]), Definitions(asset_checks=[few])
    assert names(Definitions.merge(one, two, two).asset_checks) == ["orders:few"]
    assert names(Session().add(SHOP).snapshot().asset_checks) == BOTH
    assert names(Session().add(two).snapshot().asset_checks) == ["orders:few"]
