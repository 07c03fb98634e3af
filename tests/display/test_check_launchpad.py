"""Checks in the launchpad: selected as they are typed, and as an earlier run had them."""

from __future__ import annotations

import pytest

from jobnb import (
    AssetCheckKey,
    Definitions,
    Instance,
    InvalidSubsetError,
    Session,
    asset,
    asset_check,
)
from jobnb.display.launch_form import LaunchForm
from jobnb.display.launch_presets import load_run
from jobnb.display.launch_schema import selected, suggestions
from jobnb.notebook.completion import _asset_words


@asset
def orders():
    return [1]


@asset
def prices():
    return [2]


@asset_check(asset=orders)
def few(orders):
    return True


JOB = Definitions(assets=[orders, prices], asset_checks=[few]).get_implicit_global_asset_job_def()
FEW = AssetCheckKey("orders", "few")


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("orders", {"asset_selection": [orders.key]}),
        ("checks(orders)", {"asset_selection": [], "asset_check_selection": [FEW]}),
        ("without_checks(orders)",
         {"asset_selection": [orders.key], "asset_check_selection": []}),
        ("prices or check:orders:few",
         {"asset_selection": [prices.key], "asset_check_selection": [FEW]}),
    ],
)  # fmt: skip
def test_a_typed_selection_of_checks_is_what_runs_and_comes_back(tmp_path, text, parameters):
    assert selected(JOB, text) == parameters
    with Instance.local_temp(str(tmp_path)) as instance:
        JOB.execute_in_process(instance=instance)
        run = JOB.execute_in_process(instance=instance, **parameters)
        form = LaunchForm(JOB)
        load_run(form, instance, run.run_id)
        again = selected(JOB, form.selection)
        assert {name: again.get(name) for name in parameters} == parameters


def test_a_selection_without_any_check_of_the_job_is_refused():
    with pytest.raises(InvalidSubsetError, match="names no asset of the job"):
        selected(JOB, "checks(prices)")


def test_checks_are_suggested():
    assert suggestions(JOB, "check:").words == ['"orders:few"']
    with Session.capture() as session:
        session.add(orders, few)
        assert _asset_words(session).values["check"] == ["orders:few"]
