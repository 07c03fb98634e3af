"""A launchpad as a person uses it: fields filled, mistakes shown, YAML edited, runs launched."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.timeout(120)

JOB = """
import datetime as dt
import enum
from pathlib import Path
from typing import Literal
from pydantic import Field, SecretStr
from jobnb import Config, job, op

class Colour(enum.Enum):
    red = 1
    blue = 2

class Cat(Config):
    kind: Literal["cat"] = "cat"
    lives: int = 9

class Dog(Config):
    kind: Literal["dog"] = "dog"
    name: str

class Nest(Config):
    x: int = Field(1, description="Where it is.")

class Everything(Config):
    '''All that a form can ask for.'''
    count: int = Field(description="How many <b>things</b>.", ge=0, le=100)
    share: float = 0.5
    on: bool = False
    word: str
    essay: str = Field("", json_schema_extra={"multiline": True})
    grade: Literal["a", "b"] = "a"
    colour: Colour = Colour.red
    maybe: int | None = None
    day: dt.date = dt.date(2013, 1, 31)
    moment: dt.datetime | None = None
    hour: dt.time = dt.time(12)
    wait: dt.timedelta = dt.timedelta(hours=1)
    place: Path = Path("data")
    password: SecretStr
    home: str = "here"
    numbers: list[int] = [1]
    weights: dict[str, float] = {}
    nest: Nest = Nest()
    pet: Cat | Dog = Field(Cat(), discriminator="kind")
    either: int | str = 3
    free: object = None

SEEN = {}

@op
def everything(config: Everything):
    SEEN.update(config.model_dump())

@job
def filled_NUMBER():
    everything()

filled_NUMBER.launchpad()
"""

SMALL = """
from jobnb import Config, job, op

class Load(Config):
    year: int = 2013
    origin: str

@op
def load(config: Load):
    return config.year

@op(config_schema={"factor": int})
def scale(context, n):
    if context.op_config["factor"] == 0:
        raise ValueError("a factor of nothing")
    return n * context.op_config["factor"]

@job(tags={"team": "flights"})
def daily_NUMBER():
    scale(load())

