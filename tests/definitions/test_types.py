"""Types: what annotations become, the fast and the full check, and loading from config."""

# ruff: noqa: PT014, UP045 - old and new spellings are both tested
from __future__ import annotations

import collections.abc
import inspect
import json
import pickle
import typing
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Protocol, TypedDict, TypeVar
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import (
    DataType,
    DynamicOutput,
    InvalidConfigError,
    InvalidDefinitionError,
    Output,
    PythonObjectDataType,
    TypeCheck,
    TypeCheckError,
    op,
)
from jobnb.config import bind_value, schema_of
from jobnb.definitions import types as ty
from jobnb.definitions.types import resolve

T = TypeVar("T")
Bound = TypeVar("Bound", bound=int)
UserId = NewType("UserId", int)


class Row(TypedDict):
    year: int


class Reads(Protocol):
    def read(self) -> str: ...


class Box(typing.Generic[T]):
    pass


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (int, "Int"),
        (str, "String"),
        (float, "Float"),
        (bool, "Bool"),
        (list, "[Any]"),
        (dict, "dict"),
        (tuple, "tuple"),
        (set, "set"),
        (Any, "Any"),
        (object, "Any"),
        (inspect.Parameter.empty, "Any"),
        (None, "Nothing"),
        (type(None), "Nothing"),
        (list[int], "[Int]"),
        (list[int], "[Int]"),
        (list, "[Any]"),
        (dict[str, int], "Dict[String,Int]"),
        (tuple[int, str], "Tuple[Int,String]"),
        (tuple[int, ...], "Tuple[Int,...]"),
        (set[int], "Set[Int]"),
        (frozenset[int], "FrozenSet[Int]"),
        (typing.Optional[int], "Int?"),
        (int | None, "Int?"),
        (int | str, "Union[Int,String]"),
        (typing.Optional[list[int]], "[Int]?"),
        (int | str | None, "Union[Int,String]?"),
        (date, "date"),
        (pd.DataFrame, "DataFrame"),
        (Literal["a", "b"], "Literal['a', 'b']"),
        (Annotated[int, []], "Int"),
        (UserId, "Int"),
        (Bound, "Int"),
        (T, "~T"),
        (Row, "Row"),
        (Reads, "Reads"),
        (type[int], "type[int]"),
        (collections.abc.Sequence[int], "Sequence[int]"),
        ("Later", "Later"),
        (ty.List, "[Any]"),
        (ty.List[int], "[Int]"),
        (ty.Dict, "dict"),
        (ty.Dict[ty.String, ty.Int], "Dict[String,Int]"),
        (ty.Optional[ty.Int], "Int?"),
        (ty.Tuple[ty.Int, ty.String], "Tuple[Int,String]"),
        (ty.Set[ty.Float], "Set[Float]"),
        (list[ty.Int], "[Int]"),
        (ty.Int | None, "Int?"),
    ],
)
def test_annotations_become_types_with_dagsters_names(annotation: Any, name: str) -> None:
    assert resolve(annotation).display_name == name


def test_an_annotation_gives_the_same_type_each_time() -> None:
    assert resolve(list[int]) is resolve(list[int])
    assert resolve(int) is ty.INT is ty.Int
    assert resolve(None) is ty.Nothing
    assert resolve(resolve(dict[str, int])) is resolve(dict[str, int])
    assert resolve(Literal[1]) is not resolve(Literal[True])


@pytest.mark.parametrize("wrong", [3, 0.5, [int], {"a": int}])
def test_what_is_no_annotation_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidDefinitionError, match="no type"):
        resolve(wrong)


def test_wrong_numbers_of_inner_types_are_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match=r"write Dict\[String, Int\]"):
        ty.Dict[int]
    with pytest.raises(InvalidDefinitionError, match="write List"):
        ty.List[int, str]


