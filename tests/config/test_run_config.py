"""`RunConfig` becomes a plain dictionary that JSON and YAML can hold."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import json
import pathlib
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import ConfigDict, Field, PlainSerializer, RootModel, SecretStr

from jobnb import Config, EnvVar, InvalidConfigError, RunConfig
from jobnb.config import bind_value, dump_yaml, load_yaml, raw_config


class Load(Config):
    year: int
    day: dt.date = dt.date(2013, 1, 31)


class Colour(enum.Enum):
    RED = 1


def written(year: int) -> dict[str, Any]:
    return {"year": year, "day": "2013-01-31"}


def test_config_objects_are_wrapped_and_dictionaries_kept() -> None:
    given = RunConfig(
        ops={
            "load": Load(year=2013),
            "plain": {"config": {"a": 1}},
            "graph": {"ops": {"inner": Load(year=1), "deeper": {"ops": {"x": Load(year=2)}}}},
            "config": Load(year=3),
        },
        resources={"db": Load(year=4), "other": {"config": {"host": "h"}}},
        loggers={"console": {"config": {"log_level": "INFO"}}},
        execution={"config": {"max_concurrent": 3}},
    )
    assert given.to_config_dict() == {
        "loggers": {"console": {"config": {"log_level": "INFO"}}},
        "resources": {"db": {"config": written(4)}, "other": {"config": {"host": "h"}}},
        "ops": {
            "load": {"config": written(2013)},
            "plain": {"config": {"a": 1}},
            "graph": {
                "ops": {
                    "inner": {"config": written(1)},
                    "deeper": {"ops": {"x": {"config": written(2)}}},
                }
            },
            "config": {"config": written(3)},
        },
        "execution": {"config": {"max_concurrent": 3}},
    }


def test_config_objects_may_stand_under_config_too() -> None:
    given = RunConfig(ops={"load": {"config": Load(year=1)}, "b": {"config": {"x": Load(year=2)}}})
    assert given.to_config_dict()["ops"] == {
        "load": {"config": written(1)},
        "b": {"config": {"x": written(2)}},
    }


def test_an_empty_one_has_its_four_parts() -> None:
    empty: dict[str, Any] = {"loggers": {}, "resources": {}, "ops": {}, "execution": {}}
    assert RunConfig().to_config_dict() == empty
    assert RunConfig() == RunConfig(ops={})
    assert RunConfig(ops={"a": Load(year=1)}) != RunConfig()
    assert repr(RunConfig(ops={"a": 1})) == "RunConfig(ops={'a': 1})"


def test_every_value_becomes_plain() -> None:
    class Codes(RootModel[list[str]]):
        pass

    raw = raw_config(
        {
            "day": dt.date(2013, 1, 31),
            "moment": dt.datetime(2013, 1, 31, 12, tzinfo=dt.UTC),
            "wait": dt.timedelta(hours=1),
            "path": pathlib.PurePosixPath("/a"),
            "price": decimal.Decimal("1.5"),
            "colour": Colour.RED,
            "pair": (1, 2),
            "set": {"b", "a"},
            "queue": collections.deque([1]),
            "number": np.int64(3),
            "flag": np.bool_(True),
            "array": np.array([[1, 2]]),
            "codes": Codes(["a"]),
            Colour.RED: 1,
            3: "three",
            True: "yes",
        }
    )
    assert raw == {
        "day": "2013-01-31",
        "moment": "2013-01-31T12:00:00+00:00",
        "wait": "PT1H",
        "path": "/a",
        "price": "1.5",
        "colour": "RED",
        "pair": [1, 2],
        "set": ["a", "b"],
        "queue": [1],
        "number": 3,
        "flag": True,
        "array": [[1, 2]],
        "codes": ["a"],
        "RED": 1,
        "3": "three",
        "true": "yes",
    }
    assert load_yaml(dump_yaml(raw)) == json.loads(json.dumps(raw)) == raw


def test_subclasses_of_plain_types_become_plain() -> None:
    class Text(str):
        __slots__ = ()

    made = raw_config(collections.OrderedDict(a=Text("x"), b=np.str_("y")))
    assert type(made) is dict
    assert [type(value) for value in made.values()] == [str, str]


def test_a_users_own_serializer_is_used() -> None:
    class Point:
        def __init__(self, x: int) -> None:
            self.x = x

    class Placed(Config):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        point: Annotated[Point, PlainSerializer(lambda point: {"x": point.x})]

    assert raw_config(Placed(point=Point(3))) == {"point": {"x": 3}}


def test_what_cannot_be_plain_is_told_with_every_path() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        RunConfig(ops={"a": {"config": {"x": [object(), 1, b"\xff"]}}}).to_config_dict()
    assert [problem.path for problem in caught.value.problems] == [
        ("ops", "a", "config", "x", "0"),
        ("ops", "a", "config", "x", "2"),
    ]


def test_raw_config_takes_what_may_be_given() -> None:
    assert raw_config(None) == {}
    assert raw_config(Load(year=1)) == {"year": 1}
    assert raw_config({"a": 1}) == {"a": 1}
    assert raw_config(RunConfig(ops={"a": {}}))["ops"] == {"a": {}}
    with pytest.raises(InvalidConfigError, match="not 3"):
        raw_config(3)


class Cat(Config):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(Config):
    kind: Literal["dog"] = "dog"
    lives: int = 1


class Owner(Config):
    tagged: Cat | Dog = Field(Cat(), discriminator="kind")
    plain: Cat | Dog = Cat()
    each: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = Field([])


def test_which_class_of_a_union_it_was_is_not_lost() -> None:
    given = Owner(tagged=Dog(), plain=Dog(), each=[Dog(), Cat(lives=3)])
    raw = raw_config(RunConfig(ops={"a": given}))["ops"]["a"]["config"]
    assert raw == {
        "tagged": {"kind": "dog", "lives": 1},
        "plain": {"kind": "dog", "lives": 1},
        "each": [{"kind": "dog", "lives": 1}, {"kind": "cat", "lives": 3}],
    }
    assert bind_value(Owner, raw) == given


def test_defaults_are_written_but_those_that_say_nothing_or_too_much() -> None:
    class Inner(Config):
        x: int = 1
        y: str | None = None

    class Outer(Config):
        n: int = 1
        nothing: str | None = None
        names: list[str] = Field(["a"])
        inner: Inner = Inner()
        inners: list[Inner] = Field(default_factory=lambda: [Inner(x=2)])
        colour: Colour = Colour.RED
        home: str = EnvVar("HOME")
        secret: SecretStr = SecretStr("48151623")
        secrets: list[SecretStr] = Field([SecretStr("48151623")])
        odd: Any = object()

    raw = RunConfig(ops={"o": Outer()}).to_config_dict()["ops"]["o"]["config"]
    assert raw == {
        "n": 1, "names": ["a"], "inner": {"x": 1}, "inners": [{"x": 2}], "colour": "RED",
        "home": {"env": "HOME"},
    }  # fmt: skip
    assert bind_value(Outer, raw).inners == [Inner(x=2)]
    given = RunConfig(ops={"o": Outer(nothing=None, secret=SecretStr("abcd"))})
    raw = given.to_config_dict()["ops"]["o"]["config"]
    assert raw["nothing"] is None
    assert bind_value(Outer, raw).secret.get_secret_value() == "abcd"