daily_NUMBER.launchpad()
"""


class Pad:
    """A launchpad in a page."""

    def __init__(self, page: Page) -> None:
        self.box = page.locator(".jl-launchpad").first
        self.box.wait_for(timeout=30_000)

    def row(self, path: str):
        return self.box.locator(f'[data-row="{path}"]')

    def field(self, path: str):
        return self.row(path).locator("input:not([aria-hidden]), select, textarea").first

    def fill(self, path: str, text: str) -> None:
        self.field(path).fill(text)
        self.field(path).blur()

    @property
    def problems(self):
        return self.box.locator(".jl-problems")

    def open(self, name: str) -> None:
        self.box.get_by_role("tab", name=name).click()


def opened(lab, tab, code: str, number: int, **more) -> tuple:
    notebook = lab.open(tab, code.replace("NUMBER", str(number)), "1 + 1", **more)
    notebook.start(0)
    return notebook, Pad(tab)


def test_every_kind_of_field_can_be_filled_and_launched(lab, tab):
    code = JOB + "\n"
    notebook = lab.open(tab, code.replace("NUMBER", "1"), "print(SEEN)")
    notebook.start(0)
    pad, at = Pad(tab), "ops/everything/config"
    pad.fill(f"{at}/count", "12")
    pad.field(f"{at}/count").press("ArrowUp")
    pad.fill(f"{at}/share", "1e-3")
    pad.row(f"{at}/on").locator("input").check()
    pad.fill(f"{at}/word", "<img src=x>")
    pad.fill(f"{at}/essay", "two\nlines")
    pad.field(f"{at}/grade").select_option("b")
    pad.field(f"{at}/colour").select_option("blue")
    pad.row(f"{at}/maybe").get_by_role("button", name="give a value").click()
    pad.fill(f"{at}/maybe", "5")
    pad.fill(f"{at}/day", "2014-02-03")
    pad.row(f"{at}/moment").get_by_role("button", name="give a value").click()
    pad.fill(f"{at}/moment", "2014-02-03T04:05:06")
    pad.fill(f"{at}/hour", "07:30")
    pad.fill(f"{at}/wait", "90")
    pad.fill(f"{at}/place", "other/place")
    pad.fill(f"{at}/password", "hunter22")
    pad.row(f"{at}/home").get_by_role("button", name="From environment").click()
    pad.field(f"{at}/home").fill("HOME")
    pad.field(f"{at}/home").blur()
    pad.row(f"{at}/numbers").get_by_role("button", name="Add item").click()
    pad.fill(f"{at}/numbers/1", "7")
    pad.row(f"{at}/numbers/1").get_by_role("button", name="Move up").click()
    pad.row(f"{at}/weights").get_by_role("button", name="Add key").click()
    pad.row(f"{at}/weights/key1").locator(".jl-key").fill("heavy")
    pad.row(f"{at}/weights/key1").locator(".jl-key").blur()
    pad.row(f"{at}/weights/heavy").locator(".jl-number").fill("2.5")
    pad.row(f"{at}/weights/heavy").locator(".jl-number").blur()
    pad.fill(f"{at}/nest/x", "3")
    pad.row(f"{at}/pet").get_by_label("kind of pet").select_option("Dog")
    pad.fill(f"{at}/pet/name", "Rex")
    pad.row(f"{at}/either").get_by_label("kind of either").select_option("text")
    pad.row(f"{at}/either").get_by_label("either", exact=True).fill("12")
    pad.row(f"{at}/either").get_by_label("either", exact=True).blur()
    pad.fill(f"{at}/free", "[1, {a: b}]")
    expect(pad.problems).to_have_text("Ready to launch.")
    pad.open("YAML")
    yaml = pad.box.get_by_label("config as YAML")
    expect(yaml).to_have_value(re.compile("secret:ops.everything.config.password"))
    assert "hunter22" not in yaml.input_value()
    pad.box.get_by_role("button", name="Launch", exact=True).click()
    expect(tab.locator(".jw-badge", has_text="succeeded").first).to_be_visible(timeout=30_000)
    notebook.start(1)
    seen = notebook.output(1)
    expect(seen).to_contain_text("'count': 13")
    for part in (
        "'share': 0.001", "'on': True", "'word': '<img src=x>'", "'essay': 'two\\nlines'",
        "'grade': 'b'", "Colour.blue", "'maybe': 5", "date(2014, 2, 3)",
        "datetime(2014, 2, 3, 4, 5, 6)", "time(7, 30)", "seconds=90", "other/place",
        "'numbers': [7, 1]", "{'heavy': 2.5}", "'nest': {'x': 3}", "'name': 'Rex'",
        "'either': '12'", "'free': [1, {'a': 'b'}]",
    ):  # fmt: skip
        expect(seen).to_contain_text(part)
    expect(seen).not_to_contain_text("'home': 'here'")
    assert tab.locator(".jl-launchpad img").count() == 0


def test_mistakes_are_told_at_their_fields_as_they_are_typed(lab, tab):
    _, pad = opened(lab, tab, SMALL, 2)
    count = pad.problems.get_by_role("button")
    expect(count).to_have_text("2 problems")
    pad.field("ops/load/config/year").press("End")
    pad.field("ops/load/config/year").press_sequentially("x")
    error = pad.row("ops/load/config/year").locator(".jl-error")
    expect(error).to_contain_text("must be an integer")
    expect(pad.field("ops/load/config/year")).to_be_focused()
    expect(pad.field("ops/load/config/year")).to_have_value("2013x")
    expect(count).to_have_text("3 problems")
    pad.box.get_by_role("button", name="Launch", exact=True).click()
    expect(pad.box.locator(".jl-status")).to_contain_text("Not launched: 3 problems")
    count.click()
    expect(pad.box.locator('input[aria-invalid="true"]').first).to_be_focused()
    pad.row("ops/load/config/year").get_by_role("button", name="Back to the default").click()
    expect(pad.field("ops/load/config/year")).to_have_value("2013")
    pad.fill("ops/load/config/origin", "JFK")
    pad.fill("ops/scale/config/factor", "2")
    expect(pad.problems).to_have_text("Ready to launch.")


def test_the_form_follows_the_yaml_and_a_typo_loses_nothing(lab, tab):
    _, pad = opened(lab, tab, SMALL, 3)
    pad.fill("ops/load/config/origin", "JFK")
    pad.open("YAML")
    yaml = pad.box.get_by_label("config as YAML")
    expect(yaml).to_have_value(re.compile("origin: JFK"))
    yaml.fill("# mine\nops:\n  load: {config: {origin: LGA}}\n  scale: {config: {factor: 4}}\n")
    pad.open("Form")
    expect(pad.field("ops/load/config/origin")).to_have_value("LGA")
    expect(pad.field("ops/scale/config/factor")).to_have_value("4")
    expect(pad.problems).to_have_text("Ready to launch.")
    pad.fill("ops/scale/config/factor", "6")
    pad.open("YAML")
    expect(yaml).to_have_value(re.compile("# mine\nops:\n.*LGA.*\n.*factor: 6"))
    yaml.fill("ops: {load: [\n")
    expect(pad.problems).to_contain_text("line 2")
    pad.open("Form")
    pad.fill("ops/scale/config/factor", "5")
    pad.open("YAML")
    expect(yaml).to_have_value("ops: {load: [\n")
    pad.box.get_by_text("The form still holds").click()
    expect(pad.box.locator("pre")).to_contain_text("factor: 5")
    pad.box.get_by_role("button", name="Discard this text").click()
    expect(yaml).to_have_value(re.compile("factor: 5"))
    expect(pad.problems).to_have_text("Ready to launch.")


def test_a_selection_asks_only_for_what_it_needs_and_presets_come_back(lab, tab):
    notebook, pad = opened(lab, tab, SMALL, 4)
    steps = pad.box.get_by_label("Steps")
    steps.fill("load")
    steps.blur()
    expect(pad.box.locator(".jl-choices")).to_contain_text("1 step")
    expect(pad.row("ops/scale/config/factor")).to_have_count(0)
    pad.fill("ops/load/config/origin", "EWR")
    pad.box.get_by_label("add a tag").fill("why: because")
    pad.box.get_by_label("add a tag").blur()
    expect(pad.box.locator(".jl-tags")).to_contain_text("team: flights")
    pad.box.get_by_label("name of the preset").fill("mine")
    pad.box.get_by_role("button", name="Save").click()
    expect(pad.box.locator(".jl-status")).to_contain_text("'mine' is saved")
    pad.box.get_by_role("button", name="Launch", exact=True).click()
    expect(tab.locator(".jw-badge", has_text="succeeded").first).to_be_visible(timeout=30_000)
    pad.box.get_by_role("button", name="Reset").click()
    expect(pad.field("ops/load/config/origin")).to_have_value("")
    steps.fill("")
    steps.blur()
    expect(pad.row("ops/scale/config/factor")).to_have_count(1)
    pad.box.get_by_label("preset", exact=True).select_option("mine")
    expect(pad.field("ops/load/config/origin")).to_have_value("EWR")
    expect(steps).to_have_value("load")
    pad.box.get_by_label("as in run").select_option(index=1)
    expect(pad.box.locator(".jl-status")).to_contain_text("as in run")
    expect(pad.field("ops/load/config/origin")).to_have_value("EWR")
    notebook.start(0)  # shown again: it still holds what was typed
    expect(pad.field("ops/load/config/origin")).to_have_value("EWR")


def test_a_failed_run_leaves_the_form_as_it_was(lab, tab):
    _, pad = opened(lab, tab, SMALL, 5)
    pad.fill("ops/load/config/origin", "JFK")
    pad.fill("ops/scale/config/factor", "0")
    pad.box.get_by_role("button", name="Launch", exact=True).click()
    expect(tab.get_by_text("a factor of nothing").first).to_be_visible(timeout=30_000)
    expect(pad.field("ops/load/config/origin")).to_have_value("JFK")
    pad.fill("ops/scale/config/factor", "3")
    pad.box.get_by_role("button", name="Launch", exact=True).click()
    expect(tab.locator(".jw-badge", has_text="succeeded").first).to_be_visible(timeout=30_000)


def test_it_is_readable_on_a_dark_page_and_on_a_narrow_one(lab, tab):
    _, pad = opened(lab, tab, SMALL, 6, dark=True)
    field = pad.field("ops/load/config/origin")
    expect(field).to_be_visible()
    colours = field.evaluate(
        """node => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"""
    )
    front, back = (sum(map(int, re.findall(r"\d+", colour)[:3])) / 3 for colour in colours)
    assert front - back > 120
    tab.set_viewport_size({"width": 520, "height": 900})
    expect(field).to_be_visible()
    assert field.bounding_box()["width"] > 60


PARTITIONED = """
from jobnb import Config, asset, session, job, op, static_partitioned_config

