"""Forms of every type there is, and whatever is done to their rows: nothing raises, all is JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import ipaddress
import json
import re
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from pydantic import ByteSize, Discriminator, HttpUrl, Json, SecretBytes, SecretStr, Tag
from pydantic import Field as PydanticField
from typing_extensions import TypedDict

from jobnb import (
    Array,
    Config,
    Enum,
    EnumValue,
    Field,
    InvalidConfigError,
    Map,
    Noneable,
    Permissive,
    Selector,
    Shape,
)
from jobnb.config import Section, schema_of
from jobnb.config.places import form_of
from jobnb.display.form_edits import ACTIONS, edited, filled, without_extras
from jobnb.display.form_rows import Rows


class Colour(enum.Enum):
    red = 1
    blue = (0, 0, 255)


class Flags(enum.Flag):
    a = 1
    b = 2


class Named(NamedTuple):
    x: int
    y: str = "y"


class Keys(TypedDict, total=False):
    x: int


@dataclasses.dataclass
class Plain:
    x: int
    y: str = "y"


class Tree(Config):
    v: int = 0
    kids: list[Tree] = PydanticField([])


class One(Config):
    t: str = "one"


class Two(Config):
    t: str = "two"
    n: int = 2


TAGGED = Annotated[
    Annotated[One, Tag("one")] | Annotated[Two, Tag("two")],
    Discriminator(lambda v: v.get("t", "one") if isinstance(v, dict) else v.t),
]
TYPES: dict[str, Any] = {
    "decimal": (decimal.Decimal, ...), "uuid": (uuid.UUID, ...), "url": (HttpUrl, ...),
    "address": (ipaddress.IPv4Address, ...), "pattern": (re.Pattern, ...), "bytes": (bytes, b"x"),
    "enum": (Colour, Colour.blue), "flags": (Flags, Flags.a | Flags.b), "named": (Named, Named(1)),
    "keys": (Keys, {}), "plain": (Plain, Plain(1)), "tree": (Tree, Tree(kids=[Tree(v=1)])),
    "tagged": (TAGGED, Two()), "union": (int | str | list[int] | dict[str, int] | None, ...),
    "literal": (Literal[1, "1", True] | None, ...), "date_keys": (dict[dt.date, int], {}),
    "enum_keys": (dict[Colour, int], {Colour.red: 1}), "few_keys": (dict[Literal["a"], int], {}),
    "set": (set[int], {1, 2}), "deque": (deque[int], deque([1])), "tuple": (tuple[int, str], ...),
    "counter": (Counter[str], Counter("aab")), "nested": (dict[str, list[dict[str, int]]], {}),
    "secret": (SecretBytes, ...), "secrets": (list[SecretStr], []), "json": (Json[list[int]], ...),
    "size": (ByteSize, 1024), "inf": (float, float("inf")), "big": (int, 10**40),
    "moment": (dt.datetime, dt.datetime(2020, 1, 1, tzinfo=dt.UTC)), "path": (Path, Path("x")),
    "odd": (str, "é\u2028\x00"), "object": (object, None), "any": (Any, {"a": [1]}),
}  # fmt: skip
SCHEMAS: dict[str, Any] = {
    "shape": Shape({"a": int, "b": Field(str, is_required=False)}, field_aliases={"a": "A"}),
    "permissive": Permissive({"a": int}), "bare": Permissive(), "selector": Selector({"a": int}),
    "selectors": Selector({"a": Selector({"b": {"c": int}}), "d": {}, "e": [str]}),
    "array": Array(Selector({"a": int})), "noneable": Noneable([Noneable(int)]),
    "map": Map(str, {"a": int}, key_label_name="code"), "int_map": {int: str},
    "enum": Enum("Mode", [EnumValue("fast", 1), EnumValue("slow", 2, "in words")]),
    "any": Any, "many": {"a": {"b": {"c": {"d": [[int]]}}}},
}  # fmt: skip


def roots() -> Iterator[Any]:
    for name, (annotation, default) in TYPES.items():
        more = {"__annotations__": {"f": annotation}, "__module__": __name__}
        body = more if default is ... else {**more, "f": PydanticField(default)}
        yield pytest.param(type(f"Of_{name}", (Config,), body), id=name)
    for name, schema in SCHEMAS.items():
        yield pytest.param({"f": schema}, id=f"schema-{name}")


@pytest.mark.parametrize("schema", list(roots()))
@pytest.mark.parametrize("start", ["nothing", "filled"])
def test_nothing_that_is_done_to_any_row_raises(schema, start):
    root = form_of(Section({"config": schema_of(schema)}))
    config = filled(root, {}) if start == "filled" else {}
    rows = Rows(root, config)
    json.dumps([rows.layout, rows.values, config])
    assert without_extras(rows, config) == config
    for row in list(rows.found):
        for action in ACTIONS:
            for control in (None, "", "x", 0, "1", 99, "[", "up", "none"):
                _done(root, config, row, action, control)


def _done(root: Any, config: Any, row: str, action: str, control: Any) -> None:
    try:
        made, chosen = edited(Rows(root, config), config, row, action, control, {})
    except InvalidConfigError:
        if action not in ("set", "rename"):  # only what a person can mend: YAML, a key given twice
            raise
        return
    rows = Rows(root, made, chosen)
    json.dumps([rows.layout, rows.values, made])


def test_options_are_tried_out_without_a_value_and_back_again():
    root = form_of(Section({"config": schema_of(type("D", (Config,), {
        "__annotations__": {"f": decimal.Decimal}}))}))  # fmt: skip
    shelf: dict[Any, Any] = {}
    config, chosen = edited(Rows(root, {}), {}, "config/f", "choose", 1, shelf)
    config, chosen = edited(Rows(root, config, chosen), config, "config/f", "choose", 0, shelf)
    assert config == {"config": {"f": 0}}


def test_what_stands_in_a_default_is_not_given_and_can_be_taken_out_of_it():
    class Wood(Config):
        tree: Tree = Tree(kids=[Tree(v=1), Tree(v=2)])

    root = form_of(Section({"config": schema_of(Wood)}))
    rows = Rows(root, {})
    assert rows.values["config/tree/kids/0/v"] == {"given": False, "v": "1"}
    config, _ = edited(rows, {}, "config/tree/kids/0", "remove")
    assert config == {"config": {"tree": {"kids": [{"v": 2}]}}}


def test_an_address_is_one_line_however_long_it_may_be():
    root = form_of(Section({"config": schema_of(type("U", (Config,), {
        "__annotations__": {"f": HttpUrl}}))}))  # fmt: skip
    assert root.fields["config"].fields["f"].kind == "text"
