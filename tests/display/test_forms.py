"""A form: each kind of place has its control, its bounds, its default and its words."""

from __future__ import annotations

import datetime as dt
import enum
from pathlib import Path
from typing import Any, Literal, Optional

import pytest
from pydantic import Field as PydanticField
from pydantic import SecretStr, create_model

from jobnb import (
    Array,
    Config,
    Enum,
    EnumValue,
    EnvVar,
    Field,
    InvalidConfigError,
    Map,
    Noneable,
    Permissive,
    PermissiveConfig,
    ScalarUnion,
    Selector,
)
from jobnb.config import Section, bind_value, schema_of, without_secrets
from jobnb.config.places import ConfigNode, form_of
from jobnb.display.form_edits import edited, filled, without_extras
from jobnb.display.form_rows import Row, Rows
from jobnb.display.form_values import any_text, read, read_any


class Colour(enum.Enum):
    red = 1
    blue = (0, 0, 255)


class Nest(Config):
    """A place of birds."""

    eggs: int = PydanticField(0, ge=0, le=12, multiple_of=2, description="How many.")
    child: Optional[Nest] = None  # noqa: UP045 (a name in quotes)


class Cat(Config):
    kind: Literal["cat"] = "cat"
    name: str = "Tom"
    lives: int = 9


class Dog(Config):
    kind: Literal["dog"] = "dog"
    name: str


def form(schema: Any) -> ConfigNode:
    field = schema_of(schema)
    assert field is not None
    return form_of(Section({"config": field}))


def rows_of(schema: Any, config: Any = None) -> Rows:
    return Rows(form(schema), {} if config is None else {"config": config})


def row(rows: Rows, path: str) -> Row:
    def find(layout: list[Row]) -> Row | None:
        for each in layout:
            if each["id"] == path:
                return each
            below = find(each.get("rows", []))
            if below is not None:
                return below
        return None

    found = find(rows.layout)
    assert found is not None, path
    return found | rows.values[path]


def field_of(annotation: Any, default: Any = ..., **more: Any) -> Row:
    made = create_model("Made", __base__=Config, x=(annotation, PydanticField(default, **more)))
    return row(rows_of(made), "config/x")


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (int, "int"),
        (float, "float"),
        (bool, "bool"),
        (str, "text"),
        (Literal["a", "b"], "choice"),
        (Colour, "choice"),
        (dt.date, "date"),
        (dt.datetime, "datetime"),
        (dt.time, "time"),
        (dt.timedelta, "timedelta"),
        (Path, "path"),
        (SecretStr, "secret"),
        (list[int], "list"),
        (tuple[int, str], "tuple"),
        (tuple[int, ...], "list"),
        (set[str], "list"),
        (dict[str, int], "map"),
        (dict[Colour, int], "map"),
        (Nest, "object"),
        (Any, "any"),
        (Literal["only"], "const"),
    ],
)
def test_each_type_has_its_control(annotation, kind):
    found = field_of(annotation)
    assert (found["kind"], found.get("required")) == (kind, True)
    maybe = field_of(annotation | None if annotation is not Any else Any, None)
    assert maybe["kind"] == kind
    assert "required" not in maybe


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        (int, "int"),
        ([float], "list"),
        (Array(bool), "list"),
        (Map(str, int, key_label_name="city"), "map"),
        ({str: int}, "map"),
        (dict, "map"),
        (list, "list"),
        (Noneable(int), "int"),
        (Permissive({"a": int}), "object"),
        (Selector({"a": int, "b": {"c": str}}), "selector"),
        (ScalarUnion(str, {"k": int}), "text"),
        (Enum("E", [EnumValue("lo"), EnumValue("hi")]), "choice"),
        ({"deep": {"er": int}}, "object"),
        (Any, "any"),
    ],
)
def test_each_dict_schema_has_its_control(schema, kind):
    assert row(rows_of({"x": schema}), "config/x")["kind"] == kind


