"""What is offered while a config is typed as YAML: fields, types, defaults, values."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from jobnb import Config, config_mapping, job, op
from jobnb.display.launch_form import LaunchForm


class Place(Config):
    path: str = Field("here", description="Where it is.")
    kind: Literal["file", "folder"] = "file"


class Cat(Config):
    animal: Literal["cat"] = "cat"
    lives: int = 9


class Dog(Config):
    animal: Literal["dog"] = "dog"
    name: str


class Settings(Config):
    origin: Literal["EWR", "JFK"] = "JFK"
    month: int
    on: bool = True
    place: Place = Place()
    places: list[Place] = Field([])
    by_name: dict[str, Place] = Field({})
    pet: Cat | Dog = Field(Cat(), discriminator="animal")
    maybe: int | None = None


@op
def load(config: Settings): ...


@job
def daily():
    load()


FORM = LaunchForm(daily)


def offered(text, form=FORM):
    """The names offered where `|` stands."""
    before, _, after = text.partition("|")
    return [each["name"] for each in form.complete_yaml(before, after)["options"]]


TOP = "ops:\n  load:\n    config:\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("o|", ["ops", "resources", "loggers", "execution"]),
        ("ops:\n  |", ["load"]),
        ("ops:\n  l|", ["load"]),
        ("ops:\n  load:\n    c|", ["config"]),
        (f"{TOP}      m|", ["month", "maybe", "by_name"]),
        (f"{TOP}      month: 1\n      m|", ["maybe", "by_name"]),
        (f"{TOP}      mo|\n      maybe: 1\n", ["month"]),
        (f"{TOP}      origin: |", ["JFK", "EWR"]),
        (f"{TOP}      origin: E|", ["EWR"]),
        (f"{TOP}      on: |", ["true", "false"]),
        (f"{TOP}      maybe: |", ["null"]),
        (f"{TOP}      place:\n        |", ["path", "kind"]),
        (f"{TOP}      places:\n        - |", ["path", "kind"]),
        (f"{TOP}      places:\n      - |", ["path", "kind"]),
        (f"{TOP}      places:\n        - path: x\n          |", ["kind"]),
        (f"{TOP}      places:\n        - path: x\n        - |", ["path", "kind"]),
        (f"{TOP}      places:\n        - path: x\n          kind: |", ["file", "folder"]),
        (f"{TOP}      by_name:\n        any name:\n          p|", ["path"]),
        (f"{TOP}      pet:\n        |", ["animal", "lives", "name"]),
        (f"{TOP}      # month: 1\n      mon|", ["month"]),
        (f"{TOP}      place:\n        path: x\n      mon|", ["month"]),
        (f"{TOP}      nothing:\n        |", []),
        ("ops: {load: |", []),
        (f"{TOP}      month: 1 # |", []),
    ],
)
def test_fields_and_values_are_offered_where_they_fit(text, names):
    found = offered(text)
    assert found == names


def test_a_field_comes_with_its_type_default_help_and_room_for_what_it_holds():
    options = FORM.complete_yaml(TOP + "      ")["options"]
    told = {each["name"]: each for each in options}
    assert told["month"]["required"]
    assert told["month"]["words"] == "an integer"
    assert told["month"]["insert"] == "month: "
    assert told["origin"]["default"] == "JFK"
    assert told["place"]["insert"] == "place:\n        "
    assert told["places"]["insert"] == "places:\n        - "
    inner = FORM.complete_yaml(f"{TOP}      place:\n        pa")
    assert inner["word"] == "pa"
    assert inner["options"][0]["help"] == "Where it is."


def test_what_is_taken_step_by_step_makes_a_config_that_can_be_read():
    form, text = LaunchForm(daily), ""
    for name in ("ops", "load", "config", "origin", "EWR"):
        found = form.complete_yaml(text)
        option = next(each for each in found["options"] if each["name"] == name)
        text = text[: len(text) - len(found["word"])] + option["insert"]
    form.set_yaml(text)
    assert form.config == {"ops": {"load": {"config": {"origin": "EWR"}}}}


def test_the_fields_of_a_config_mapping_are_those_that_it_takes():
    @config_mapping(config_schema={"year": int})
    def simple(value):
        return {"ops": {"load": {"config": {"month": value["year"]}}}}

    @job(config=simple)
    def mapped():
        load()

    assert offered("y|", LaunchForm(mapped)) == ["year"]


@given(st.text("a:- \n#'\"{}[],|>é😀.", max_size=80), st.integers(0, 80))
def test_any_text_has_an_answer(text, at):
    found = FORM.complete_yaml(text[:at], text[at:])
    assert text[:at].endswith(found["word"])
    assert all(re.match(r"\S", each["insert"]) for each in found["options"])