_CASES: list[tuple[Any, list[Any], list[Any]]] = [
    (int, [1, True], [1.0, "1", None, np.int64(1)]),
    (float, [1.0, np.float64(1)], [1, True, "x"]),
    (bool, [True], [1, np.bool_(True)]),
    (str, ["a", np.str_("a")], [1, b"a"]),
    (None, [None], [1, 0]),
    (Any, [None, 1, object()], []),
    (list, [[], [1, "a"]], [(1,), "a"]),
    (list[int], [[], [1]], [[1, "a"], (1,)]),
    (dict, [{}], [[]]),
    (dict[str, int], [{"a": 1}], [{"a": "b"}, {1: 1}, []]),
    (dict[str, Any], [{"a": object()}], [{1: 1}]),
    (tuple, [(1,)], [[1]]),
    (tuple[int, str], [(1, "a")], [(1,), [1, "a"], (1, 2), (1, "a", 3)]),
    (tuple[int, ...], [(), (1, 2)], [(1, "a"), [1]]),
    (tuple[Any, int], [("x", 1)], [("x", "y")]),
    (set[int], [{1}, set()], [{"a"}, [1]]),
    (frozenset[int], [frozenset({1})], [{1}]),
    (int | None, [None, 3], ["a"]),
    (int | str, [1, "a"], [None, 1.0]),
    (Any | None, [None, 3], []),
    (Literal["a", 1], ["a", 1], ["b", True, 1.0]),
    (type[int], [int, bool], [str, 3]),
    (Row, [{"year": 1}], [[]]),
    (Reads, [object()], []),
    (Box[int], [Box()], [3]),
    (date, [date(2013, 1, 1)], ["2013-01-01"]),
    (collections.abc.Sequence[int], [[1], (1,)], [{1}]),
    (pd.DataFrame, [pd.DataFrame()], [{}]),
    (list[dict[str, list[int]]], [[{"a": [1]}]], [[{"a": ["x"]}]]),
]


@pytest.mark.parametrize(("annotation", "right", "wrong"), _CASES)
def test_both_checks_agree(annotation: Any, right: list[Any], wrong: list[Any]) -> None:
    data_type = resolve(annotation)
    fast = data_type.passes
    for value in right:
        assert data_type.type_check(None, value).success
        assert fast is None or fast(value) is True
    for value in wrong:
        verdict = data_type.type_check(None, value)
        assert not verdict.success
        assert verdict.description
        assert fast is not None
        assert fast(value) is False


_annotations = st.recursive(
    st.sampled_from([int, str, float, bool, Any]),  # None, in another type, is refused
    lambda inner: (
        inner.map(lambda a: list[a])
        | inner.map(lambda a: tuple[a, ...])
        | st.tuples(inner, inner).map(lambda p: dict[p[0], p[1]])
        | st.tuples(inner, inner).map(lambda p: tuple[p[0], p[1]])
        | inner.map(lambda a: typing.Optional[a])
    ),
    max_leaves=5,
)
_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
_some_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(_scalars, inner, max_size=3)
    ),
    max_leaves=6,
)


@given(_annotations, _some_values)
def test_fast_and_full_check_never_disagree(annotation: Any, value: Any) -> None:
    data_type = resolve(annotation)
    verdict = data_type.type_check(None, value)
    fast = data_type.passes
    assert verdict.success is (fast is None or fast(value))
    assert verdict.success or verdict.description


def test_failed_checks_say_where_and_what() -> None:
    assert resolve(list[int]).type_check(None, [1, "a"]).description == (
        "Item 1: Expected int, got str 'a'."
    )
    assert "Wrap it in int(...)" in str(resolve(int).type_check(None, np.int64(3)).description)
    assert "at 'k': Item 0" in str(resolve(dict[str, list[int]]).type_check(None, {"k": ["x"]}))
    long = resolve(int).type_check(None, "x" * 10_000).description
    assert len(str(long)) < 200


def test_a_value_whose_repr_fails_is_still_told() -> None:
    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    assert "Rude" in str(resolve(int).type_check(None, Rude()).description)


# DataType


def test_a_check_function_gives_a_bool_or_a_verdict() -> None:
    even = DataType(
        lambda _c, value: value % 2 == 0, name="Even", description="d", metadata={"a": 1}
    )
    assert even.type_check(None, 2) == TypeCheck(True)
    assert not even.type_check(None, 3).success
    told = DataType(lambda _c, _v: TypeCheck(False, "no", {"n": 1}), name="Told")
    assert told.type_check(None, 1).description == "no"
    assert DataType(lambda _c, _v: np.bool_(True), name="Np").type_check(None, 1).success
    fast = even.passes
    assert fast is not None
    assert fast(2) is False  # only the user's function can tell


class Angry:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"not connected: {name}")


@pytest.mark.parametrize(
    "give_back",
    [
        lambda: None,
        lambda: 3,
        lambda: "yes",
        mock.MagicMock,
        Angry,
        lambda: pd.DataFrame({"item": [1]}),
    ],
)
def test_any_other_verdict_is_an_error(give_back: Any) -> None:
    with pytest.raises(TypeCheckError, match="'Odd' returned"):
        DataType(lambda _c, _v: give_back(), name="Odd").type_check(None, 1)


