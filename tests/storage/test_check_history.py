"""What checks said: the last of each in one look, and pages of what one said."""

from __future__ import annotations

import pytest

from jobnb import AssetCheckKey, AssetKey, JobRun
from jobnb.events import AssetCheckEvaluated


def said(asset, check, passed, time):
    return AssetCheckEvaluated(float(time), "step", tuple(asset.path), check, passed)


@pytest.fixture
def told(instance):
    """One check of `often` ran 950 times, another of it long before; `rarely` ran once."""
    often, rarely = AssetKey("often"), AssetKey(["a", "rarely"])
    run = instance.create_run(JobRun("looks"))
    log = instance.open_log(run)
    log.events.append(said(rarely, "x", True, 1))
    log.events.append(said(often, "old", False, 2))
    for number in range(950):
        log.events.append(said(often, "new", number == 949, 3 + number))
    log.commit()
    return instance, often, rarely


def test_the_last_of_each_check_is_found_however_often_another_ran(told):
    instance, often, rarely = told
    latest = instance.get_latest_asset_check_evaluations([often, rarely, AssetKey("none")])
    found = {
        key.to_user_string(): entry.asset_check_evaluation.passed for key, entry in latest.items()
    }
    assert found == {"often:new": True, "often:old": False, "a/rarely:x": True}
    assert instance.get_latest_asset_check_evaluations([]) == {}


def test_what_a_check_said_comes_in_pages_newest_first(told):
    instance, often, _ = told
    key = AssetCheckKey(often, "new")
    first = instance.get_asset_check_evaluation_records(key, limit=300)
    rest = instance.get_asset_check_evaluation_records(key, 10_000, cursor=first[-1].storage_id)
    assert (len(first), len(rest)) == (300, 650)
    assert first[0].event_log_entry.asset_check_evaluation.passed
    old = instance.get_asset_check_evaluation_records(AssetCheckKey(often, "old"))
    assert [each.event_log_entry.asset_check_evaluation.passed for each in old] == [False]
    never = AssetCheckKey(often, "never")
    assert instance.get_asset_check_evaluation_records(never) == []
