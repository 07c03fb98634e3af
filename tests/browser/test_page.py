"""The page of `jobnb ui`: what a person does who has never seen a notebook."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from jobnb.server.visits import READ_ONLY
from tests.browser.page_server import DEFINED, FILE, PageServer, write_runs

pytestmark = pytest.mark.timeout(180)
MANY = 10_000


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with a file of definitions, and a history of many runs."""
    folder = tmp_path_factory.mktemp("page")
    (folder / FILE).write_text(DEFINED)
    return folder, write_runs(folder / "home", MANY)


@pytest.fixture(scope="module")
def server(runs: tuple[Path, list[str]]) -> Iterator[PageServer]:
    started = PageServer(runs[0])
    yield started
    started.stop()


@pytest.fixture
def visitor(browser: Browser, server: PageServer) -> Iterator[Page]:
    """A browser that was let in; an error of a script fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(server.door)
    yield opened
    context.close()
    assert errors == []


def badge(page: Page, word: str) -> None:
    expect(page.locator(".jw-run-head .jw-badge").first).to_contain_text(word, timeout=60_000)


def launch(page: Page, server: PageServer, *, pause: str) -> str:
    """Launch the job from its form; the address of the run."""
    page.goto(f"{server.address}/jobs/daily?tab=launchpad")
    page.get_by_role("spinbutton", name="pause").or_(
        page.get_by_role("textbox", name="pause")
    ).fill(pause)
    page.get_by_role("button", name=re.compile("^Launch")).click()
    page.wait_for_url(re.compile("/runs/"), timeout=60_000)
    return page.url


def test_a_run_is_launched_from_the_form_and_watched(server: PageServer, visitor: Page) -> None:
    visitor.get_by_role("link", name="Jobs").click()
    visitor.get_by_role("row", name=re.compile("daily")).get_by_role("link", name="Launch").click()
    visitor.get_by_label("year").first.fill("2024")
    visitor.get_by_role("button", name=re.compile("^Launch")).click()
    visitor.wait_for_url(re.compile("/runs/"), timeout=60_000)
    badge(visitor, "succeeded")
    expect(visitor.locator(".jw-run-head")).to_contain_text("2 of 2 steps")
    visitor.get_by_role("tab", name="Config").click()
    expect(visitor.locator(".jw-config")).to_contain_text("year: 2024")
    visitor.go_back()
    expect(visitor.get_by_label("year").first).to_have_value("2024")  # the form is as it was
    visitor.go_forward()
    badge(visitor, "succeeded")


def test_a_run_is_canceled_and_seen_by_a_second_browser(
    server: PageServer, visitor: Page, browser: Browser
) -> None:
    address = launch(visitor, server, pause="60")
    second = browser.new_context()
    other = second.new_page()
    other.goto(server.door)
    other.goto(address)  # a deep link
    badge(other, "running")
    visitor.get_by_role("button", name="Cancel").click()
    badge(visitor, "canceled")
    badge(other, "canceled")
    second.close()


def test_a_run_of_last_week_is_found_among_ten_thousand(
    runs: tuple[Path, list[str]], server: PageServer, visitor: Page
) -> None:
    visitor.goto(f"{server.address}/runs")
    status = visitor.get_by_role("main").get_by_role("status")
    expect(status).to_contain_text(re.compile(r"1 to 20 of 10,\d\d\d runs"))
    visitor.get_by_role("button", name="failed").click()
    expect(status).to_have_text("1 to 10 of 10 runs")
    visitor.get_by_role("button", name="Dates").click()
    week = datetime.now().astimezone() - timedelta(days=7)
    visitor.get_by_label("Created after").fill(f"{week:%Y-%m-%dT%H:%M}")
    expect(status).to_have_text("1 to 2 of 2 runs")
    visitor.locator(".jw-runs tbody tr").first.locator(".jw-code").click()
    visitor.wait_for_url(f"**/runs/{runs[1][9500]}")
    expect(visitor.locator(".jw-run-head")).to_contain_text(runs[1][9500][:8])
    wanted = runs[1][1234]
    visitor.get_by_role("combobox", name=re.compile("^Find")).fill(wanted[:8])
    visitor.get_by_role("option", name=re.compile(wanted[:8])).click()
    visitor.wait_for_url(f"**/runs/{wanted}")


def test_an_asset_is_reached_and_materialized_by_the_keyboard_alone(visitor: Page) -> None:
    expect(visitor.locator(".jn-node")).to_have_count(3)
    visitor.keyboard.press("/")
    visitor.keyboard.type("revenue")
    expect(visitor.get_by_role("option", name="mart/revenue")).to_be_visible()
    visitor.keyboard.press("Enter")
    visitor.wait_for_url("**/assets/mart/revenue")
    make = visitor.get_by_role("button", name="Materialize", exact=True)
    go_to(visitor, make)
    visitor.keyboard.press("Enter")
    visitor.wait_for_url(re.compile("/runs/"), timeout=60_000)
    badge(visitor, "failed")  # there are no orders yet
    visitor.go_back()
    expect(visitor.get_by_role("main")).to_contain_text("failed")


def test_a_job_is_launched_by_the_keyboard_alone(server: PageServer, visitor: Page) -> None:
    visitor.keyboard.press("/")
    visitor.keyboard.type("daily")
    expect(visitor.get_by_role("option", name="daily")).to_be_visible()
    visitor.keyboard.press("Enter")
    visitor.wait_for_url("**/jobs/daily")
    go_to(visitor, visitor.get_by_role("tab", name="Graph"))
    visitor.keyboard.press("ArrowRight")
    year = visitor.get_by_label("year").first
    expect(year).to_be_visible()
    go_to(visitor, year)
    visitor.keyboard.press("Control+a")
    visitor.keyboard.type("2031")
    visitor.keyboard.press("Control+Enter")
    visitor.wait_for_url(re.compile("/runs/"), timeout=60_000)
    badge(visitor, "succeeded")
    config = visitor.get_by_role("tab", name="Config")
    go_to(visitor, visitor.get_by_role("tab", selected=True))
    for _ in range(10):
        if not has_focus(config):
            visitor.keyboard.press("ArrowRight")
    expect(config).to_be_focused()
    expect(visitor.locator(".jw-config")).to_contain_text("year: 2031")


def go_to(page: Page, wanted: Locator) -> None:
    """Press Tab until something has the focus."""
    expect(wanted).to_be_visible()
    for _ in range(60):
        if has_focus(wanted):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {wanted}")


def has_focus(wanted: Locator) -> bool:
    return bool(wanted.evaluate("each => each === document.activeElement"))


def test_an_asset_has_a_link_in_the_overview(visitor: Page) -> None:
    visitor.get_by_role("link", name="orders").click()
    visitor.wait_for_url("**/assets/orders")
    visitor.get_by_role("button", name="Materialize", exact=True).click()
    visitor.wait_for_url(re.compile("/runs/"), timeout=60_000)
    badge(visitor, "succeeded")
    visitor.get_by_role("link", name="Overview").click()
    card = visitor.locator(".jn-node").filter(has_text="orders")
    expect(card).to_have_attribute("aria-label", re.compile("made|succeeded"), timeout=60_000)


def test_a_backfill_is_launched_seen_by_a_second_browser_and_found(
    server: PageServer, visitor: Page, browser: Browser
) -> None:
    visitor.goto(f"{server.address}/assets/days?tab=partitions")
    visitor.get_by_role("button", name="Materialize").click()
    second = browser.new_context()
    other = second.new_page()
    other.goto(server.door)
    other.goto(f"{server.address}/backfills")
    row = other.get_by_role("row").filter(has_text="days")
    expect(row).to_contain_text("3 of 3", timeout=60_000)
    expect(row).to_contain_text("succeeded")
    number = row.get_by_role("link").inner_text()
    row.get_by_role("link").click()
    other.wait_for_url(f"**/backfills/{number}")
    expect(other.locator(".jw-backfill")).to_contain_text("3 made")
    expect(other.locator(".jw-backfill i[data-status=queued]")).to_have_count(0)
    expect(other.locator(".jw-runs tbody tr")).to_have_count(3)
    to_it = other.locator(".jw-runs").get_by_role("link", name=f"backfill {number}")
    expect(to_it).to_have_count(3)
    second.close()
    visitor.keyboard.press("/")
    visitor.keyboard.type(number[:6])
    visitor.get_by_role("option", name=re.compile(number)).click()
    visitor.wait_for_url(f"**/backfills/{number}")

    # A reason why it is stale is said once.
    (server.folder / FILE).write_text(DEFINED.replace("return context.partition_key", "return 1"))
    visitor.goto(f"{server.address}/assets/days")
    head = visitor.locator(".jw-asset-head")
    expect(head).to_contain_text("stale", timeout=30_000)
    words = head.inner_text()
    (server.folder / FILE).write_text(DEFINED)
    assert words.count("code") == 1, words


def test_what_is_not_there_is_said(server: PageServer, visitor: Page) -> None:
    for address in (
        *("/runs/nonsense", "/jobs/dayly", "/assets/nothing", "/backfills/none"),
        "/elsewhere",
    ):
        visitor.goto(f"{server.address}{address}")
        expect(visitor.get_by_role("alert")).to_contain_text(
            re.compile("no run|does not know|dayly|nothing|no backfill", re.IGNORECASE)
        )


def test_changed_definitions_are_shown_and_broken_ones_told(
    server: PageServer, visitor: Page
) -> None:
    file = server.folder / FILE
    visitor.goto(f"{server.address}/jobs")
    expect(visitor.get_by_role("link", name="daily")).to_be_visible()
    file.write_text(f"{DEFINED}\n@job\ndef yearly():\n    load()\n")
    expect(visitor.get_by_role("link", name="yearly")).to_be_visible(timeout=30_000)
    file.write_text(f"{DEFINED}\nraise ValueError('no good')\n")
    expect(visitor.get_by_text("no good")).to_be_visible(timeout=30_000)
    expect(visitor.get_by_role("link", name="yearly")).to_be_visible()
    file.write_text(DEFINED)
    expect(visitor.get_by_role("link", name="yearly")).to_have_count(0, timeout=30_000)
    expect(visitor.get_by_text("no good")).to_have_count(0)


def test_the_page_comes_back_after_a_restart_and_the_run_went_on(
    server: PageServer, visitor: Page
) -> None:
    address = launch(visitor, server, pause="5")
    badge(visitor, "running")
    code, told = server.stop(signal.SIGTERM)
    assert (code, "The page has stopped." in told) == (0, True)
    expect(visitor.get_by_text("does not answer")).to_be_visible(timeout=30_000)
    visitor.keyboard.press("/")
    visitor.keyboard.type("daily")  # is looked for once there is a server again
    server.start()
    expect(visitor.get_by_text("does not answer")).to_be_hidden(timeout=60_000)
    expect(visitor.get_by_role("option", name="daily")).to_be_visible()
    badge(visitor, "succeeded")
    assert visitor.url == address


SHOWN = [
    "/", "/jobs", "/runs", "/backfills", "/automation", "/jobs/daily", "/jobs/daily?tab=launchpad",
    "/assets/orders", "/assets/days",
]  # fmt: skip


def test_a_page_that_only_shows_offers_nothing_that_it_would_refuse(
    runs: tuple[Path, list[str]], server: PageServer, browser: Browser
) -> None:
    """Each button that can be pressed is pressed, and none is refused."""
    shows = PageServer(server.folder, "--read-only")
    context = browser.new_context()
    page = context.new_page()
    refused: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", keep_refusal(refused)))
    page.goto(shows.door)
    locked = 0
    for address in (*SHOWN, f"/runs/{runs[1][500]}"):
        page.goto(f"{shows.address}{address}")
        expect(page.locator("main .jp-view")).to_be_visible()
        page.wait_for_timeout(400)
        off = page.locator("main [data-changes]")
        locked += off.count()
        assert not page.locator("main [data-changes]:enabled").count()
        for each in off.all():
            expect(each).to_have_attribute("title", re.compile("only shows"))
        page.evaluate("document.querySelectorAll('main button:enabled').forEach(e => e.click())")
        page.wait_for_timeout(400)
    assert locked > 20
    assert refused == []
    expect(page.get_by_text("read only")).to_be_visible()
    context.close()
    shows.stop()


def keep_refusal(refused: list[str]) -> Callable[[str | bytes], None]:
    def hear(frame: str | bytes) -> None:
        if READ_ONLY in str(frame):
            refused.append(str(frame))

    return hear


def test_a_filter_of_runs_stands_in_the_address_and_comes_back(
    runs: tuple[Path, list[str]], server: PageServer, visitor: Page, browser: Browser
) -> None:
    visitor.goto(f"{server.address}/runs")
    status = visitor.get_by_role("main").get_by_role("status")
    some = re.compile("of 10 runs")
    visitor.get_by_role("button", name="failed").click()
    visitor.get_by_label("Job", exact=True).fill("weekly")
    expect(status).to_contain_text(some)
    visitor.wait_for_url("**/runs?job=weekly&status=FAILURE")
    visitor.locator(".jw-runs tbody tr").first.locator(".jw-code").click()
    visitor.wait_for_url("**/runs/*-*")
    visitor.go_back()  # and where it came from, too
    expect(visitor.get_by_label("Job", exact=True)).to_have_value("weekly")
    expect(status).to_contain_text(some)

    second = browser.new_context()
    other = second.new_page()
    other.goto(server.door)
    other.goto(visitor.url)  # a link that was sent to somebody
    expect(other.get_by_role("main").get_by_role("status")).to_contain_text(some)
    expect(other.get_by_role("button", name="failed")).to_have_attribute("aria-pressed", "true")
    server.stop(signal.SIGKILL)
    server.start()
    for page in (visitor, other):
        expect(page.get_by_text("does not answer")).to_be_hidden(timeout=60_000)
        expect(page.get_by_label("Job", exact=True)).to_have_value("weekly")
        expect(page.get_by_role("main").get_by_role("status")).to_contain_text(some)
    second.close()

    visitor.get_by_role("button", name="Clear").click()
    visitor.wait_for_url("**/runs")
    expect(status).to_contain_text(re.compile(r"of 10,\d\d\d runs"))
    visitor.goto(f"{server.address}/jobs/daily?tab=runs&status=FAILURE")
    expect(status).to_have_text("0 runs")
    visitor.get_by_label("Job", exact=True).fill("")
    visitor.wait_for_url("**/jobs/daily?tab=runs&job=&status=FAILURE")
    expect(status).to_contain_text(re.compile(r"of 1\d runs"))
    visitor.get_by_role("link", name="Runs").click()
    visitor.wait_for_url("**/runs")
    expect(visitor.get_by_role("button", name="failed")).to_have_attribute("aria-pressed", "false")


def test_the_open_tab_of_a_run_stands_in_its_address(
    runs: tuple[Path, list[str]], server: PageServer, visitor: Page
) -> None:
    address = f"{server.address}/runs/{runs[1][500]}"
    visitor.goto(f"{address}?tab=nothing")
    expect(visitor.locator(".jw-run-head")).to_contain_text(runs[1][500][:8])
    visitor.get_by_role("tab", name="Log").click()
    visitor.wait_for_url(f"{address}?tab=log")
    visitor.get_by_role("tab", name="Tags").click()
    visitor.wait_for_url(f"{address}?tab=tags")
    visitor.reload()
    expect(visitor.get_by_role("tab", name="Tags")).to_have_attribute("aria-selected", "true")
    visitor.goto(f"{server.address}/runs/none")
    visitor.get_by_role("link", name="To all runs").click()
    visitor.wait_for_url(f"{server.address}/runs")


def test_a_filter_of_an_address_that_is_none_is_told(server: PageServer, visitor: Page) -> None:
    problem = visitor.get_by_role("alert")
    for query, words in (("status=FAILED", "'FAILURE'"), ("after=soon", "'soon' is not a time")):
        visitor.goto(f"{server.address}/runs?{query}")
        expect(problem).to_contain_text(words)
        visitor.get_by_role("button", name="Clear").click()
        expect(problem).to_have_text("")


# Controls that stand over each other; what sticks to an edge of the window may stand over anything.
OVER = """() => {
  const sticks = each => each && (/sticky|fixed/.test(getComputedStyle(each).position)
    || sticks(each.parentElement));
  const seen = [...document.querySelectorAll('button, input, select, main a')]
    .filter(each => each.checkVisibility() && !each.closest('svg, .jw-canvas'))
    .filter(each => !sticks(each))
    .map(each => [each.ariaLabel || each.textContent, each.getBoundingClientRect()]);
  const over = (a, b) => Math.min(a.right - b.left, b.right - a.left,
    a.bottom - b.top, b.bottom - a.top) > 2;
  return seen.flatMap(([name, box], at) => seen.slice(at + 1)
    .filter(([_, other]) => over(box, other)).map(([other]) => `${name} / ${other}`));
}"""


@pytest.mark.parametrize("width", [400, 700])
def test_no_control_stands_over_another_one(server: PageServer, visitor: Page, width: int) -> None:
    visitor.set_viewport_size({"width": width, "height": 900})
    for address in SHOWN:
        visitor.goto(f"{server.address}{address}")
        expect(visitor.locator("main .jp-view .jobnb, main .jp-jobs").first).to_be_visible()
        visitor.wait_for_timeout(300)
        assert visitor.evaluate(OVER) == [], address
        wide = "document.documentElement.scrollWidth - innerWidth"
        assert visitor.evaluate(wide) <= 0, address


def test_a_run_of_the_list_opens_in_a_tab_of_its_own(server: PageServer, visitor: Page) -> None:
    visitor.goto(f"{server.address}/runs")
    link = visitor.locator(".jw-runs tbody tr").first.get_by_role("link")
    with visitor.context.expect_page() as opened:
        link.click(modifiers=["Control"])
    expect(opened.value.locator(".jw-run-head")).to_be_visible()
    assert visitor.url == f"{server.address}/runs"


def test_a_tab_that_was_duplicated_has_a_visit_of_its_own(
    server: PageServer, visitor: Page
) -> None:
    visitor.goto(f"{server.address}/jobs/daily?tab=launchpad")
    year = visitor.get_by_label("year").first
    year.fill("2042")
    year.blur()
    expect(visitor.locator(".jl-reset").filter(has_text="2013")).to_be_visible()  # it has arrived
    with visitor.context.expect_page() as opened:
        visitor.evaluate("window.open('/jobs')")  # begins with a copy of the tab's storage
    other = opened.value
    expect(other.get_by_role("heading", name="Jobs")).to_be_visible()
    for page, name in ((visitor, "Backfills"), (other, "Backfills"), (visitor, "Jobs")):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    visitor.goto(f"{server.address}/jobs/daily?tab=launchpad")
    expect(year).to_have_value("2042")  # what was typed stays, also when the page is loaded anew
