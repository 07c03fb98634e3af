"""Op selections: nested names, depths at the clause's own level, brute force."""

# ruff: noqa: PT017 - any text may be right or wrong
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import InvalidSubsetError
from jobnb.plan.selection_resolution import resolve_op_selection

# o1 -> g(o2 -> o3) -> o4; o1 -> o4
DEPS = {"o1": set[str](), "g.o2": {"o1"}, "g.o3": {"g.o2"}, "o4": {"g.o3", "o1"}}


def chosen(*clauses: str) -> str:
    return " ".join(sorted(resolve_op_selection(clauses, list(DEPS), DEPS)))


@pytest.mark.parametrize(
    ("clauses", "names"),
    [
        (["o1"], "o1"),
        (["*"], "g.o2 g.o3 o1 o4"),
        (["g"], "g.o2 g.o3"),
        (["*g"], "g.o2 g.o3 o1"),
        (["g+"], "g.o2 g.o3 o4"),
        (["g.o2"], "g.o2"),
        (["o1+"], "g.o2 g.o3 o1 o4"),
        (["+o4"], "g.o2 g.o3 o1 o4"),
        (["++o4"], "g.o2 g.o3 o1 o4"),
        (["*g.o3"], "g.o2 g.o3 o1"),
        (["+g.o3"], "g.o2 g.o3"),
        (["g.o2+"], "g.o2 g.o3"),
        (["g.o2*"], "g.o2 g.o3 o4"),
        (["o1", "g.o3"], "g.o3 o1"),
        (["*o1+*"], "g.o2 g.o3 o1 o4"),
        ([" o1 "], "o1"),
        (["g.*"], "g.o2 g.o3"),
        (["g.*+"], "g.o2 g.o3 o4"),
        (["*g.o2 and not o1"], "g.o2"),
        (["o1 or g.o3"], "g.o3 o1"),
        (["o1, g.o3"], "g.o3 o1"),
        (["not g"], "o1 o4"),
        (["* and not (g or o4)"], "o1"),
        (['"*2" or "o?"'], "g.o2 o1 o4"),
        (['"g*"'], "g.o2 g.o3"),
        (["name:o1+"], "g.o2 g.o3 o1 o4"),
        (["1+o4"], "g.o2 g.o3 o1 o4"),
        (["1+g.o3"], "g.o2 g.o3"),
        (["+(o4)"], "g.o2 g.o3 o1 o4"),
        (["1+(g.o2 or o4)"], "g.o2 g.o3 o1 o4"),
        (["roots(g)"], "g.o2"),
        (["sinks(*)"], "o4"),
        (["sinks()"], "o4"),
    ],
)
def test_clauses(clauses: list[str], names: str) -> None:
    assert chosen(*clauses) == names


def test_one_clause_may_stand_for_a_list() -> None:
    assert resolve_op_selection("o1", list(DEPS), DEPS) == {"o1"}


@pytest.mark.parametrize(
    ("clause", "word"),
    [
        ("g.o9", "no op 'g.o9' in the job 'j'. Did you mean"),
        ("o9", "It has: 'o1', 'g'"),
        ("g.o9", "'g.o9'"),
        ("o", "no op 'o'"),
        ("", "column 1: expected a name"),
        ("o1 o2", "column 4: expected 'and' or 'or', found 'o2'"),
        ("o1*+", "column 4"),
        ("group:x", "an op has no 'group' to select by. There are: 'name'"),
        ("nodes(o1)", "no function 'nodes'"),
        ("g.x* or o1", "no op 'g.x'"),
        ("o1 and not o1", "names no op"),
        ('"z*"', "names no op"),
    ],
)
def test_wrong_clauses_are_told(clause: str, word: str) -> None:
    with pytest.raises(InvalidSubsetError, match=word):
        resolve_op_selection([clause], list(DEPS), DEPS, what="the job 'j'")


def test_selecting_nothing_is_an_error() -> None:
    with pytest.raises(InvalidSubsetError, match="no op"):
        resolve_op_selection([], list(DEPS), DEPS)


_PATHS = ["a", "b", "g.a", "g.b", "g.h.a", "k.a", "k.b", "c"]


@st.composite
def _dags(draw: st.DrawFn) -> dict[str, set[str]]:
    order = draw(st.permutations(_PATHS))
    return {
        name: draw(st.sets(st.sampled_from(order[:place]), max_size=3)) if place else set()
        for place, name in enumerate(order)
    }


@given(_dags(), st.sampled_from([*_PATHS, "g", "g.h", "k"]), st.integers(0, 4), st.integers(0, 4))
def test_clauses_agree_with_brute_force(
    deps: dict[str, set[str]], name: str, up: int, down: int
) -> None:
    level = name.count(".") + 1

    def fold(path: str) -> str:
        return ".".join(path.split(".")[:level])

    edges = {(fold(above), fold(here)) for here in deps for above in deps[here]}
    reached_up, reached_down = {name}, {name}
    for _ in range(up):
        reached_up |= {above for above, here in edges if here in reached_up}
    for _ in range(down):
        reached_down |= {here for above, here in edges if above in reached_down}
    expected = {path for path in deps if fold(path) in reached_up | reached_down}
    clause = "+" * up + name + "+" * down
    assert resolve_op_selection([clause], list(deps), deps) == expected


@given(st.text(max_size=12) | st.text("og.123*+()\"' ,notrd", max_size=20))
def test_no_text_gives_another_error(text: str) -> None:
    try:
        assert resolve_op_selection([text], list(DEPS), DEPS) <= set(DEPS)
    except InvalidSubsetError as error:
        assert str(error)


def test_a_long_chain_is_no_deep_recursion() -> None:
    names = [f"n{number}" for number in range(10_000)]
    deps = {name: {names[place - 1]} if place else set() for place, name in enumerate(names)}
    assert len(resolve_op_selection(["*n9999"], names, deps)) == 10_000
