"""Checks of assets in JupyterLab: run from the catalogue, seen in its rows and in their run."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(180)

DEFINITIONS = """
%load_ext jobnb
from jobnb import AssetCheckResult, AssetCheckSeverity, asset, asset_check, session

session.home = HOME

@asset
def orders():
    return [3, None]

@asset
def prices():
    return [1]

@asset_check(asset=orders)
def no_nulls(orders):
    '''No order is missing.'''
    return AssetCheckResult(passed=None not in orders, description="one <b>is</b> missing")

@asset_check(asset=orders)
def few(orders):
    return AssetCheckResult(passed=False, severity=AssetCheckSeverity.WARN)

done = session.materialize("without_checks(*)").success
"""


@pytest.mark.parametrize("dark", [False, True])
def test_checks_are_run_from_the_catalogue(lab, tab, tmp_path, dark):
    home = f"HOME = 'checks-{dark}'"
    notebook = lab.open(tab, home, DEFINITIONS, "session", "no_nulls", dark=dark)
    notebook.run_all()
    shown = notebook.output(2)
    row = shown.locator(".jw-asset[data-key=orders]")
    expect(row).to_contain_text("not checked")
    row.get_by_role("checkbox").check()
    shown.get_by_role("button", name="Run checks").click()
    expect(row.locator(".jw-asset-checks")).to_contain_text("1 of 2 checks", timeout=30_000)
    expect(row.locator(".jw-asset-checks")).to_have_attribute(
        "title", "checks: 1 of 2 checks failed, 1 of 2 checks warned"
    )
    run = shown.locator(".jobnb-run")
    expect(run.get_by_role("tab", name="Checks")).to_have_attribute("aria-selected", "true")
    expect(run).to_contain_text("orders:no_nulls")
    expect(run).to_contain_text("one <b>is</b> missing")
    # Of an asset without checks, none can be run.
    row.get_by_role("checkbox").uncheck()
    shown.locator(".jw-asset[data-key=prices]").get_by_role("checkbox").check()
    expect(shown.get_by_role("button", name="Run checks")).to_be_disabled()
    expect(notebook.output(3)).to_contain_text("No order is missing.")
    shown.screenshot(path=str(tmp_path / "checks.png"))
