"""Whatever the config class is: the form says what the config says, and nothing else."""

from __future__ import annotations

import datetime as dt
import enum
from pathlib import Path
from typing import Any, Literal

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import Field as PydanticField
from pydantic import create_model

from jobnb import Config, InvalidConfigError, graph, op
from jobnb.config import Section, bind_value, dump_yaml, load_yaml, raw_config, schema_of
from jobnb.config.places import form_of
from jobnb.display.form_edits import ACTIONS, edited
from jobnb.display.form_rows import Rows
from jobnb.display.launch_form import LaunchForm
from jobnb.display.yaml_text import LaunchText


class Colour(enum.Enum):
    red = "r"
    blue = 2


class Cat(Config):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(Config):
    kind: Literal["dog"] = "dog"
    name: str


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: name not in dir(Config) and name != "env" and not name.startswith("model")
)
PETS = st.builds(Cat, lives=st.integers()) | st.builds(Dog, name=TEXT)
LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers(-(2**70), 2**70)),
    (float, st.floats(allow_nan=False)),
    (bool, st.booleans()),
    (str, TEXT),
    (Literal["a", "b", 1], st.sampled_from(["a", "b", 1])),
    (Colour, st.sampled_from(list(Colour))),
    (dt.date, st.dates()),
    (dt.datetime, st.datetimes()),
    (dt.time, st.times()),
    (dt.timedelta, st.timedeltas(dt.timedelta(-9999), dt.timedelta(9999))),
    (Path, st.sampled_from([Path("a"), Path("/a/b c")])),
    (int | str, st.integers() | TEXT),
    (Cat | Dog, PETS),
    (Any, st.none() | st.integers() | TEXT | st.lists(st.booleans(), max_size=2)),
]


@st.composite
def kinds(draw: st.DrawFn, depth: int = 2) -> tuple[Any, st.SearchStrategy[Any]]:
    """A type, and how to make values of it."""
    shape = draw(st.sampled_from(["leaf", "leaf", "list", "dict", "maybe", "model"]))
    if depth == 0 or shape == "leaf":
        return draw(st.sampled_from(LEAVES))
    if shape == "model":
        model, values = draw(models(depth - 1))
        return model, values
    inner, values = draw(kinds(depth - 1))
    if shape == "list":
        return list[inner], st.lists(values, max_size=2)
    if shape == "dict":
        return dict[str, inner], st.dictionaries(
            TEXT.filter(lambda key: key != "env"), values, max_size=2
        )
    return inner | None, st.none() | values


@st.composite
def models(draw: st.DrawFn, depth: int = 2) -> tuple[Any, st.SearchStrategy[Any]]:
    """A config class, and how to make objects of it."""
    fields: dict[str, Any] = {}
    values: dict[str, st.SearchStrategy[Any]] = {}
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        kind, of_kind = draw(kinds(depth))
        default = draw(of_kind) if draw(st.booleans()) else ...
        fields[name] = (kind, PydanticField(default))
        values[name] = of_kind
    made = create_model("Made", __base__=Config, **fields)
    return made, st.builds(made, **values)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, Any]:
    """A config class and an object of it."""
    model, values = draw(models())
    return model, draw(values)


SLOW = settings(
    phases=[Phase.explicit, Phase.generate],
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def tree_of(model: Any) -> Section:
    field = schema_of(model)
    assert field is not None
    return Section({"ops": Section({"op": Section({"config": field})})})


def typed_in(rows: Rows, config: dict[str, Any], root: Any) -> dict[str, Any]:
    """The config after each control was given what it shows, as if a person had typed it."""
    for key, value in rows.values.items():
        if rows.found[key].given and "v" in value and rows.found[key].place.kind != "const":
            config, chosen = edited(rows, config, key, "set", value["v"])
            rows = Rows(root, config, chosen)
    return config


@SLOW
@given(cases())
def test_form_to_yaml_to_form_gives_the_same_values(case: tuple[Any, Any]) -> None:
    model, value = case
    whole = {"ops": {"op": {"config": raw_config(value)}}}
    root = form_of(tree_of(model))
    again = load_yaml(dump_yaml(typed_in(Rows(root, whole), whole, root)) + "\n")
    assert Rows(root, again).values == Rows(root, whole).values
    assert again == whole
    assert bind_value(model, again["ops"]["op"]["config"]) == value


def form_for(model: Any) -> LaunchForm:
    @op(config_schema=model)
    def step(context: Any) -> None: ...

    @graph
    def made() -> None:
        step()

    return LaunchForm(made.to_job())


CONTROLS = st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(
    ["", "1", "1.5", "x", "2013-01-31", "PT1H", "[1, 2]", "{a: 1}", "[", "r", "null", "- a\n- b"]
) | TEXT  # fmt: skip


@SLOW
@given(models(), st.data())
def test_whatever_is_done_the_form_stands_and_what_it_accepts_validates(
    made: tuple[Any, Any], data: st.DataObject
) -> None:
    model, _ = made
    form = form_for(model)
    for _step in range(6):
        row = data.draw(st.sampled_from(sorted(form.rows.values) or ["ops"]))
        if row not in form.rows.found:
            return
        action = data.draw(st.sampled_from(sorted(ACTIONS)))
        control = data.draw(CONTROLS)
        if action == "choose":
            count = len(form.rows.found[row].whole.options or form.rows.found[row].place.fields)
            control = data.draw(st.integers(0, count - 1)) if count else "none"
        form.edit(row, action, control)
        assert load_yaml(LaunchText.plain(form.config) + "\n") == form.config
    if not form.problems:
        inner = form.config.get("ops", {}).get("step", {}).get("config", {})
        bind_value(model, inner)


@SLOW
@given(models())
def test_a_scaffold_says_what_is_left_to_fill_in(made: tuple[Any, Any]) -> None:
    form = form_for(made[0])
    form.scaffold()
    assert all("is required" not in note["message"] for note in form.problems)


@SLOW
@given(cases(), st.text(max_size=40))
def test_a_text_that_is_no_yaml_leaves_the_form_alone(case: tuple[Any, Any], text: str) -> None:
    form = form_for(case[0])
    form.set_config({"ops": {"step": {"config": raw_config(case[1])}}})
    before = form.config
    form.set_yaml(text)
    try:
        assert form.config == raw_config(load_yaml(text + "\n"))
    except InvalidConfigError:
        assert form.config == before
        assert form.text.text == text