def test_the_users_exception_comes_through() -> None:
    def fail(_context: Any, _value: Any) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        DataType(fail, name="Fails").type_check(None, 1)


@pytest.mark.parametrize("fn", [lambda _v: True, lambda: True, lambda _a, _b, _c: True, 3])
def test_check_functions_take_context_and_value(fn: Any) -> None:
    with pytest.raises(InvalidDefinitionError, match="'X'"):
        DataType(fn, name="X")


def test_names_and_keys() -> None:
    with pytest.raises(InvalidDefinitionError, match="name"):
        DataType(lambda _c, _v: True)
    keyed = DataType(lambda _c, _v: True, key="k")
    assert (keyed.display_name, keyed.has_unique_name) == ("k", False)
    with pytest.raises(InvalidDefinitionError, match="'k'"):
        keyed.unique_name  # noqa: B018
    named = DataType(lambda _c, _v: True, key="k", name="n")
    assert (named.key, named.unique_name) == ("k", "n")
    both = PythonObjectDataType((int, str))
    assert both.display_name == "Union[int, str]"
    assert both.type_check(None, 1.5).description == "Expected Union[int, str], got float 1.5."
    assert PythonObjectDataType(dict, name="N").display_name == "N"
    with pytest.raises(InvalidDefinitionError, match="class"):
        PythonObjectDataType("dict")  # type: ignore[arg-type]


def test_scalars_can_be_config_schemas() -> None:
    found = [t.config_type for t in (ty.String, ty.Int, ty.Float, ty.Bool, ty.Nothing)]
    assert found == [str, int, float, bool, None]


def test_the_context_gives_the_required_resources() -> None:
    class Builder:
        def build(self, keys: Any) -> Any:
            return sorted(keys)

    seen = []

    def check(context: ty.TypeCheckContext, _value: Any) -> bool:
        seen.append((context.run_id, context.resources, context.log.name))
        return True

    made = DataType(check, name="R", required_resource_keys={"db"})
    made.type_check(ty.TypeCheckContext("run", None, Builder(), made), 1)
    assert seen == [("run", ["db"], "jobnb")]
    assert ty.TypeCheckContext(scoped_resources_builder=3).resources == 3


def test_inner_resources_are_required_by_the_container() -> None:
    inner = DataType(lambda _c, _v: True, name="I", required_resource_keys={"db"})
    assert resolve(list[inner]).required_resource_keys == {"db"}  # type: ignore[valid-type]


# Usable classes


def test_a_class_with_a_type_of_its_own() -> None:
    @ty.usable_as_data_type(name="Journey", description="From here to there")
    class Trip:
        pass

    assert resolve(Trip).display_name == "Journey"
    assert resolve(list[Trip]).display_name == "[Journey]"
    assert resolve(Trip).description == "From here to there"

    @ty.usable_as_data_type
    class Bare:
        """Words."""

    assert (resolve(Bare).display_name, resolve(Bare).description) == ("Bare", "Words.")


def test_registering_again_replaces() -> None:
    class Point:
        pass

    assert resolve(Point).display_name == "Point"
    ty.make_python_type_usable_as_data_type(Point, PythonObjectDataType(Point, name="P1"))
    assert resolve(Point).display_name == "P1"
    ty.make_python_type_usable_as_data_type(Point, PythonObjectDataType(Point, name="P2"))
    assert resolve(list[Point]).display_name == "[P2]"
    with pytest.raises(InvalidDefinitionError, match="int has a type already"):
        ty.make_python_type_usable_as_data_type(int, PythonObjectDataType(int))
    with pytest.raises(InvalidDefinitionError, match="class and a DataType"):
        ty.make_python_type_usable_as_data_type(Point, int)


def test_check_data_type_works_on_types_and_annotations() -> None:
    assert ty.check_data_type(ty.Int, 3).success
    assert not ty.check_data_type(list[int], ["a"]).success


# Loaders


def _load(annotation: Any, config: Any) -> Any:
    loader = resolve(annotation).loader
    assert loader is not None
    return loader.construct_from_config_value(None, config)


