"""Typed config: every type that pydantic knows, read strictly from raw config."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import ipaddress
import pathlib
import re
import uuid
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypeVar

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    RootModel,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from typing_extensions import TypedDict

from jobnb import Config, InvalidConfigError, InvalidInvocationError, PermissiveConfig
from jobnb.config import bind_value, raw_config, schema_of


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"
    PAIR = (1, 2)


class Level(enum.StrEnum):
    LOW = "l"
    HIGH = "h"


class Cat(Config):
    kind: Literal["cat"]
    meows: int


class Dog(Config):
    kind: Literal["dog"]
    barks: float


class Plain(BaseModel):
    a: int = 1


class Everything(Config):
    day: dt.date
    moment: dt.datetime | None = None
    clock: dt.time | None = None
    wait: dt.timedelta = dt.timedelta(days=1)
    path: pathlib.Path = pathlib.Path("/x")
    price: decimal.Decimal = decimal.Decimal(1)
    key: uuid.UUID | None = None
    colour: Colour = Colour.RED
    colours: list[Colour] = Field(default_factory=list)
    maybe: Colour | None = None
    level: Level = Level.LOW
    secret: SecretStr = SecretStr("x")
    plain: Plain = Plain()
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = Field(default_factory=list)
    scalar: int | str | None = None
    mixed: Cat | list[int] | None = None
    bounded: Annotated[int, Field(ge=3, le=5)] = 3
    short: str = Field("q", alias="ess", max_length=3, pattern="^q")
    counts: dict[str, int] = Field(default_factory=dict)
    by_number: dict[int, str] = Field(default_factory=dict)
    pair: tuple[int, str] = (1, "a")
    origin: Literal["JFK", "LGA"] = "JFK"
    raw: bytes = b""
    names: frozenset[str] = frozenset()


DAY = {"day": "2013-01-31"}


def problems(raw: dict[str, Any], kind: type[BaseModel] = Everything) -> dict[str, str]:
    with pytest.raises(InvalidConfigError) as caught:
        bind_value(kind, raw)
    return {" > ".join(p.path): p.message for p in caught.value.problems}


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("day", "2013-02-01", dt.date(2013, 2, 1)),
        ("moment", "2013-02-01T10:00:00", dt.datetime(2013, 2, 1, 10)),  # noqa: DTZ001
        ("clock", "10:30", dt.time(10, 30)),
        ("wait", 3, dt.timedelta(seconds=3)),
        ("wait", 1.5, dt.timedelta(seconds=1.5)),
        ("wait", -2, dt.timedelta(seconds=-2)),
        ("wait", "PT1H", dt.timedelta(hours=1)),
        ("path", "/z", pathlib.Path("/z")),
        ("price", "1.50", decimal.Decimal("1.50")),
        ("price", 2, decimal.Decimal(2)),
        ("key", str(uuid.UUID(int=1)), uuid.UUID(int=1)),
        ("colour", "BLUE", Colour.BLUE),
        ("colour", "blue", Colour.BLUE),
        ("colour", 1, Colour.RED),
        ("colour", "PAIR", Colour.PAIR),
        ("colours", ["RED", "blue", 1], [Colour.RED, Colour.BLUE, Colour.RED]),
        ("maybe", "PAIR", Colour.PAIR),
        ("maybe", None, None),
        ("level", "HIGH", Level.HIGH),
        ("level", "h", Level.HIGH),
        ("plain", {"a": 2}, Plain(a=2)),
        ("pet", {"kind": "cat", "meows": 3}, Cat(kind="cat", meows=3)),
        ("pets", [{"kind": "dog", "barks": 3}], [Dog(kind="dog", barks=3.0)]),
        ("scalar", "z", "z"),
        ("scalar", 3, 3),
        ("mixed", [1, 2], [1, 2]),
        ("mixed", {"kind": "cat", "meows": 1}, Cat(kind="cat", meows=1)),
        ("counts", {"a": 1}, {"a": 1}),
        ("by_number", {1: "a"}, {1: "a"}),
        ("pair", [2, "b"], (2, "b")),
        ("origin", "LGA", "LGA"),
        ("raw", "é", "é".encode()),
        ("names", ["a", "b"], frozenset({"a", "b"})),
    ],
)
def test_every_type_is_read(name: str, raw: Any, value: Any) -> None:
    bound = bind_value(Everything, {**DAY, name: raw})
    assert isinstance(bound, Everything)
    assert getattr(bound, name) == value


@pytest.mark.parametrize(
    ("raw", "path", "words"),
    [
        ({"day": "20"}, "day", "must be a date like '2013-01-31' (got '20')."),
        ({"moment": "zz"}, "moment",
         "must be a date and time like '2013-01-31T12:00:00' (got 'zz')."),
        ({"wait": "q"}, "wait",
         "must be a number of seconds or a duration like 'PT1H30M' (got 'q')."),
        ({"path": 3}, "path", "must be text (got 3)."),
        ({"price": "z"}, "price", "must be a decimal number (got 'z')."),
        ({"key": "z"}, "key", "must be a UUID (got 'z')."),
        ({"colour": "BLU"}, "colour", "must be one of 'RED', 'BLUE', 'PAIR' (got 'BLU')."),
        ({"colours": ["RED", 7]}, "colours > 1",
         "must be one of 'RED', 'BLUE', 'PAIR' (got 7)."),
        ({"plain": []}, "plain", "must be a mapping (got a list)."),
        ({"plain": {"a": "x"}}, "plain > a", "must be an integer (got 'x')."),
        ({"pet": {"kind": "bat"}}, "pet > kind", "must be one of 'cat', 'dog' (got 'bat')."),
        ({"pet": {"meows": 1}}, "pet > kind", "must be given, to tell which kind this is."),
        ({"pet": {"kind": "cat"}}, "pet > meows", "is required."),
        ({"pets": [{"kind": "dog", "bark": 1, "barks": 1}]}, "pets > 0 > bark",
         "is not a field here. Did you mean 'barks'?"),
        ({"scalar": []}, "scalar", "must be an integer or text (got a list)."),
        ({"mixed": 3}, "mixed", "must be a mapping or a list (got 3)."),
        ({"mixed": ["x"]}, "mixed > 0", "must be an integer (got 'x')."),
        ({"mixed": {"kind": "cat", "meows": "x"}}, "mixed > meows",
         "must be an integer (got 'x')."),
        ({"bounded": 9}, "bounded", "must be at most 5 (got 9)."),
        ({"bounded": 1}, "bounded", "must be at least 3 (got 1)."),
        ({"bounded": True}, "bounded", "must be an integer (got True)."),
        ({"ess": "qqqq"}, "ess", "must be at most 3 characters long (got 'qqqq')."),
        ({"ess": "a"}, "ess", "must be text that matches '^q' (got 'a')."),
        ({"counts": {"a": "x"}}, "counts > a", "must be an integer (got 'x')."),
        ({"by_number": {"x": "a"}}, "by_number > x",
         "is a key that must be an integer (got 'x')."),
        ({"pair": [1]}, "pair > 1", "is required."),
        ({"origin": "JFX"}, "origin", "must be one of 'JFK', 'LGA' (got 'JFX')."),
        ({"raw": 4}, "raw", "must be text (got 4)."),
        ({"days": "x"}, "days", "is not a field here. Did you mean 'day'?"),
    ],
)  # fmt: skip
def test_every_type_is_refused_in_words(raw: dict[str, Any], path: str, words: str) -> None:
    assert problems({**DAY, **raw}) == {path: words}


def test_all_problems_are_told_at_once() -> None:
    found = problems({"bounded": 9, "origin": "X", "scalar": [], "zz": 1})
    assert set(found) == {"day", "bounded", "origin", "scalar", "zz"}


def test_the_words_of_a_users_own_validator_are_kept() -> None:
    class Even(Config):
        n: int
        m: int = 0

        @field_validator("n")
        @classmethod
        def even(cls, value: int) -> int:
            if value % 2:
                raise ValueError("odd numbers are not flown")
            return value

        @model_validator(mode="after")
        def ordered(self) -> Even:
            if self.m > self.n:
                raise AssertionError("m must not exceed n")
            return self

    assert problems({"n": 3}, Even) == {"n": "odd numbers are not flown (got 3)"}
    assert problems({"n": 2, "m": 4}, Even) == {"": "m must not exceed n"}


def test_a_validator_that_breaks_is_told_as_such() -> None:
    class Broken(Config):
        n: int

        @field_validator("n")
        @classmethod
        def look_up(cls, value: int) -> int:
            return {}[value]

    with pytest.raises(InvalidConfigError, match="validator of the config raised KeyError") as info:
        bind_value(Broken, {"n": 1})
    assert isinstance(info.value.__cause__, KeyError)


@dataclasses.dataclass
class Point:
    x: int
    colour: Colour = Colour.RED


class Keyed(TypedDict):
    name: str
    level: Level


class Pair(NamedTuple):
    a: int
    b: str = "q"


class Codes(RootModel[list[int]]):
    pass


T = TypeVar("T")
Number = NewType("Number", int)


class Boxed(BaseModel, Generic[T]):
    value: T


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int
    b: str


class Other(BaseModel):
    model_config = ConfigDict(extra="forbid")
    c: float


class Rare(Config):
    point: Point | None = None
    keyed: Keyed | None = None
    pair: Pair | None = None
    codes: Codes | None = None
    boxed: Boxed[int] | None = None
    number: Number = Number(1)
    ip: ipaddress.IPv4Address | None = None
    json_text: Json[dict[str, int]] | None = None
    either: Strict | Other | None = None
    several: list[Strict | int] = Field(default_factory=list)
    by_colour: dict[Colour, int] = Field(default_factory=dict)
    flags: re.RegexFlag = re.RegexFlag.NOFLAG
    deep: int = Field(1, validation_alias=AliasPath("some", "place", 0))
    aliased: int = Field(1, validation_alias=AliasChoices("one", "uno"))


@pytest.mark.parametrize(
    "raw",
    [
        {"point": {"x": 1, "colour": "BLUE"}},
        {"keyed": {"name": "a", "level": "HIGH"}},
        {"pair": [1, "b"]},
        {"codes": [1, 2]},
        {"boxed": {"value": 3}},
        {"number": 3},
        {"ip": "1.2.3.4"},
        {"json_text": {"a": 1}},
        {"json_text": '{"a": 1}'},
        {"either": {"a": 1, "b": "x"}},
        {"either": {"c": 1.5}},
        {"several": [1, {"a": 1, "b": "x"}]},
        {"by_colour": {"RED": 1, "PAIR": 2}},
        {"flags": "IGNORECASE"},
        {"flags": 3},
        {"some": {"place": [4]}},
        {"one": 3},
        {"uno": 3},
    ],
)
def test_rare_types_are_read_and_written(raw: dict[str, Any]) -> None:
    bound = bind_value(Rare, raw)
    assert bound.model_fields_set
    assert bind_value(Rare, raw_config(bound)) == bound
    assert bound != Rare()


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ({"point": {"x": "a", "colour": "C", "y": 1}}, {
            "point > x": "must be an integer (got 'a').",
            "point > colour": "must be one of 'RED', 'BLUE', 'PAIR' (got 'C').",
            "point > y": "is not a field here. There is: 'x', 'colour'.",
        }),
        ({"keyed": {"level": "X"}}, {
            "keyed > name": "is required.",
            "keyed > level": "must be one of 'LOW', 'HIGH' (got 'X').",
        }),
        ({"codes": ["x"]}, {"codes > 0": "must be an integer (got 'x')."}),
        ({"boxed": {"value": "x"}}, {"boxed > value": "must be an integer (got 'x')."}),
        ({"either": {"a": 1}}, {"either > b": "is required."}),
        ({"either": {"c": "x"}}, {"either > c": "must be a number (got 'x')."}),
        ({"either": 3}, {"either": "must be a mapping (got 3)."}),
        ({"several": ["x", {"a": 1}]}, {
            "several > 0": "must be a mapping or an integer (got 'x').",
            "several > 1 > b": "is required.",
        }),
        ({"some": {"place": ["x"]}}, {"some > place > 0": "must be an integer (got 'x')."}),
        ({"uno": "x"}, {"uno": "must be an integer (got 'x')."}),
        ({"unos": 1}, {"unos": "is not a field here. Did you mean 'uno'?"}),
    ],
)  # fmt: skip
def test_rare_types_are_refused_in_words(raw: dict[str, Any], found: dict[str, str]) -> None:
    assert problems(raw, Rare) == found


def test_null_for_a_sloppy_default_of_none_means_the_default() -> None:
    class Sloppy(Config):
        n: int = None  # type: ignore[assignment]

    assert bind_value(Sloppy, {"n": None}).n is None


def test_a_tag_that_is_also_a_field_does_not_confuse_the_path() -> None:
    class Json(BaseModel):
        kind: Literal["json"]
        json_: str = Field(alias="json")
        path: str

    class Xml(BaseModel):
        kind: Literal["xml"]

    class Holder(Config):
        source: Annotated[Json | Xml, Field(discriminator="kind")]

    assert problems({"source": {"kind": "json", "json": "x"}}, Holder) == {
        "source > path": "is required."
    }
    assert problems({"source": {"kind": "json", "json": 1, "path": "x"}}, Holder) == {
        "source > json": "must be text (got 1)."
    }


def test_a_class_within_itself_is_read() -> None:
    assert bind_value(Tree, {"left": {"left": {}, "n": 2}}).left.n == 2
    assert problems({"left": {"left": {"n": "x"}}}, Tree) == {
        "left > left > n": "must be an integer (got 'x')."
    }


class Tree(Config):
    n: int = 1
    left: Tree | None = None


def test_config_does_not_change() -> None:
    cat = Cat(kind="cat", meows=1)
    with pytest.raises(InvalidInvocationError, match=r"Cat.meows cannot be set.*model_copy"):
        cat.meows = 2
    assert cat.model_copy(update={"meows": 2}).meows == 2


def test_python_refuses_unknown_fields_and_permissive_config_keeps_them() -> None:
    class Query(PermissiveConfig):
        table: str

    with pytest.raises(ValidationError):
        Cat(kind="cat", meows=1, purrs=True)  # type: ignore[call-arg]
    bound = bind_value(Query, {"table": "t", "limit": 5, "deep": {"a": [1]}})
    assert (bound.limit, bound.deep) == (5, {"a": [1]})
    assert raw_config(bound) == {"table": "t", "limit": 5, "deep": {"a": [1]}}


def test_config_goes_to_raw_and_back() -> None:
    given = Everything(
        day=dt.date(2013, 1, 31),
        moment=dt.datetime(2013, 1, 31, 12),  # noqa: DTZ001
        wait=dt.timedelta(hours=1),
        path=pathlib.Path("/z"),
        price=decimal.Decimal("1.5"),
        key=uuid.UUID(int=3),
        colour=Colour.PAIR,
        colours=[Colour.BLUE],
        level=Level.HIGH,
        secret=SecretStr("hush"),
        pet=Dog(kind="dog", barks=1),
        ess="qq",
        by_number={1: "a"},
        pair=(3, "c"),
        raw=b"abc",
        names=frozenset({"b", "a"}),
    )
    raw = raw_config(given)
    assert raw["colour"] == "PAIR"
    assert raw["level"] == "HIGH"
    assert raw["day"] == "2013-01-31"
    assert raw["names"] == ["a", "b"]
    assert "hush" not in repr(raw)
    assert bind_value(Everything, raw) == given


def test_the_fields_of_a_class_are_described() -> None:
    fields = Everything.to_fields_dict()
    assert fields["day"].is_required
    assert fields["bounded"].default_value == 3
    assert "ess" in fields
    assert bind_value(fields["bounded"], 4) == 4
    with pytest.raises(InvalidConfigError, match="at most 5"):
        bind_value(fields["bounded"], 9)
    schema = Everything.to_config_schema()
    assert schema is Everything.to_config_schema() is schema.as_field()
    assert schema.config_type.fields.keys() == fields.keys()


def test_the_schema_of_a_class_gives_a_dict_with_defaults_and_variables(monkeypatch) -> None:
    monkeypatch.setenv("HOST_OF_THE_TEST", "here")

    class Login(Config):
        host: str
        port: int = 80
        scheme: str = Field(default="http", alias="protocol")

    schema = Login.to_config_schema()
    found = bind_value(schema, {"host": {"env": "HOST_OF_THE_TEST"}})
    assert found == {"host": "here", "port": 80, "protocol": "http"}
    with pytest.raises(InvalidConfigError, match="port"):
        bind_value(schema, {"host": "here", "port": "many"})


def test_a_class_with_defaults_need_not_be_given() -> None:
    assert not schema_of(Tree).is_required  # type: ignore[union-attr]
    assert bind_value(Tree) == Tree()