def test_bounds_help_default_and_words_are_told():
    found = row(rows_of(Nest), "config/eggs")
    assert found["bounds"] == {"min": 0, "max": 12, "step": 2}
    assert (found["help"], found["default"], found["words"]) == (
        "How many.", "0", "an integer at least 0 and at most 12",
    )  # fmt: skip
    assert (found["v"], found["given"]) == ("0", False)


def test_a_class_within_itself_ends_where_nothing_is_given():
    rows = rows_of(Nest, {"child": {"child": {}}})
    assert row(rows, "config/child/child/child")["mode"] == "none"
    assert row(rows, "config/child/child/eggs")["v"] == "0"


def test_large_numbers_stay_exact():
    rows = rows_of({"x": int}, {"x": 2**70})
    assert row(rows, "config/x")["v"] == str(2**70)
    config, _ = edited(rows, {"config": {}}, "config/x", "set", str(2**70 + 1))
    assert config == {"config": {"x": 2**70 + 1}}


@pytest.mark.parametrize(
    ("kind", "text", "raw"),
    [
        ("integer", " 12 ", 12),
        ("integer", "1.5", "1.5"),
        ("integer", "12a", "12a"),
        ("integer", "1" * 5000, "1" * 5000),
        ("number", "3", 3),
        ("number", "1e-3", 0.001),
        ("number", "1_0x", "1_0x"),
        ("string", " kept as it is ", " kept as it is "),
        ("string", "", ""),
    ],
)
def test_what_is_typed_is_read_as_the_type_or_kept(kind, text, raw):
    value = read(ConfigNode({"type": kind}, {}), text)
    assert value == raw
    assert type(value) is type(raw)


@pytest.mark.parametrize(
    "value",
    [None, 1, 1.5, True, "", "a", "12", "null", "- a", "a: b", "x\ny", "\n", "# no", [], {}, [[2]],
     {"a": {"b": [1, {"c": None}]}}, "yes", "2013-01-31", " lead", "é\u2028"],
)  # fmt: skip
def test_any_value_goes_through_its_text(value):
    assert read_any(any_text(value)) == value


def test_editing_a_default_writes_the_default_out():
    class Load(Config):
        codes: list[str] = PydanticField(["JFK", "LGA"])
        nest: Nest = Nest(eggs=4)

    rows = rows_of(Load)
    assert edited(rows, {}, "config/codes/1", "set", "EWR")[0] == {
        "config": {"codes": ["JFK", "EWR"]}
    }
    assert edited(rows, {}, "config/codes", "add")[0] == {"config": {"codes": ["JFK", "LGA", ""]}}
    assert edited(rows, {}, "config/codes/0", "remove")[0] == {"config": {"codes": ["LGA"]}}
    config, _ = edited(rows, {}, "config/nest/child", "value")
    assert config == {"config": {"nest": {"eggs": 4, "child": {}}}}
    assert edited(Rows(rows.root, config), config, "config/nest", "unset")[0] == {}


def test_entries_are_moved_renamed_and_removed_in_order():
    schema = {"l": [int], "m": {str: int}}
    config = {"config": {"l": [1, 2, 3], "m": {"a": 1, "b": 2}}}
    rows = Rows(form(schema), config)
    assert edited(rows, config, "config/l/0", "move", "down")[0]["config"]["l"] == [2, 1, 3]
    assert edited(rows, config, "config/l/2", "move", "down")[0] == config
    renamed = edited(rows, config, "config/m/a", "rename", "z")[0]["config"]["m"]
    assert list(renamed.items()) == [("z", 1), ("b", 2)]
    with pytest.raises(InvalidConfigError, match="'b' is there already"):
        edited(rows, config, "config/m/a", "rename", "b")
    assert edited(rows, config, "config/m/a", "remove")[0]["config"]["m"] == {"b": 2}
    assert config == {"config": {"l": [1, 2, 3], "m": {"a": 1, "b": 2}}}


