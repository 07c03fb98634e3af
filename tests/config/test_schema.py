"""Dict schemas take what Dagster's take, and refuse the rest in words."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from jobnb import (
    Array,
    Enum,
    EnumValue,
    Field,
    InvalidConfigDefinitionError,
    InvalidConfigError,
    Map,
    Noneable,
    Permissive,
    ScalarUnion,
    Selector,
    Shape,
)
from jobnb.config import ConfigField, bind_value, schema_of

REQUIRED_PART = {"z": Field(int, default_value=3)}


class Colour(enum.Enum):
    """Members with a number, a text and a value that JSON has no word for."""

    RED = 1
    BLUE = "blue"
    PAIR = (1, 2)


def refusal(schema: Any, raw: Any) -> list[tuple[tuple[str, ...], str, str]]:
    with pytest.raises(InvalidConfigError) as caught:
        bind_value(schema, raw)
    return [(problem.path, problem.message, problem.kind) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("schema", "raw", "value"),
    [
        (int, 1, 1),
        (float, 1, 1.0),
        (float, 1.5, 1.5),
        (str, "1", "1"),
        (bool, True, True),
        (Any, None, None),
        (Any, {"a": [1]}, {"a": [1]}),
        (list, [1, "a"], [1, "a"]),
        ([int], [1, 2], [1, 2]),
        (Array(str), ["a"], ["a"]),
        (dict, {"z": [1]}, {"z": [1]}),
        ({str: int}, {"a": 1}, {"a": 1}),
        (Map(int, str), {1: "a"}, {1: "a"}),
        (Map(bool, str), {True: "a"}, {True: "a"}),
        (Noneable(int), None, None),
        (Noneable(int), 3, 3),
        ({"a": Noneable(int)}, {}, {"a": None}),
        ({"a": Field(int, is_required=False)}, {}, {}),
        ({"a": Field(int, default_value=3)}, {}, {"a": 3}),
        ({"a": Field(REQUIRED_PART, default_value={})}, {}, {"a": {"z": 3}}),
        ({"a": REQUIRED_PART}, {}, {"a": {"z": 3}}),
        (Selector({"a": int, "b": str}), {"b": "x"}, {"b": "x"}),
        (Selector({"a": Field(int, default_value=3)}), {}, {"a": 3}),
        ({"s": Selector({"a": REQUIRED_PART})}, {}, {"s": {"a": {"z": 3}}}),
        (Selector({"a": REQUIRED_PART, "b": int}), {"a": None}, {"a": {"z": 3}}),
        (Permissive({"a": int}), {"a": 1, "z": [{"q": 1}]}, {"a": 1, "z": [{"q": 1}]}),
        (ScalarUnion(int, {"a": str}), 3, 3),
        (ScalarUnion(int, {"a": str}), {"a": "z"}, {"a": "z"}),
        (ScalarUnion(str, [int]), [1], [1]),
        (Shape({"ops": int}, field_aliases={"ops": "solids"}), {"solids": 1}, {"ops": 1}),
        (Enum.from_python_enum(Colour), "PAIR", Colour.PAIR),
        (Enum.from_python_enum_direct_values(Colour), "PAIR", (1, 2)),
        (Enum("E", [EnumValue("low"), EnumValue("high", 2)]), "low", "low"),
        (Enum("E", [EnumValue("low"), EnumValue("high", 2)]), "high", 2),
        ({"a b": int, "model_config": int, "_x": int}, {"a b": 1, "model_config": 2, "_x": 3},
         {"a b": 1, "model_config": 2, "_x": 3}),
    ],
)  # fmt: skip
def test_takes(schema: Any, raw: Any, value: Any) -> None:
    bound = bind_value(schema, raw)
    assert bound == value
    assert type(bound) is type(value)


@pytest.mark.parametrize(
    ("schema", "raw", "path", "words", "kind"),
    [
        (int, "1", (), "must be an integer (got '1').", "type"),
        (int, 1.0, (), "must be an integer (got 1.0).", "type"),
        (int, True, (), "must be an integer (got True).", "type"),
        (int, None, (), "must be an integer (got nothing).", "type"),
        (float, "1", (), "must be a number (got '1').", "type"),
        (float, True, (), "must be a number (got True).", "type"),
        (str, 1, (), "must be text (got 1).", "type"),
        (bool, 1, (), "must be true or false (got 1).", "type"),
        (bool, "true", (), "must be true or false (got 'true').", "type"),
        ([int], {"a": 1}, (), "must be a list (got a mapping).", "type"),
        ([int], [1, "x"], ("1",), "must be an integer (got 'x').", "type"),
        ([int], [None], ("0",), "must be an integer (got nothing).", "type"),
        ({"a": int}, [], (), "must be a mapping (got a list).", "type"),
        ({"a": int}, None, (), "must be a mapping (got nothing).", "type"),
        ({"a": int}, {}, ("a",), "is required.", "missing"),
        ({"year": int}, {"year": 1, "yaer": 1}, ("yaer",),
         "is not a field here. Did you mean 'year'?", "unexpected"),
        ({}, {"a": 1}, ("a",), "is not a field here; there is none.", "unexpected"),
        ({"a": Field(int, is_required=False)}, {"a": None}, ("a",),
         "must be an integer (got nothing).", "type"),
        (Map(int, str), {"z": "a"}, ("z",), "is a key that must be an integer (got 'z').", "type"),
        ({str: int}, {"a": "x"}, ("a",), "must be an integer (got 'x').", "type"),
        (Selector({"a": int, "b": str}), {}, (), "must have exactly one of 'a', 'b' (got none).",
         "selector"),
        (Selector({"a": int, "b": str}), {"a": 1, "b": "x"}, (),
         "must have exactly one of 'a', 'b' (got 'a', 'b').", "selector"),
        (Selector({"abc": int, "b": str}), {"abd": 1}, ("abd",),
         "is not a field here. Did you mean 'abc'?", "unexpected"),
        (ScalarUnion(int, {"a": str}), "z", (), "must be an integer (got 'z').", "type"),
        (ScalarUnion(int, {"a": str}), [], (), "must be a mapping (got a list).", "type"),
        (ScalarUnion(int, {"a": str}), {"a": 1}, ("a",), "must be text (got 1).", "type"),
        (Enum.from_python_enum(Colour), "RAD", (),
         "must be one of 'RED', 'BLUE', 'PAIR' (got 'RAD').", "choice"),
    ],
)  # fmt: skip
def test_refuses(schema: Any, raw: Any, path: tuple[str, ...], words: str, kind: str) -> None:
    assert refusal(schema, raw) == [(path, words, kind)]


def test_all_mistakes_in_a_list_of_shapes_are_told_with_their_paths() -> None:
    found = refusal({"a": [{"b": int}]}, {"a": [{"b": 1}, {"b": "x", "c": 2}, {}]})
    assert {path for path, _, _ in found} == {("a", "1", "b"), ("a", "1", "c"), ("a", "2", "b")}


def test_a_choice_of_several_defaults_must_be_made() -> None:
    selector = Selector({"a": REQUIRED_PART, "b": REQUIRED_PART})
    assert ConfigField(selector).is_required
    with pytest.raises(InvalidConfigError, match="is required"):
        bind_value(selector)


@pytest.mark.parametrize(
    ("schema", "required"),
    [
        (int, True),
        (Any, True),
        (list, True),
        (dict, False),
        ({}, False),
        (Noneable(int), False),
        ({"a": int}, True),
        ({"a": Noneable(int)}, False),
        ({str: int}, True),
        (ScalarUnion(int, {}), True),
    ],
)
def test_what_must_be_given(schema: Any, required: bool) -> None:
    assert Field(schema).is_required is required


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ((int, str), "does not describe config. Allowed are: a Config class, int"),
        ({"a": {"b": object}}, "at a > b does not describe config"),
        ({"a": [{"b": 7}]}, r"at a > \* > b does not describe config"),
        ({"a": [int, str]}, "exactly one type"),
        ({3: int}, "key 3 must be a name"),
        ({"a": int, 3: int}, "key 3 must be a string"),
    ],
)
def test_what_is_no_schema_is_told_where_and_what_is_allowed(schema: Any, words: str) -> None:
    with pytest.raises(InvalidConfigDefinitionError, match=words):
        schema_of(schema)


def test_parts_refuse_what_they_cannot_hold() -> None:
    with pytest.raises(InvalidConfigDefinitionError, match="cannot be the key type"):
        Map([int], int)
    with pytest.raises(InvalidConfigDefinitionError, match="ScalarUnion needs"):
        ScalarUnion({"a": int}, int)
    with pytest.raises(InvalidConfigDefinitionError, match="Field cannot hold a Field"):
        Field(Field(int))
    with pytest.raises(InvalidConfigDefinitionError, match="needs a list of EnumValue"):
        Enum("E", [])
    with pytest.raises(InvalidConfigDefinitionError, match="not a Python enum"):
        Enum.from_python_enum(int)  # type: ignore[arg-type]


def test_a_default_is_checked_when_it_is_written() -> None:
    with pytest.raises(InvalidConfigError, match=r"default 'x' does not fit .*\n  must be an int"):
        Field(int, default_value="x")
    with pytest.raises(InvalidConfigError, match="got nothing"):
        Field(int, default_value=None)
    with pytest.raises(InvalidConfigError, match="b: must be an integer"):
        Field({"b": int}, default_value={"b": "x"})
    with pytest.raises(InvalidConfigDefinitionError, match="cannot be required"):
        Field(int, default_value=1, is_required=True)


def test_an_enum_default_is_its_name_as_in_config() -> None:
    colour = Enum.from_python_enum(Colour)
    assert bind_value({"a": Field(colour, default_value="RED")}, {}) == {"a": Colour.RED}
    with pytest.raises(InvalidConfigError, match="Write the name: 'PAIR'"):
        Field(colour, default_value=Colour.PAIR)


def test_the_same_schema_object_is_read_once() -> None:
    schema = {"a": int}
    assert schema_of(schema) is schema_of(schema)
    assert schema_of({"a": int}) is not schema_of(schema)
    assert schema_of(None) is None


def test_a_data_type_that_names_its_config_type_is_a_schema() -> None:
    class Integer:
        config_type = int

    assert bind_value({"a": Integer()}, {"a": 3}) == {"a": 3}
    assert bind_value(Integer(), 3) == 3
