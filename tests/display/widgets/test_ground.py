"""What all live views stand on: assembling, asking and answering, the pace of news."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest

from jobnb import JobnbError
from jobnb.display.palette import GLYPHS
from jobnb.display.picture import Status
from jobnb.display.widgets import assemble
from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.catalogue import Catalogue
from jobnb.display.widgets.graph import GraphView
from jobnb.display.widgets.live_and_static import WIDGET_MIME, widget_bundle
from jobnb.display.widgets.tabbed import Note, TabBar
from jobnb.display.widgets.view import Throttle, View, answers


def test_a_module_has_its_parts_before_its_own_file():
    text = esm("parts/dom.js", "graph.js")
    assert text.index("function el(") < text.index("export default")
    assert GLYPHS[Status.SUCCEEDED] in text


def test_a_part_that_exports_is_refused(monkeypatch):
    monkeypatch.setattr(assemble, "_read", lambda name: "export const x = 1;")
    with pytest.raises(ValueError, match="bad.js is a part"):
        esm.__wrapped__("bad.js", "main.js")


@pytest.mark.parametrize("widget", [GraphView, Catalogue, TabBar, Note])
def test_no_part_defines_what_another_does(widget):
    names = re.findall(r"^(?:async )?(?:function|const|let) (\w+)", str(widget._esm), re.MULTILINE)
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("widget", [GraphView, Catalogue, TabBar, Note])
def test_data_never_becomes_markup(widget):
    text = str(widget._esm)
    for way in (".innerHTML", ".outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "import(" not in text


def test_the_style_sheet_has_both_themes():
    text = css("graph_view.css")
    assert 'data-jp-theme-light="false"' in text
    assert ".jw-hover" in text


class Echo(View):
    """Answers with what it is asked."""

    @answers("echo")
    def _echo(self, text: str) -> str:
        return text.upper()

    @answers("fail")
    def _fail(self) -> None:
        raise JobnbError("not today")


class Louder(Echo):
    """Answers one thing of its own, and what its parent does."""

    @answers("shout")
    def _shout(self) -> str:
        return "!"


@pytest.fixture
def echo(monkeypatch):
    view = Louder()
    view.sent = []
    monkeypatch.setattr(view, "send", view.sent.append)
    return view


def ask(view, name, **asked):
    view._handle_custom_msg({"ask": name, "id": "7", "with": asked}, [])
    return view.sent[-1]


def test_an_answer_carries_the_number_of_its_question(echo):
    assert ask(echo, "echo", text="a") == {"answer": "7", "value": "A"}
    assert ask(echo, "shout") == {"answer": "7", "value": "!"}


@pytest.mark.parametrize(
    ("name", "asked", "told"),
    [
        ("fail", {}, "not today"),
        ("nothing", {}, "cannot answer"),
        ("echo", {"wrong": 1}, "wrong"),
    ],
)
def test_a_question_that_fails_is_answered_with_why(echo, name, asked, told):
    answer = ask(echo, name, **asked)
    assert answer["answer"] == "7"
    assert told in answer["error"]


@pytest.mark.parametrize("content", [None, [], {}, {"event": "click"}, "text"])
def test_messages_of_others_are_left_alone(echo, content):
    echo._handle_custom_msg(content, [])
    assert echo.sent == []


def test_a_view_is_referred_to_by_its_model():
    view = Echo()
    assert widget_bundle(view)[WIDGET_MIME]["model_id"] == view.model_id


class Heard:
    def __init__(self):
        self.news, self.times, self.done = [], [], threading.Event()

    def __call__(self, news):
        self.news.append(news)
        self.times.append(time.monotonic())
        if news.get("end"):
            self.done.set()


def test_the_first_news_goes_out_at_once_and_later_ones_together():
    heard = Heard()
    pace = Throttle(heard, pause=0.05)
    for number in range(100):
        pace.tell("marks", {f"k{number % 5}": number})
    assert heard.news == [{"marks": {"k0": 0}}]
    pace.tell("end", {"over": True})
    assert heard.done.wait(5)
    assert heard.news[1:] == [
        {"marks": {"k0": 95, "k1": 96, "k2": 97, "k3": 98, "k4": 99}, "end": {"over": True}}
    ]


def test_news_from_many_threads_keep_the_pause_and_none_is_lost():
    heard = Heard()
    pace = Throttle(heard, pause=0.02)

    def tell(part):
        for number in range(300):
            pace.tell("n", {f"{part}-{number}": number})
            time.sleep(0.0002)

    threads = [threading.Thread(target=tell, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pace.tell("end", {"over": True})
    assert heard.done.wait(5)
    merged = {key: value for news in heard.news for key, value in news.get("n", {}).items()}
    assert len(merged) == 1200
    gaps = [after - before for before, after in zip(heard.times, heard.times[1:], strict=False)]
    assert min(gaps) >= 0.019


def test_a_stopped_pace_forgets_what_waits_and_goes_on_later():
    heard = Heard()
    pace = Throttle(heard, pause=0.05)
    pace.tell("a", {"x": 1})
    pace.tell("a", {"x": 2})
    pace.stop()
    pace.tell("end", {"over": True})
    assert heard.done.wait(5)
    assert heard.news == [{"a": {"x": 1}}, {"end": {"over": True}}]


def test_every_view_tells_when_its_kernel_is_gone():
    static = files("jobnb.display") / "static"
    own = [each for each in static.iterdir() if each.name.endswith(".js")]
    texts = {each.name: each.read_text(encoding="utf-8") for each in own}
    del texts["page.js"]  # the page around the views, which connects again by itself
    assert len(texts) > 8
    assert [name for name, text in texts.items() if "export default alive({" not in text] == []


# --- the scripts as a linter sees them -----------------------------------------

OXLINT = Path(sys.executable).with_name("oxlint")
WIDGETS = {
    "asset": ["AssetCard"],
    "automation": ["AutomationTable"],
    "backfill": ["BackfillView"],
    "catalogue": ["Catalogue"],
    "graph": ["GraphView"],
    "history": ["HistoryTable"],
    "launchpad": ["LaunchFormView"],
    "partitions": ["PartitionsView"],
    "run": ["RunHead", "RunTabs"],
    "tabbed": ["TabBar", "Note"],
}


@pytest.mark.skipif(not OXLINT.exists(), reason="oxlint comes with the extra `dev`")
def test_no_script_names_what_its_parts_do_not_define(tmp_path):
    for module, kinds in WIDGETS.items():
        for kind in kinds:
            found = getattr(import_module(f"jobnb.display.widgets.{module}"), kind)
            (tmp_path / f"{kind}.js").write_text(str(found._esm), encoding="utf-8")
    rules = {
        "env": {"browser": True, "es2024": True},
        "categories": {"correctness": "off"},
        "rules": {"no-undef": "error", "no-redeclare": "error", "no-const-assign": "error"},
    }
    config = tmp_path / "rules.json"
    config.write_text(json.dumps(rules), encoding="utf-8")
    done = subprocess.run(
        [OXLINT, "--config", config, tmp_path], capture_output=True, text=True, timeout=60
    )
    assert "on 12 files" in done.stdout
    assert done.returncode == 0, done.stdout


def test_every_part_is_used_and_every_function_in_it():
    parts = list(files("jobnb.display").joinpath("static", "parts").iterdir())
    whole = "\n".join(
        each.read_text(encoding="utf-8")
        for each in [*parts, *files("jobnb.display").joinpath("static").iterdir()]
        if each.name.endswith(".js")
    )
    for name in re.findall(r"^(?:async )?(?:function|class) (\w+)", whole, re.MULTILINE):
        assert len(re.findall(rf"\b{name}\b", whole)) > 1, name