def test_a_union_swaps_what_is_below_and_keeps_what_both_have():
    class Owner(Config):
        pet: Cat | Dog = PydanticField(Cat(), discriminator="kind")

    root, shelf = form(Owner), {}
    rows = Rows(root, {})
    assert row(rows, "config/pet")["options"] == ["Cat", "Dog"]
    config, chosen = edited(rows, {}, "config/pet/name", "set", "Kit", shelf)
    assert config == {"config": {"pet": {"kind": "cat", "name": "Kit"}}}
    config, chosen = edited(Rows(root, config, chosen), config, "config/pet", "choose", 1, shelf)
    assert config == {"config": {"pet": {"kind": "dog", "name": "Kit"}}}
    rows = Rows(root, config, chosen)
    assert row(rows, "config/pet")["option"] == 1
    assert "config/pet/lives" not in rows.values
    back, _ = edited(rows, config, "config/pet", "choose", 0, shelf)
    assert back == {"config": {"pet": {"kind": "cat", "name": "Kit"}}}
    assert bind_value(Owner, back["config"]).pet == Cat(name="Kit")


def test_a_default_of_a_union_keeps_what_tells_its_class():
    class Owner(Config):
        pets: list[Cat | Dog] = PydanticField([Cat(), Dog(name="Rex"), Dog(name="Bo")])
        best: Cat | Dog = PydanticField(Dog(name="Rex"), discriminator="kind")

    rows = rows_of(Owner)
    assert [row(rows, f"config/pets/{n}")["option"] for n in range(3)] == [0, 1, 1]
    moved = edited(rows, {}, "config/pets/1", "move", "up")[0]["config"]
    assert [type(each).__name__ for each in bind_value(Owner, moved).pets] == ["Dog", "Cat", "Dog"]
    named = edited(rows, {}, "config/best/name", "set", "Kit")[0]["config"]
    assert bind_value(Owner, named).best == Dog(name="Kit")


def test_a_class_that_goes_by_several_names_asks_for_which():
    class Big(Config):
        kind: Literal["lion", "tiger"]

    class Owner(Config):
        pet: Cat | Big = PydanticField(Cat(), discriminator="kind")

    root = form(Owner)
    config, chosen = edited(Rows(root, {}), {}, "config/pet", "choose", 1)
    assert config == {"config": {"pet": {"kind": "lion"}}}
    rows = Rows(root, config, chosen)
    assert row(rows, "config/pet/kind")["choices"] == ["lion", "tiger"]
    config, _ = edited(rows, config, "config/pet/kind", "set", 1)
    assert bind_value(Owner, config["config"]).pet == Big(kind="tiger")


def test_a_number_typed_as_text_stays_text_where_text_was_chosen():
    root = form({"x": Field(ScalarUnion(str, {"k": int}), is_required=False)})
    config, chosen = edited(Rows(root, {}), {}, "config/x", "choose", 1)
    assert config == {"config": {"x": {}}}
    rows = Rows(root, config, chosen)
    assert row(rows, "config/x/k")["kind"] == "int"

    class Either(Config):
        either: int | str = 3

    root = form(Either)
    config, chosen = edited(Rows(root, {}), {}, "config/either", "choose", 1)
    config, chosen = edited(Rows(root, config, chosen), config, "config/either", "set", "12")
    assert config == {"config": {"either": "12"}}
    assert row(Rows(root, config, chosen), "config/either")["option"] == 1


def test_a_selector_has_one_field_at_a_time_and_remembers_the_other():
    root, shelf = form({"s": Selector({"a": int, "b": {"c": str}})}), {}
    rows = Rows(root, {})
    assert row(rows, "config/s")["option"] == -1
    config, _ = edited(rows, {}, "config/s", "choose", 1, shelf)
    assert config == {"config": {"s": {"b": {}}}}
    config, _ = edited(Rows(root, config), config, "config/s/b/c", "set", "kept", shelf)
    config, _ = edited(Rows(root, config), config, "config/s", "choose", 0, shelf)
    assert config == {"config": {"s": {"a": 0}}}
    config, _ = edited(Rows(root, config), config, "config/s", "choose", 1, shelf)
    assert config == {"config": {"s": {"b": {"c": "kept"}}}}