def test_values_from_config(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([7]))
    (tmp_path / "x.pickle").write_bytes(pickle.dumps({8}))
    assert _load(int, 3) == 3
    assert _load(int, {"value": 3}) == 3
    assert _load(Any, {"json": {"path": str(tmp_path / "x.json")}}) == [7]
    for text, value in (('{"value": [8]}', [8]), ('{"value": 1, "x": 2}', {"value": 1, "x": 2})):
        (tmp_path / "named.json").write_text(text)
        assert _load(Any, {"json": {"path": str(tmp_path / "named.json")}}) == value
    assert _load(Any, {"pickle": {"path": str(tmp_path / "x.pickle")}}) == {8}
    assert _load(Any, {"json": "not a path"}) == {"json": "not a path"}
    assert _load(list[int], [1, {"value": 2}]) == [1, 2]
    assert _load(set[int], [1]) == {1}
    assert _load(tuple[int, str], [1, "a"]) == (1, "a")
    assert _load(dict, {"a": 1}) == {"a": 1}
    assert _load(dict[str, int], {"a": {"value": 1}}) == {"a": 1}
    assert _load(int | None, None) is None
    assert _load(int | None, {"value": 3}) == 3
    assert resolve(date).loader is None
    assert resolve(list[date]).loader is None
    assert resolve(None).loader is None


@pytest.mark.parametrize("how", ["json", "pickle"])
def test_an_unreadable_file_is_named(how: str, tmp_path: Path) -> None:
    path = tmp_path / "broken"
    with pytest.raises(InvalidConfigError, match="broken"):
        _load(int, {how: {"path": str(path)}})
    path.write_text("{")
    with pytest.raises(InvalidConfigError, match="broken"):
        _load(int, {how: {"path": str(path)}})


@pytest.mark.parametrize(
    ("annotation", "config", "expected"),
    [
        (int, 3, 3),
        (int, {"value": 3}, 3),
        (Any, {"a": [1]}, {"a": [1]}),
        (list[int], [1, {"value": 2}], [1, 2]),
        (dict, {"a": 1}, {"a": 1}),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (dict[str, float], {"a": {"value": 1.5}}, {"a": 1.5}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (int | None, None, None),
        (int | str, "a", "a"),
        (Literal["a"], "a", "a"),
    ],
)
def test_the_schema_of_a_loader_takes_what_the_loader_reads(
    annotation: Any, config: Any, expected: Any
) -> None:
    loader = resolve(annotation).loader
    assert loader is not None
    node = schema_of(loader.config_schema)
    assert node is not None
    bound = bind_value(node, config, ("x",), "the input")
    assert loader.construct_from_config_value(None, bound) == expected


@pytest.mark.parametrize(
    ("annotation", "config"),
    [(int, "a"), (list[int], ["a"]), (dict[str, int], {"a": "b"}), (int, {"valu": 3}), (dict, 3)],
)
def test_the_schema_of_a_loader_refuses_the_rest(annotation: Any, config: Any) -> None:
    loader = resolve(annotation).loader
    assert loader is not None
    with pytest.raises(InvalidConfigError):
        bind_value(schema_of(loader.config_schema), config, ("x",), "the input")


def test_a_loader_from_a_function() -> None:
    @ty.data_type_loader({"year": int}, required_resource_keys={"db"})
    def load(context: Any, config: Any) -> Any:
        return context, config["year"]

    assert load.required_resource_keys() == {"db"}
    assert load.config_schema == {"year": int}
    assert load.construct_from_config_value("ctx", {"year": 1}) == ("ctx", 1)
    with pytest.raises(InvalidDefinitionError, match="two arguments"):
        ty.data_type_loader(int)(lambda _x: 1)


# Return annotations


@pytest.mark.parametrize(
    ("annotation", "inner"),
    [
        (inspect.Parameter.empty, Any),
        (None, type(None)),
        (int, int),
        (Output, Any),
        (Output[int], int),
        (Output[list[int]], list[int]),
        (list[DynamicOutput[str]], str),
        (typing.Iterator[Output[int]], int),
        (typing.Generator[DynamicOutput[int], None, None], int),
        (typing.Iterator[Output[int] | TypeCheck], int),
        (typing.Iterator[Output[int] | Output[str]], Any),
        (typing.Iterator[int], Any),
        (typing.Iterator, Any),
    ],
)
def test_return_annotations_are_unwrapped(annotation: Any, inner: Any) -> None:
    def given() -> Any:
        return 1

    given.__annotations__["return"] = annotation
    if annotation is inspect.Parameter.empty:
        del given.__annotations__["return"]
    assert op(given).outs["result"].dagster_type is resolve(inner)