class Load(Config):
    origin: str

@op
def load(config: Load):
    return config.origin

@static_partitioned_config(partition_keys=["EWR", "JFK", "LGA"])
def by_airport(key):
    return {"ops": {"load": {"config": {"origin": key}}}}

@job(config=by_airport)
def airports_NUMBER():
    load()

class Top(Config):
    most: int = 3

@asset
def orders_NUMBER(config: Top):
    return config.most

@asset
def revenue_NUMBER(orders_NUMBER):
    return orders_NUMBER
"""


def test_a_partition_fills_the_config(lab, tab):
    _, pad = opened(lab, tab, PARTITIONED + "\nairports_NUMBER.launchpad()", 7)
    partition = pad.box.get_by_label("Partition")
    expect(partition.locator("option")).to_have_text(["choose …", "EWR", "JFK", "LGA"])
    pad.box.get_by_role("button", name="Several …").click()
    partition = pad.box.get_by_label("Partition")
    partition.fill("JFX")
    partition.blur()
    expect(pad.box.locator(".jl-choices")).to_contain_text("Did you mean 'JFK'?")
    pad.box.get_by_role("button", name="Choose one").click()
    partition = pad.box.get_by_label("Partition")
    partition.select_option("JFK")
    expect(pad.field("ops/load/config/origin")).to_have_value("JFK")
    expect(pad.box.locator(".jl-tags")).to_contain_text("dagster/partition: JFK")
    pad.box.get_by_role("button", name="Launch", exact=True).click()
    expect(tab.locator(".jw-badge", has_text="succeeded").first).to_be_visible(timeout=30_000)


DAILY = """
from jobnb import DailyPartitionsDefinition, asset, session
@asset(partitions_def=DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01"))
def flights_NUMBER(context):
    return dict.fromkeys(context.partition_keys, 1)
session.launchpad("flights_NUMBER")
"""


def test_without_a_partition_it_is_said_at_the_field_and_nothing_runs(lab, tab):
    _, pad = opened(lab, tab, DAILY, 9)
    partition, said = pad.box.get_by_label("Partition"), pad.box.locator(".jl-wrong").last
    expect(said).to_contain_text("365 partitions, '2013-01-01' to '2013-12-31'")
    pad.box.get_by_role("button", name="Launch", exact=True).click()
    expect(partition).to_be_focused()
    expect(partition).to_have_attribute("aria-invalid", "true")
    expect(pad.box.locator(".jl-status")).to_have_text("Not launched: 1 problem")
    partition.fill("2013-01-02...2013-01-04")
    partition.blur()
    expect(said).to_be_empty()
    expect(pad.problems).to_have_text("Ready to launch.")
    pad.box.get_by_role("button", name="Launch", exact=True).click()
    expect(tab.locator(".jw-badge", has_text="succeeded").first).to_be_visible(timeout=30_000)


def test_assets_of_a_session_are_launched_from_a_form(lab, tab):
    code = PARTITIONED + '\nsession.launchpad("*revenue_NUMBER")'
    notebook = lab.open(tab, code.replace("NUMBER", "8"), 'print(session.value("revenue_8"))')
    notebook.start(0)
    pad = Pad(tab)
    pad.fill("ops/orders_8/config/most", "41")
    pad.field("ops/orders_8/config/most").press("Control+Enter")
    expect(tab.locator(".jw-badge", has_text="succeeded").first).to_be_visible(timeout=30_000)
    notebook.start(1)
    expect(notebook.output(1)).to_contain_text("41")


DIMENSIONS = """
from jobnb import (
    DailyPartitionsDefinition, MultiPartitionsDefinition, StaticPartitionsDefinition, asset,
    session,
)
parts = MultiPartitionsDefinition({
    "day": DailyPartitionsDefinition("2013-01-01", end_date="2014-01-01"),
    "region": StaticPartitionsDefinition(["eu", "us"]),
})
@asset(partitions_def=parts)
def sales_NUMBER(context):
    return context.partition_key
session.launchpad("sales_NUMBER")
"""


def test_each_dimension_of_a_partition_is_chosen_by_itself(lab, tab):
    _, pad = opened(lab, tab, DIMENSIONS, 12)
    group = pad.box.get_by_role("group", name="Partition")
    group.get_by_label("region").select_option("us")
    expect(pad.problems).to_contain_text("1 problem")  # a day is still to be chosen
    day = group.get_by_label("day")
    day.fill("2013-01-0")
    expect(group.locator("option[value='2013-01-09']")).to_have_count(1)
    day.fill("2013-01-09")
    day.blur()
    expect(pad.box.get_by_text("Ready to launch.")).to_be_visible()
    pad.box.get_by_role("button", name="Launch").click()
    expect(tab.locator(".jw-run-head").first).to_contain_text("succeeded", timeout=30_000)


COMPLETED = """
from typing import Literal
from jobnb import Config, job, op
from pydantic import Field

class Load(Config):
    origin: Literal["EWR", "JFK"] = "JFK"
    month: int = Field(1, description="From 1 to 12.")

@op
def load(config: Load):
    return config.month

@job
def daily_NUMBER():
    load()

daily_NUMBER.launchpad()
"""


def test_yaml_is_completed_by_the_keyboard_alone(lab, tab):
    _, pad = opened(lab, tab, COMPLETED, 13)
    press = tab.keyboard.press
    pad.open("YAML")
    yaml = pad.box.get_by_label("config as YAML")
    offers = pad.box.get_by_role("listbox", name="What may stand here")
    yaml.focus()
    expect(yaml).to_have_accessible_description("Ctrl+Space offers what may stand at the cursor.")
    press("Control+Space")
    chosen = offers.locator('[aria-selected="true"]')
    expect(chosen).to_contain_text("ops")
    press("Enter")  # what may stand below is offered right away
    expect(chosen).to_contain_text("load")
    press("Enter")
    expect(chosen).to_contain_text("config")
    press("Tab")
    expect(offers.get_by_role("option")).to_have_count(2)
    tab.keyboard.type("mo")
    expect(chosen).to_contain_text("month")
    expect(chosen).to_contain_text("an integer = 1")
    expect(chosen).to_have_attribute("title", "From 1 to 12.")
    expect(yaml).to_have_attribute("aria-activedescendant", chosen.get_attribute("id"))
    press("Enter")
    press("Escape")
    expect(offers).to_be_hidden()
    tab.keyboard.type("3")
    press("Enter")  # the next line stands where this one does
    tab.keyboard.type("or")
    expect(chosen).to_contain_text("origin")
    press("Enter")
    expect(offers.get_by_role("option")).to_have_text(["JFKdefault", "EWR"])
    press("ArrowDown")
    press("Enter")
    expect(yaml).to_have_value("ops:\n  load:\n    config:\n      month: 3\n      origin: EWR")
    press("Tab")  # where nothing is offered it goes on through the page
    expect(yaml).not_to_be_focused()
    pad.open("Form")
    expect(pad.field("ops/load/config/month")).to_have_value("3")


def test_undo_takes_back_what_was_completed_and_redo_brings_it_again(lab, tab):
    _, pad = opened(lab, tab, COMPLETED, 16)
    press = tab.keyboard.press
    pad.open("YAML")
    yaml = pad.box.get_by_label("config as YAML")
    offers = pad.box.get_by_role("listbox", name="What may stand here")
    yaml.focus()
    tab.keyboard.type("o")
    expect(offers.locator('[aria-selected="true"]')).to_contain_text("ops")
    press("Enter")
    expect(yaml).to_have_value("ops:\n  ")
    press("Escape")
    # What was typed has been read, and answered, by the kernel meanwhile.
    expect(pad.box.locator(".jl-problems")).to_contain_text("Ready to launch")
    tab.wait_for_timeout(1000)
    press("Control+z")
    expect(yaml).to_have_value("o")
    press("Control+Shift+z")
    expect(yaml).to_have_value("ops:\n  ")
    press("Control+z")
    press("Control+z")
    expect(yaml).to_have_value("")
    tab.keyboard.type("# mine")
    press("Enter")
    tab.keyboard.type("# too")
    expect(yaml).to_have_value("# mine\n# too")
    assert tab.locator(".jp-Notebook .jp-Cell").count() == 2  # JupyterLab undid nothing of its own


def test_the_executor_is_chosen_in_the_form(lab, tab):
    _, pad = opened(lab, tab, COMPLETED, 17)
    ways = pad.box.get_by_label("Executor")
    expect(ways.locator("option").first).to_have_text("in process (the job's own)")
    ways.select_option("threads")
    pad.box.get_by_role("button", name="Launch", exact=True).click()
    expect(tab.locator(".jw-badge", has_text="succeeded").first).to_be_visible(timeout=30_000)
    expect(ways).to_have_value("threads")
    ways.select_option("multiprocess")
    expect(pad.box.get_by_label("max_concurrent").first).to_be_visible()
    pad.box.get_by_label("as in run").select_option(index=1)
    expect(ways).to_have_value("threads")


def test_yaml_has_colours_that_can_be_read_in_both_themes(lab, tab):
    notebook, pad = opened(lab, tab, COMPLETED, 14)
    pad.open("YAML")
    yaml = pad.box.get_by_label("config as YAML")
    yaml.fill("ops:  # mine\n  load: {config: {month: 3}}\n  'a # b': \"c\"\n  - true\n")
    paint = pad.box.locator(".jl-yaml-paint")
    assert paint.evaluate("each => each.textContent") == yaml.input_value() + "\n"
    expect(paint.locator(".jl-y-key")).to_have_text(["ops", "load", "'a # b'"])
    expect(paint.locator(".jl-y-note")).to_have_text("# mine")
    expect(paint.locator(".jl-y-text")).to_have_text('"c"')
    expect(paint.locator(".jl-y-value")).to_have_text(["3", "true"])
    for theme in ("Light", "Dark"):
        notebook.command("apputils:change-theme", {"theme": f"JupyterLab {theme}"})
        light = str(theme == "Light").lower()
        tab.locator(f'body[data-jp-theme-light="{light}"]').wait_for(state="attached")
        for kind in ("key", "note", "text", "value"):
            assert paint.locator(f".jl-y-{kind}").first.evaluate(CONTRAST) >= 4.5, (theme, kind)


CONTRAST = """piece => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[0-9.]+/g).map(Number).map((part) => part / 255)
      .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const over = getComputedStyle(piece).color;
  const under = getComputedStyle(piece.closest('.jl-yaml-paint')).backgroundColor;
  const [low, high] = [light(over), light(under)].sort((one, other) => one - other);
  return (high + 0.05) / (low + 0.05);
}"""


def test_the_colours_lie_where_the_text_lies(lab, tab):
    _, pad = opened(lab, tab, COMPLETED, 15)
    pad.open("YAML")
    yaml = pad.box.get_by_label("config as YAML")
    yaml.fill("\n".join(f"key_{n}: {'long ' * 60}" for n in range(60)))
    yaml.evaluate("each => { each.scrollTop = 333; each.scrollLeft = 77; }")
    same = "each => [each.scrollTop, each.scrollLeft, each.clientWidth, each.scrollWidth]"
    tab.wait_for_function(
        "() => document.querySelector('.jl-yaml-paint').scrollTop === 333", timeout=5_000
    )
    paint = pad.box.locator(".jl-yaml-paint").evaluate(same)
    assert yaml.evaluate(same)[:2] == paint[:2]