def test_a_variable_stands_in_the_place_of_any_scalar():
    class Login(Config):
        user: str = EnvVar("USER_NAME")
        port: int = 1

    rows = rows_of(Login)
    assert (row(rows, "config/user")["mode"], row(rows, "config/user")["v"]) == ("env", "USER_NAME")
    config, _ = edited(rows, {}, "config/port", "env", "PORT")
    assert config == {"config": {"port": {"env": "PORT"}}}
    rows = Rows(rows.root, config)
    assert edited(rows, config, "config/port", "set", "OTHER")[0]["config"]["port"] == {
        "env": "OTHER"
    }
    assert edited(rows, config, "config/port", "value")[0] == {}


def test_a_secret_is_never_shown_and_kept_by_name():
    class Login(Config):
        password: SecretStr

    rows = rows_of(Login)
    config, _ = edited(rows, {}, "config/password", "set", "hunter22")
    assert "hunter22" not in repr(config)
    rows = Rows(rows.root, config)
    assert row(rows, "config/password") == {
        "id": "config/password", "label": "password", "kind": "secret", "mode": "kept",
        "required": True, "env": True, "words": "a secret, kept by name only", "given": True,
    }  # fmt: skip
    made = bind_value(Login, config["config"])
    assert made.password.get_secret_value() == "hunter22"
    by_value = {"config": {"password": "hunter33"}}
    assert "hunter33" not in repr(without_secrets(rows.root.section, by_value))


def test_what_does_not_fit_its_control_is_shown_as_it_is():
    rows = rows_of({"n": int, "l": [int]}, {"n": {"a": [1]}, "l": 5, "odd": {"x": 1}})
    assert (row(rows, "config/n")["mode"], row(rows, "config/n")["v"]) == ("raw", "a:\n- 1")
    assert row(rows, "config/l")["mode"] == "raw"
    assert row(rows, "config/odd")["extra"]
    config = {"config": {"n": {"a": [1]}, "l": 5, "odd": {"x": 1}}}
    assert edited(rows, config, "config/n", "set", "7")[0]["config"]["n"] == 7
    assert without_extras(rows, config) == {"config": {"n": {"a": [1]}, "l": 5}}
    with pytest.raises(InvalidConfigError, match="line 1"):
        edited(rows, config, "config/n", "set", "[")


@pytest.mark.parametrize("more", [{}, {"default_value": {}}])
def test_the_keys_of_a_mapping_are_called_what_they_are(more):
    rows = rows_of({"m": Field(Map(str, int, key_label_name="code"), **more)}, {"m": {}})
    assert row(rows, "config/m")["add"] == "code"


def test_a_permissive_class_takes_more_keys():
    class Query(PermissiveConfig):
        table: str

    rows = rows_of(Query, {"table": "t", "limit": 5})
    assert (row(rows, "config/limit")["key"], row(rows, "config/limit")["v"]) == ("limit", "5")
    assert edited(rows, {"config": {"table": "t"}}, "config", "add")[0]["config"] == {
        "table": "t", "key1": None,
    }  # fmt: skip


def test_filling_in_gives_what_binds():
    class Everything(Config):
        n: int = PydanticField(gt=3, lt=9)
        colour: Colour
        pet: Cat | Dog = PydanticField(Cat(), discriminator="kind")
        nest: Nest
        maybe: int | None = None

    made = filled(form(Everything), {})
    assert bind_value(Everything, made["config"]).n == 4
    assert made["config"]["nest"] == {"eggs": 0, "child": None}
    kept = filled(form(Everything), {"config": {"n": 8}})
    assert kept["config"]["n"] == 8
