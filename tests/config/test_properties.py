"""Whatever the schema and whatever is given: values, or problems at the right places."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jobnb import Array, Field, InvalidConfigError, Map, Noneable
from jobnb.config import Section, bind, bind_value, dump_yaml, load_yaml, scaffold, schema_of
from jobnb.errors import Problem

NAMES = st.text("abcdef _-1é", min_size=1, max_size=6).filter(lambda name: name != "env")
SCALARS: dict[type, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**70), 2**70),
    float: st.floats(allow_nan=False),
    str: st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12),
    bool: st.booleans(),
}
WRONG: dict[type, st.SearchStrategy[Any]] = {
    int: st.sampled_from(["x", 1.5, True, None, []]),
    float: st.sampled_from(["1", True, None, {}]),
    str: st.sampled_from([1, 1.5, False, None, ["x"]]),
    bool: st.sampled_from([1, 0, "true", None, {}]),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def cases(draw: st.DrawFn, depth: int = 3) -> tuple[Any, Any, Any, list[Any]]:
    """A schema, a right raw value, what it binds to, and places to break with a wrong value."""
    kinds = ["scalar"] if depth == 0 else ["scalar", "shape", "list", "map", "maybe"]
    kind = draw(st.sampled_from(kinds))
    if kind == "scalar":
        scalar = draw(st.sampled_from(list(SCALARS)))
        value = draw(SCALARS[scalar])
        return scalar, value, value, [((), draw(WRONG[scalar]))]
    if kind == "shape":
        parts = draw(st.dictionaries(NAMES, cases(depth - 1), max_size=3))
        optional = {name: draw(st.booleans()) for name in parts}
        schema = {name: _field(part, optional[name]) for name, part in parts.items()}
        return schema, *_joined(parts)
    schema, raw, value, wrong = draw(cases(depth - 1))
    if kind == "list":
        places = [((0, *path), bad) for path, bad in wrong]
        return Array(schema), [raw, raw], [value, value], places
    if kind == "map":
        key = draw(NAMES)
        return Map(str, schema), {key: raw}, {key: value}, [((key, *p), bad) for p, bad in wrong]
    return Noneable(schema), raw, value, [(p, bad) for p, bad in wrong if bad is not None or p]


def _field(part: tuple[Any, Any, Any, Any], optional: bool) -> Any:
    return Field(part[0], is_required=False) if optional else Field(part[0])


def _joined(parts: dict[str, Any]) -> tuple[Any, Any, list[Any]]:
    raw = {name: part[1] for name, part in parts.items()}
    value = {name: part[2] for name, part in parts.items()}
    return raw, value, [((name, *p), bad) for name, part in parts.items() for p, bad in part[3]]


def broken(raw: Any, path: tuple[Any, ...], bad: Any) -> Any:
    if not path:
        return bad
    made = copy.copy(raw)
    made[path[0]] = broken(raw[path[0]], path[1:], bad)
    return made


def tree_of(schema: Any) -> Section:
    field = schema_of(schema)
    assert field is not None
    return Section({"ops": Section({"op": Section({"config": field})})})


@given(cases())
def test_right_config_binds_and_goes_through_yaml(case: tuple[Any, Any, Any, Any]) -> None:
    schema, raw, value, _ = case
    whole = {"ops": {"op": {"config": raw}}}
    bound = bind(tree_of(schema), whole)
    assert bound.at("ops", "op", "config") == value
    again = load_yaml(dump_yaml(bound.stored))
    assert bind(tree_of(schema), again) == bound


def problems_of(bind_it: Callable[[], Any]) -> tuple[Problem, ...] | None:
    """The problems of a refusal, or None if there was none."""
    try:
        bind_it()
    except InvalidConfigError as error:
        return error.problems
    return None


@given(cases(), st.data())
def test_every_mistake_is_told_at_its_path(case: Any, data: st.DataObject) -> None:
    schema, raw, _, places = case
    assume(places)
    chosen = data.draw(st.lists(st.sampled_from(range(len(places))), min_size=1, unique=True))
    for index in chosen:
        raw = broken(raw, *places[index])
    found = problems_of(lambda: bind(tree_of(schema), {"ops": {"op": {"config": raw}}}))
    assert found is not None
    expected = {("ops", "op", "config", *map(str, places[index][0])) for index in chosen}
    assert expected <= {problem.path for problem in found}
    assert len(found) >= len(expected)


@given(cases(), JSON)
def test_whatever_is_given_it_binds_or_is_refused(case: Any, raw: Any) -> None:
    found = problems_of(lambda: bind_value(case[0], raw))
    assert found is None or (found and all(problem.message for problem in found))


@given(cases(), JSON)
def test_whatever_the_run_config_is_it_binds_or_is_refused(case: Any, raw: Any) -> None:
    assert problems_of(lambda: bind(tree_of(case[0]), raw)) != () or not isinstance(raw, dict)
    for whole in ({"ops": raw}, {"ops": {"op": raw}}):
        assert problems_of(lambda whole=whole: bind(tree_of(case[0]), whole)) != ()


@settings(max_examples=50)
@given(cases())
def test_a_scaffold_always_binds(case: Any) -> None:
    tree = tree_of(case[0])
    bind(tree, scaffold(tree))
    bind(tree, scaffold(tree, required_only=True))


@given(st.text(max_size=60))
def test_yaml_is_read_or_refused(text: str) -> None:
    found = problems_of(lambda: load_yaml("a: 1\n" + text))
    assert found is None or found == ()


SIGNS = list(":-[]{},&*!|>'\"%@`#?~.09e+_=ab \n\t\r\x00\ufeff\x85\u2028\ud800\U0001f600é")
WORDS = r"""!! << 0x 0b \u \x \ud8 \U0011 \n --- ... &a *a !!int !!float !!timestamp !!binary !!set
!!omap !!pairs !!bool !!null !!str !!map !!seq !!value !!merge !!python/name:os !x !<y> %TAG %YAML
true null .inf .nan 2013-01-31 12:30"""
PIECES = st.sampled_from(SIGNS + WORDS.split())


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=25).map("".join), st.sampled_from(["", "a: ", "{", "a: ["]))
def test_yaml_of_any_pieces_is_read_or_refused(text: str, start: str) -> None:
    found: dict[str, Any] = {}
    assert not problems_of(lambda: found.update(load_yaml(start + text + "\n")))
    problems = problems_of(lambda: found.update(kept=dump_yaml(found)))
    assert problems or load_yaml(found.pop("kept")) is not None


@given(st.binary(max_size=40), st.sampled_from([b"", b"a: ", b"{", b"\xef\xbb\xbf"]))
def test_any_bytes_of_a_file_are_read_or_refused(content: bytes, start: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "c.yaml")
        path.write_bytes(start + content)
        assert not problems_of(lambda: load_yaml(path))


@given(st.dictionaries(st.text(max_size=5), JSON.filter(lambda v: v == v), max_size=3))
def test_yaml_round_trips(mapping: dict[str, Any]) -> None:
    text = dump_yaml(mapping)
    assert dump_yaml(load_yaml(text)) == text
