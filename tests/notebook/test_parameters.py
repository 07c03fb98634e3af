"""Parameters go into a notebook by papermill's convention, as Python literals."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import NotebookError
from jobnb.notebook.cell_tags import tags_of
from jobnb.notebook.document import read_notebook
from jobnb.notebook.parameters import inject, literal, parse_parameter

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_a_literal_is_python_for_the_same_value(value):
    assert eval(literal(value)) == value


def test_nan_has_a_literal_and_an_object_has_none():
    assert math.isnan(eval(literal(math.nan)))
    with pytest.raises(NotebookError, match="'day' is of type object"):
        literal(object(), "day")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("3.5", 3.5),
        ("true", True),
        ("null", None),
        ("JFK", "JFK"),
        ("'3'", "3"),
        ("2013-01-05", "2013-01-05"),
        ("[1, a]", [1, "a"]),
        ("{a: [1]}", {"a": [1]}),
        ("a: 1", {"a": 1}),
        ("", ""),
        ("two words", "two words"),
    ],
)
def test_a_value_is_read_as_yaml(text, value):
    assert parse_parameter("x", text) == value
    assert type(parse_parameter("x", text)) is type(value)


@pytest.mark.parametrize("text", ["[1", "{a: ", "'x", "!!python/object:os.system ls", "a: b: c"])
def test_bad_yaml_is_one_sentence_with_the_parameters_name(text):
    with pytest.raises(NotebookError, match="'year' is no YAML") as caught:
        parse_parameter("year", text)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_value_or_one_error(text):
    try:
        parse_parameter("x", text)
    except NotebookError:
        pass


def sources(node):
    return [(cell.source, tags_of(cell)) for cell in node.cells]


def test_values_stand_right_after_the_defaults(write):
    node = read_notebook(write("import os", ("year = 1", "parameters"), "year"))
    assert inject(node, {"year": 2013}) == []
    assert sources(node) == [
        ("import os", []),
        ("year = 1", ["parameters"]),
        ("# Parameters\nyear = 2013", ["injected-parameters"]),
        ("year", []),
    ]


def test_a_second_execution_replaces_the_values_of_the_first(write):
    node = read_notebook(write(("year = 1", "parameters"), "year"))
    inject(node, {"year": 2013})
    inject(node, {"year": 2014})
    assert [tags for _, tags in sources(node)] == [["parameters"], ["injected-parameters"], []]
    assert "2014" in node.cells[1].source


def test_without_parameters_nothing_changes(write):
    node = read_notebook(write(("year = 1", "parameters")))
    inject(node, {"year": 2013})
    before = sources(node)
    assert inject(node, {}) == []
    assert sources(node) == before


def test_without_defaults_the_values_stand_before_the_first_code_cell(write):
    node = read_notebook(write("# Title", "1"))
    with pytest.raises(NotebookError, match="no cell tagged 'parameters', so it has no.* 'year'"):
        inject(node, {"year": 3})
    (note,) = inject(node, {"year": 3}, allow_extra=True)
    assert "no cell tagged 'parameters'" in note
    assert sources(node)[1] == ("# Parameters\nyear = 3", ["injected-parameters"])


def test_an_unknown_parameter_is_refused_with_the_nearest_one(write):
    node = read_notebook(write(("year: int = 1\nmonth, day = 2, 3", "parameters")))
    before = sources(node)
    with pytest.raises(NotebookError) as refused:
        inject(node, {"yeer": 1, "day": 4, "mnth": 5})
    said = str(refused.value)
    assert "no parameter 'yeer'. Did you mean 'year'?" in said
    assert "no parameter 'mnth'. Did you mean 'month'?" in said
    assert "--allow-extra-parameters" in said
    assert sources(node) == before


@pytest.mark.parametrize("defaults", ["from settings import *", "year = ("])
def test_where_the_defaults_do_not_tell_all_names_nothing_is_refused(write, defaults):
    node = read_notebook(write((defaults, "parameters")))
    assert len(inject(node, {"month": 1})) == 1


def test_defaults_that_are_no_plain_python_still_tell_their_names(write):
    node = read_notebook(write(("%time\nyear = 1", "parameters")))
    assert inject(node, {"year": 2}) == []


@pytest.mark.parametrize("name", ["a b", "1a", "class", "a;b", "", "a.b", "x\ny"])
def test_a_name_that_is_not_pythons_is_refused(write, name):
    node = read_notebook(write("1"))
    with pytest.raises(NotebookError, match="cannot be a parameter"):
        inject(node, {name: 1})
