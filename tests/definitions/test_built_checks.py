"""Checks that need no function of one's own: bounds of metadata, and freshness."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobnb import (
    AssetCheckFailedError,
    AssetCheckSeverity,
    Definitions,
    InvalidDefinitionError,
    MetadataValue,
    Output,
    asset,
    build_last_update_freshness_checks,
    build_metadata_bounds_checks,
    materialize,
)


def told(value):
    @asset
    def orders():
        return Output(1, metadata={} if value is None else {"rows": value})

    return orders


def said(value, **bounds):
    checks = build_metadata_bounds_checks(assets=["orders"], metadata_key="rows", **bounds)
    (found,) = materialize([told(value), *checks]).get_asset_check_evaluations()
    return found.passed, found.description


@pytest.mark.parametrize(
    ("value", "bounds", "why"),
    [
        (5, {"min_value": 1}, None),
        (5, {"min_value": 5, "max_value": 5}, None),
        (0, {"min_value": 0}, None),
        (5, {"min_value": 5, "exclusive_min": True}, "'rows' is 5, which is not more than 5."),
        (5, {"max_value": 5, "exclusive_max": True}, "'rows' is 5, which is not less than 5."),
        (4.5, {"min_value": 5}, "'rows' is 4.5, which is less than 5."),
        (6, {"max_value": 5}, "'rows' is 6, which is more than 5."),
        (None, {"max_value": 5}, "Its last materialization tells no 'rows'."),
        ("many", {"max_value": 5}, "'rows' is 'many', which is no number."),
        (True, {"max_value": 5}, "'rows' is True, which is no number."),
        (float("nan"), {"max_value": 5}, "'rows' is nan, which is no number."),
        (MetadataValue.int(6), {"max_value": 5}, "'rows' is 6, which is more than 5."),
    ],
)  # fmt: skip
def test_a_number_lies_within_its_bounds_or_it_is_told_why_not(value, bounds, why):
    assert said(value, **bounds) == (why is None, why)


def test_each_asset_has_its_own_check_and_its_own_severity():
    @asset
    def prices():
        return Output(1, metadata={"rows": 50})

    orders = told(3)
    checks = build_metadata_bounds_checks(
        assets=[orders, prices],
        metadata_key="rows",
        max_value=9,
        severity=AssetCheckSeverity.ERROR,
    )
    made = [orders, prices, *checks]
    found = materialize(made).get_asset_check_evaluations()
    assert {e.asset_check_key.to_user_string(): e.passed for e in found} == {
        "orders:rows_bound_check": True,
        "prices:rows_bound_check": False,
    }
    assert found[0].severity is AssetCheckSeverity.ERROR
    part = materialize(made, selection="prices").get_asset_check_evaluations()
    assert [each.asset_key.to_user_string() for each in part] == ["prices"]


def test_what_no_check_can_be_made_of_is_refused():
    with pytest.raises(InvalidDefinitionError, match="no bounds"):
        build_metadata_bounds_checks(assets=["orders"], metadata_key="rows")
    with pytest.raises(InvalidDefinitionError, match="no assets"):
        build_metadata_bounds_checks(assets=[], metadata_key="rows", min_value=1)
    with pytest.raises(InvalidDefinitionError, match="timedelta"):
        build_last_update_freshness_checks(assets=["orders"], lower_bound_delta=3)
    with pytest.raises(InvalidDefinitionError, match="cron"):
        build_last_update_freshness_checks(
            assets=["orders"], lower_bound_delta=timedelta(1), deadline_cron="often"
        )
    with pytest.raises(InvalidDefinitionError, match="Nowhere"):
        build_last_update_freshness_checks(
            assets=["orders"],
            lower_bound_delta=timedelta(1),
            deadline_cron="0 0 * * *",
            timezone="Nowhere",
        )


def test_blocking_checks_of_assets_that_are_made_from_each_other_are_no_circle():
    orders = told(1)

    @asset
    def total(orders):
        return 1

    checks = build_last_update_freshness_checks(
        assets=[orders, total], lower_bound_delta=timedelta(hours=1), blocking=True
    )
    result = materialize([orders, total, *checks])
    assert [each.passed for each in result.get_asset_check_evaluations()] == [True, True]


def test_what_was_made_lately_is_fresh():
    orders = told(1)
    for cron in (None, "* * * * *", "0 0 1 1 *"):
        checks = build_last_update_freshness_checks(
            assets=[orders],
            lower_bound_delta=timedelta(hours=1),
            deadline_cron=cron,
            timezone="Europe/Berlin",
        )
        (found,) = materialize([orders, *checks]).get_asset_check_evaluations()
        assert found.passed
        assert set(found.metadata) == {"expected after", "last update"}


def test_what_was_never_made_is_not_fresh_and_stops_what_waits_for_it():
    checks = build_last_update_freshness_checks(
        assets=["orders"],
        lower_bound_delta=timedelta(hours=1),
        severity=AssetCheckSeverity.ERROR,
        blocking=True,
    )
    job = Definitions(assets=[told(1)], asset_checks=checks).job_of_assets("look", "checks()")
    with pytest.raises(AssetCheckFailedError, match="It was never made"):
        job.execute_in_process()


def test_what_was_made_too_long_ago_is_not_fresh():
    orders = told(1)
    checks = build_last_update_freshness_checks(
        assets=[orders], lower_bound_delta=timedelta(seconds=-60)
    )
    (found,) = materialize([orders, *checks]).get_asset_check_evaluations()
    assert (found.passed, found.description) == (False, "It was not made since it was due.")
