"""Samples, defaults and descriptions come from the same model as the checks."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import ConfigDict, SecretStr
from pydantic import Field as PydanticField

from jobnb import job, op
from jobnb.config import (
    Config,
    ConfigField,
    Enum,
    EnumValue,
    EnvVar,
    Field,
    Section,
    Selector,
    bind,
    json_schema,
    scaffold,
    schema_of,
    with_defaults,
)
from jobnb.config.places import form_of
from jobnb.config.schema import NOTHING
from jobnb.errors import InvalidConfigError
from jobnb.plan.run_config import config_schema_of


class Colour(enum.Enum):
    RED = (1, 2)


class Cat(Config):
    kind: Literal["cat"]
    name: Annotated[str, PydanticField(min_length=2)]


class Dog(Config):
    kind: Literal["dog"]


class Load(Config):
    """Which flights."""

    year: int = PydanticField(ge=2000, le=2013, description="Which year.")
    day: dt.date
    colour: Colour = Colour.RED
    pet: Annotated[Cat | Dog, PydanticField(discriminator="kind")]
    user: str = EnvVar("J_USER")
    password: SecretStr = SecretStr("tops3cret")
    sizes: list[int] = PydanticField(default_factory=list)
    ratio: Annotated[float, PydanticField(gt=1)]
    low: Annotated[int, PydanticField(lt=-3)]
    many: Annotated[list[int], PydanticField(min_length=2)]
    pair: tuple[int, str]
    itself: Load | None = None
    anything: Any = None


def tree() -> Section:
    dict_schema = {
        "mode": Enum("Mode", [EnumValue("fast"), EnumValue("slow")]),
        "limit": Field(int, default_value=3, description="How many."),
        "source": Selector({"file": str, "table": {"name": str}}),
        "off": Field(int, is_required=False),
    }
    fields = {"load": schema_of(Load), "plain": schema_of(dict_schema)}
    ops = {name: Section({"config": field}) for name, field in fields.items() if field}
    free = Section({"config": ConfigField(Any, is_required=False)}, "Takes anything.")
    return Section(
        {"ops": Section({**ops, "free": free}), "execution": Section({"config": _any()})}
    )


def _any() -> ConfigField:
    return ConfigField(Any, is_required=False)


@pytest.mark.parametrize("required_only", [True, False])
def test_a_scaffold_is_right(required_only: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("J_USER", "ann")
    made = scaffold(tree(), required_only)
    assert bind(tree(), made)
    assert ("limit" in made["ops"]["plain"]["config"]) is not required_only


def test_a_scaffold_of_nothing_is_nothing() -> None:
    assert scaffold(Section({})) == {}
    silent = Section({"ops": Section({"free": Section({"config": _any()})})})
    assert scaffold(silent) == {}
    assert form_of(silent).fields["ops"].fields["free"].fields["config"].words == "anything"


def test_the_json_schema_says_what_forms_need() -> None:
    schema = json_schema(tree())
    load = next(
        p["properties"] for p in schema["$defs"].values() if "year" in p.get("properties", ())
    )
    assert load["year"]["minimum"] == 2000
    assert load["year"]["maximum"] == 2013
    assert load["year"]["description"] == "Which year."
    assert schema["$defs"]["Colour"]["enum"] == ["RED"]
    assert load["colour"]["default"] == "RED"
    assert load["user"]["default"] == {"env": "J_USER"}
    assert "default" not in load["password"]
    assert load["password"]["format"] == "password"
    assert "tops3cret" not in repr(schema)
    plain = next(
        part["properties"]
        for part in schema["$defs"].values()
        if "mode" in part.get("properties", ())
    )
    assert plain["mode"]["enum"] == ["fast", "slow"]
    assert plain["limit"] == {
        "default": 3, "description": "How many.", "title": "limit", "type": "integer",
    }  # fmt: skip
    assert schema["required"] == ["ops"]


def test_defaults_are_filled_into_config_that_need_not_be_right() -> None:
    raw = {"ops": {"plain": {"config": {"mode": "nonsense"}}, "zz": 1}}
    made = with_defaults(tree(), raw)
    assert made["ops"]["plain"]["config"] == {"mode": "nonsense", "limit": 3}
    assert made["ops"]["load"]["config"]["sizes"] == []
    assert made["ops"]["zz"] == 1
    assert raw == {"ops": {"plain": {"config": {"mode": "nonsense"}}, "zz": 1}}
    assert with_defaults(tree(), {"ops": []})["ops"] == []


def test_places_tell_types_defaults_and_bounds() -> None:
    ops = form_of(tree()).fields["ops"].fields
    load, plain = (ops[name].fields["config"].fields for name in ("load", "plain"))
    year, limit, mode = load["year"], plain["limit"], plain["mode"]
    assert (year.words, year.help) == ("an integer at least 2000 and at most 2013", "Which year.")
    assert year.required
    assert (limit.words, limit.default, limit.help) == ("an integer", 3, "How many.")
    assert (mode.words, mode.required) == ("one of 'fast', 'slow'", True)
    assert ops["free"].help == "Takes anything."
    assert load["password"].default is NOTHING
    assert load["itself"].type_words == "a mapping or null"
    assert load["pet"].words == "Cat or Dog"


def test_types_that_json_schema_does_not_know_do_no_harm() -> None:
    class Odd(Config):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        thing: object
        call: Enum | None = None

    field = schema_of(Odd)
    assert field is not None
    odd = Section({"config": field})
    assert "thing" in form_of(odd).fields["config"].fields
    with pytest.raises(InvalidConfigError, match="only Python code can give"):
        bind(odd, {"config": {"thing": 1, "call": 3}})


def test_a_scaffold_shows_the_fields_of_a_class_that_needs_none() -> None:
    class Size(Config):
        rows: int = 3
        name: str = "a"

    @op
    def count(config: Size) -> None: ...

    @job
    def sized() -> None:
        count()

    assert scaffold(config_schema_of(sized))["ops"] == {
        "count": {"config": {"rows": 3, "name": "a"}}
    }
    assert scaffold(config_schema_of(sized), required_only=True) == {}
