"""A real browser: Chromium from the system, installed if it is missing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.browser.lab import Lab, serving

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A machine that does much else is slow; a state that never comes is still found out.
expect.set_options(timeout=20_000)

SIZE: ViewportSize = {"width": 1280, "height": 900}


def find_chromium() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    if find_chromium() is None:
        script = Path(__file__).parents[2] / ".ci" / "chromium"
        subprocess.run(["bash", str(script)], check=True, timeout=600)
    found = find_chromium()
    assert found, "Chromium could not be installed"
    return found


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright for the tests of a file: while it is open, its event loop runs here."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """One browser for the tests of a file."""
    started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield started
    started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page; a script error on it fails the test. Nothing is fetched from outside."""
    context = browser.new_context(offline=True)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab server for all tests."""
    with serving(tmp_path_factory.mktemp("lab")) as started:
        yield started


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a browser keeps the code of JupyterLab, fetched and compiled once."""
    return tmp_path_factory.mktemp("profile")


@pytest.fixture(scope="module")
def window(playwright: Playwright, chromium: str, profile: Path) -> Iterator[BrowserContext]:
    """One window for the tests of a file; a page without anything stays open in it."""
    opened = playwright.chromium.launch_persistent_context(
        profile, executable_path=chromium, args=FLAGS, viewport=SIZE
    )
    opened.grant_permissions(["clipboard-read", "clipboard-write"])
    yield opened
    opened.close()


class Desk:
    """The JupyterLab page that the tests of a file use one after the other."""

    def __init__(self, window: BrowserContext) -> None:
        self.window = window
        self.errors: list[str] = []
        self._page: Page | None = None

    def page(self) -> Page:
        """The page of the test before, or a new one."""
        if self._page is None:
            self._page = self.window.new_page()
            self._page.on("pageerror", self._note_error)
            self._page.on("console", self._note_message)
        return self._page

    def tidy(self, lab: Lab) -> None:
        """Close the notebooks of a test; the page, too, if it shows something else."""
        page, blank = self._page, self.window.pages[0]
        for each in self.window.pages:
            if each not in (page, blank):
                each.close()
        if page is not None and (page.is_closed() or not lab.clear(page)):
            page.close()
            self._page = None
        elif page is not None:
            page.set_viewport_size(SIZE)

    def _note_error(self, error: Error) -> None:
        if not _is_theirs(error):
            self.errors.append(str(error))

    def _note_message(self, said: ConsoleMessage) -> None:
        if _is_ours(said):
            self.errors.append(said.text)


@pytest.fixture(scope="module")
def desk(window: BrowserContext) -> Desk:
    """One JupyterLab for the tests of a file."""
    return Desk(window)


@pytest.fixture
def tab(desk: Desk, lab: Lab) -> Iterator[Page]:
    """A page that talks to the server; an error that a script of ours throws fails the test."""
    desk.errors.clear()
    yield desk.page()
    desk.tidy(lab)
    lab.end_kernels()
    assert desk.errors == []


def _is_theirs(error: Error) -> bool:
    """Whether it is of Notebook's own start, or of a kernel that JupyterLab was still asking."""
    of_start = "/static/notebook/" in str(error.stack)
    return (of_start or "Canceled future" in str(error)) and "blob:" not in str(error.stack)


def _is_ours(said: ConsoleMessage) -> bool:
    """Whether a console message is an error of a widget; JupyterLab has its own."""
    return said.type == "error" and ("anywidget" in said.text or "blob:" in str(said.location))
