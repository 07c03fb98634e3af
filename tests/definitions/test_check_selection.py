"""Selections of checks: they go with their assets unless a selection says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from jobnb import (
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSpec,
    InvalidDefinitionError,
    InvalidSubsetError,
    Output,
    SourceAsset,
    asset,
    asset_check,
    multi_asset_check,
)
from jobnb import AssetSelection as S
from jobnb.plan.selection_completion import SelectionVocabulary, suggest


@asset(group_name="raw")
def orders() -> list[int]:
    return [1]


@asset(
    key_prefix="mart", name="total", check_specs=[AssetCheckSpec("own", asset=["mart", "total"])]
)
def total(orders: Any) -> Any:
    yield Output(1)
    yield AssetCheckResult(passed=True)


weather = SourceAsset("weather")


@asset_check(asset=orders)
def no_nulls() -> bool:
    return True


@asset_check(asset=orders)
def recent() -> bool:
    return True


@multi_asset_check(specs=[AssetCheckSpec("fine", asset=key) for key in ("mart/total", "weather")])
def fine() -> Any: ...


AROUND = [orders, total, weather, no_nulls, recent, fine]
OWN, FINE = "mart/total:own", "mart/total:fine"
OF_ORDERS = "orders:no_nulls orders:recent"


def found(selection: S) -> tuple[str, str]:
    keys = sorted(key.to_user_string() for key in selection.resolve(AROUND))
    checks = sorted(key.to_user_string() for key in selection.resolve_checks(AROUND))
    return " ".join(keys), " ".join(checks)


@pytest.mark.parametrize(
    ("selection", "text", "keys", "checks"),
    [
        (S.keys("orders"), "orders", "orders", OF_ORDERS),
        (S.all(), "*", "mart/total orders", f"{FINE} {OWN} {OF_ORDERS}"),
        (S.keys("weather"), "weather", "weather", "weather:fine"),
        (S.checks(no_nulls), "check:orders:no_nulls", "", "orders:no_nulls"),
        (S.checks(total, "orders:recent"), f'check:"{OWN}", check:orders:recent', "",
         f"{OWN} orders:recent"),
        (S.checks(AssetCheckKey("orders", "recent")), "check:'orders:recent'", "", "orders:recent"),
        (S.checks(), "nothing()", "", ""),
        (S.checks_for_assets(orders), "checks(orders)", "", OF_ORDERS),
        (S.checks_for_assets(S.keys("mart/total").upstream()), "checks(+key:mart/total)", "",
         f"{FINE} {OWN} {OF_ORDERS}"),
        (S.all_asset_checks(), "checks()", "", f"{FINE} {OWN} {OF_ORDERS} weather:fine"),
        (S.keys("orders").without_checks(), "without_checks(orders)", "orders", ""),
        (S.keys("orders").without_checks(), "orders and not checks()", "orders", ""),
        (S.keys("orders") - S.checks(recent), "orders and not check:orders:recent", "orders",
         "orders:no_nulls"),
        (S.all() & S.checks(recent), "* and check:orders:recent", "", "orders:recent"),
        (S.keys("orders").without_checks() | S.checks(recent),
         "without_checks(orders) or check:orders:recent", "orders", "orders:recent"),
        (~S.checks(no_nulls), "not check:orders:no_nulls", "mart/total orders",
         f"{FINE} {OWN} orders:recent"),
        (S.keys("orders").downstream() - S.keys("orders"), "orders+ and not orders", "mart/total",
         f"{FINE} {OWN}"),
        (S.groups("raw").sinks(), "sinks(group:raw)", "orders", OF_ORDERS),
    ],
)  # fmt: skip
def test_checks_go_with_their_assets_unless_it_says_otherwise(
    selection: S, text: str, keys: str, checks: str
) -> None:
    assert found(selection) == found(S.from_string(text)) == (keys, checks)
    assert S.from_string(str(selection)) == selection


def test_wildcards_look_at_the_asset_and_the_name() -> None:
    assert found(S.from_string('check:"*:fine"')) == ("", f"{FINE} weather:fine")
    assert found(S.from_string('check:"orders:*" and not check:"*:re*"')) == ("", "orders:no_nulls")
    assert found(S.from_string("with_sources(checks(key_prefix:weather))"))[1] == "weather:fine"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("check:no_nulls", r'(?s)written with its asset.*check:"\*:no_nulls"'),
        ("check:orders:", "written with its asset"),
        ('check:"orders:a b"', "letters, digits"),
        ("check:<null>", "every asset has a check"),
    ],
)
def test_what_names_no_check_is_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidSubsetError, match=told):
        S.from_string(text)


def test_unknown_checks_and_assets_are_told_at_once() -> None:
    text = "check:orders:recnt or checks(ordrs) or check:nowhere:x"
    with pytest.raises(InvalidSubsetError) as caught:
        S.from_string(text).resolve_checks(AROUND)
    told = str(caught.value)
    assert "Did you mean 'orders:recent'" in told
    assert "Did you mean 'orders'" in told
    assert "no check called 'nowhere:x'" in told
    assert S.from_string(text).resolve_checks(AROUND, allow_missing=True) == set()


def test_what_can_stand_for_a_selection_includes_checks() -> None:
    mixed = S.from_coercible([no_nulls, AssetCheckKey("orders", "recent"), "mart/total"])
    assert found(mixed) == ("mart/total", f"{FINE} {OWN} {OF_ORDERS}")
    with pytest.raises(InvalidDefinitionError, match="names no checks"):
        S.checks(3)
    with pytest.raises(InvalidDefinitionError, match="asset:check"):
        S.checks("orders")


def test_checks_are_suggested_as_one_types() -> None:
    words = SelectionVocabulary.of_assets(AROUND)
    assert suggest('check:"orders:r', words).words == ['"orders:recent"']
    assert suggest("check:mart", words).words == [f'"{FINE}"', f'"{OWN}"']
    assert "without_checks(" in suggest("w", words).words
