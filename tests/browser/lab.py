"""A JupyterLab server, and what a person does in it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Locator, Page

ROOT = Path(__file__).parents[2]
TOKEN = "of-the-tests"
POLL_MS = 100

# To load JupyterLab takes seconds of a core; to open another notebook in it does not.
IS_LAB = "window.jupyterapp?.name === 'JupyterLab'"
OPEN = """
async path => {
    await window.jupyterapp.commands.execute(
        'docmanager:open', { path, factory: 'Notebook', kernel: { name: 'python3' } });
}
"""
CLOSE = """
() => {
    document.querySelectorAll('.jp-Dialog .jp-mod-reject').forEach(button => button.click());
    for (const widget of [...window.jupyterapp.shell.widgets('main')]) widget.dispose();
}
"""


class Lab:
    """A server; `open` shows a notebook of it in a page."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self._count = 0

    def open(self, page: Page, *cells: str, dark: bool = False, view: str = "lab") -> Notebook:
        """A new notebook with these cells, its kernel ready; nothing has run yet."""
        return self.show(page, self.write(*cells), dark=dark, view=view)

    def write(self, *cells: str) -> str:
        """A notebook file with these cells, and its name."""
        self._count += 1
        name = f"nb{self._count}.ipynb"
        nbformat.write(
            new_notebook(
                cells=[new_code_cell(text) for text in cells],
                metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            ),
            self.folder / name,
        )
        return name

    def show(self, page: Page, name: str, *, dark: bool = False, view: str = "lab") -> Notebook:
        """A notebook that is there already, alone in the JupyterLab of this page if it has one."""
        if view == "lab" and self.clear(page):
            page.evaluate(OPEN, name)
        else:
            where = f"{view}/tree/{name}" if view == "lab" else f"{view}/{name}"
            page.goto(f"{self.url}/{where}?token={TOKEN}&reset", wait_until="domcontentloaded")
        notebook = Notebook(page)
        notebook.wait_ready()
        notebook.choose_theme(dark=dark)
        return notebook

    def load(self, page: Page, name: str) -> Notebook:
        """A notebook that is there already, JupyterLab loaded anew around it."""
        page.goto("about:blank")
        return self.show(page, name)

    def clear(self, page: Page) -> bool:
        """Close what is open in this JupyterLab; False if the page shows something else."""
        if not page.evaluate(IS_LAB):
            return False
        page.evaluate(CLOSE)
        return True

    def voila(self, page: Page, *cells: str) -> Page:
        """A notebook of these cells as an app: it runs, and only what came out is seen."""
        name = self.write(*cells)
        page.goto(f"{self.url}/voila/render/{name}?token={TOKEN}", wait_until="domcontentloaded")
        return page

    def end_kernels(self) -> None:
        """Shut down all kernels: each takes memory, and some of the next test's time."""
        with urllib.request.urlopen(f"{self.url}/api/kernels?token={TOKEN}", timeout=20) as told:
            kernels = [each["id"] for each in json.load(told)]
        for each in kernels:
            where = f"{self.url}/api/kernels/{each}?token={TOKEN}"
            urllib.request.urlopen(urllib.request.Request(where, method="DELETE"), timeout=30)


class Notebook:
    """A notebook in a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def wait_ready(self) -> None:
        """Wait until the notebook is drawn and its kernel answers."""
        # Not at each frame, as is the default: JupyterLab would be drawn all the time.
        self.page.wait_for_function(
            "window.jupyterapp !== undefined", timeout=60_000, polling=POLL_MS
        )
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        self.page.wait_for_function(
            """() => [...window.jupyterapp.shell.widgets('main')].some(
                w => w.sessionContext?.session?.kernel?.connectionStatus === 'connected'
                  && w.sessionContext.session.kernel.status === 'idle')""",
            timeout=60_000,
            polling=POLL_MS,
        )

    def choose_theme(self, *, dark: bool) -> None:
        """Have JupyterLab light or dark; Notebook starts light."""
        wanted = "false" if dark else "true"
        shown = self.page.locator(f'body[data-jp-theme-light="{wanted}"]')
        if not shown.count():
            name = "JupyterLab Dark" if dark else "JupyterLab Light"
            self.command("apputils:change-theme", {"theme": name})
            shown.wait_for(state="attached")

    def command(self, name: str, arguments: dict[str, object] | None = None) -> None:
        """What a menu entry or shortcut does."""
        self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args); }",
            [name, arguments or {}],
        )

    def save(self) -> str:
        """Save it; the name of its file."""
        saved: str = self.page.evaluate(
            """async () => {
                const { context } = window.jupyterapp.shell.currentWidget;
                await context.save();
                return context.path;
            }"""
        )
        return saved

    def run_all(self) -> None:
        """Run all cells and wait for them."""
        self.command("notebook:run-all-cells")

    def start(self, number: int) -> None:
        """Run one cell and do not wait for it."""
        self.page.evaluate(
            """number => {
                const shown = window.jupyterapp.shell.currentWidget.content;
                shown.deselectAll();
                shown.activeCellIndex = number;
                window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            number,
        )
        self.cell(number).scroll_into_view_if_needed()

    def cell(self, number: int) -> Locator:
        """The cell at this place, from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def output(self, number: int) -> Locator:
        """What came out of it last, but for the picture that a live view leaves behind."""
        each = ".jp-Cell-outputArea > .jp-OutputArea-child:not(:has([data-jobnb-twin]))"
        return self.cell(number).locator(each).last


@contextmanager
def serving(folder: Path) -> Iterator[Lab]:
    """A JupyterLab server of its own on 127.0.0.1, ended by its process id."""
    port = _free_port()
    log = (folder / "server.log").open("w")
    home = folder / "notebooks"
    home.mkdir()
    _ask_for_no_news(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *_options(port, home)],
        cwd=home,
        env=_environment(folder),
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process, folder / "server.log")
        yield Lab(url, home)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
        log.close()


def _options(port: int, home: Path) -> list[str]:
    return [
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={home}",
        "--ServerApp.port_retries=0",
        "--allow-root",
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]


def _environment(folder: Path) -> dict[str, str]:
    """Settings, history and runtime files of nobody else."""
    own = {
        "PYTHONPATH": str(ROOT),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JOBNB_HOME": str(folder / "history"),
    }
    return {**os.environ, **own}


def _ask_for_no_news(folder: Path) -> None:
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    text = '{"fetchNews": "false", "checkForUpdates": false}'
    (settings / "notification.jupyterlab-settings").write_text(text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{url}/api?token={TOKEN}", timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
