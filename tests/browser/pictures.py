"""Makes the pictures of the README: `python -m tests.browser.pictures`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Locator, sync_playwright

from tests.browser.lab import ROOT, Lab, serving
from tests.browser.page_server import PageServer

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
MARGIN = 12


def code_of(name: str) -> list[str]:
    """The code cells of a notebook."""
    book = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    return ["".join(c["source"]) for c in book["cells"] if c["cell_type"] == "code"]


def cells_of_flights() -> list[str]:
    """The cells of the flights notebook that define, and after them those to take pictures of."""
    code = code_of("flights")
    shown = next(n for n, text in enumerate(code) if text.strip().startswith("session.materialize"))
    config = next(text for text in code if "class Departures(Config)" in text)
    return ["\n\n".join(code[:shown]), config]


def take(output: Locator, name: str) -> None:
    """A picture of what a cell shows, with a little air around it."""
    folder = ROOT / ".pictures"
    folder.mkdir(exist_ok=True)
    output.screenshot(path=str(folder / f"{name}.png"))


def picture_all(lab: Lab, page: object) -> None:
    """Open a notebook, run it, and take a picture of each live view."""
    notebook = lab.open(
        page,  # type: ignore[arg-type]
        *cells_of_flights(),
        "run = session.launch('delays')\nrun",
        "routes.launchpad()",
        "run.wait(60)\nsession.execute_job('routes')\nsession.runs",
    )
    notebook.run_all()
    notebook.output(2).get_by_text("succeeded").first.wait_for(timeout=120_000)
    notebook.output(4).get_by_text("routes").first.wait_for(timeout=60_000)
    notebook.page.wait_for_timeout(1500)
    notebook.output(2).get_by_role("tab", name="Timeline").click()
    notebook.page.wait_for_timeout(1000)
    take(notebook.output(2), "run")
    take(notebook.output(3), "launchpad")
    take(notebook.output(4), "history")


def picture_partitions(lab: Lab, page: object) -> None:
    """Fill a part of the year, and take a picture of the calendar with some days selected."""
    code = code_of("partitions")
    asset = next(n for n, text in enumerate(code) if "def departures" in text)
    notebook = lab.open(
        page,  # type: ignore[arg-type]
        "\n\n".join(code[: asset + 1]),
        "session.backfill('departures', PartitionKeyRange('2013-01-01', '2013-10-13')).wait()",
        "session.partitions('departures')",
    )
    notebook.run_all()
    notebook.output(1).get_by_text("285 made").first.wait_for(timeout=120_000)
    view = notebook.output(2)
    written = view.get_by_role("textbox", name="selection")
    written.wait_for(timeout=60_000)
    written.fill("2013-10-14...2013-11-30")
    written.press("Enter")
    written.blur()
    view.get_by_role("button", name="Materialize selected").wait_for()
    notebook.page.wait_for_timeout(1000)
    take(view, "partitions")


def picture_page(browser: Browser, folder: Path) -> None:
    """Execute the flights notebook, and take a picture of its page of `jobnb ui`."""
    shutil.copy(ROOT / "notebooks" / "flights.ipynb", folder)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JOBNB_HOME": str(folder / "home")}
    words = [sys.executable, "-m", "jobnb.cli", "execute", "flights.ipynb"]
    subprocess.run(words, cwd=folder, env=environment, check=True, timeout=300)
    server = PageServer(folder, file="flights.ipynb")
    try:
        page = browser.new_page(viewport={"width": 1150, "height": 720})
        page.goto(server.door)
        page.locator("main").get_by_text("fresh", exact=True).first.wait_for(timeout=60_000)
        page.wait_for_timeout(1000)
        page.screenshot(path=str(ROOT / ".pictures" / "page.png"))
        page.close()
    finally:
        server.stop()


def main() -> None:
    """Make all pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as lab,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1150, "height": 5000}, device_scale_factor=1.5)
        picture_all(lab, page)
        picture_partitions(lab, page)
        picture_page(browser, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
