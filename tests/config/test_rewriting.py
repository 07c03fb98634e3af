"""A YAML text that is made to say another config: all else in it stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobnb.config import dump_yaml, load_yaml, rewritten

TEXT = """\
# what is run every night
ops:
  load:  # reads the flights
    config:
      # the last full year
      year: 2013   # not 2012
      origins: [EWR, JFK]   # two of three
      day: '2013-01-31'

      codes:
      - a   # the first
      # before the second
      - b
      - c
  clean:
    config: {keep: 1, drop: [x]}  # in a line
# the end
"""


def changed(path: str, value: object = None) -> tuple[str, str]:
    """The config with something set (or, without a value, taken away), and the text for it."""
    config = load_yaml(TEXT)
    *way, last = path.split("/")
    here: object = config
    for part in way:
        here = here[int(part)] if isinstance(here, list) else here[part]
    last = int(last) if isinstance(here, list) else last
    if value is None:
        del here[last]
    elif isinstance(here, list):
        here[last : last + 1] = [value]
    else:
        here[last] = value
    made = rewritten(TEXT, config)
    assert made is not None
    assert load_yaml(made) == config
    return made


CONFIG = "ops/load/config"


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (f"{CONFIG}/year", 2014, "      year: 2014   # not 2012"),
        (f"{CONFIG}/year", "no", "      year: 'no'   # not 2012"),
        (f"{CONFIG}/year", 1e-3, "      year: 0.001   # not 2012"),
        (f"{CONFIG}/origins/1", "LGA", "      origins: [EWR, LGA]   # two of three"),
        (f"{CONFIG}/origins/2", "LGA", "      origins: [EWR, JFK, LGA]   # two of three"),
        (f"{CONFIG}/origins", [], "      origins: []   # two of three"),
        (f"{CONFIG}/codes/0", "z", "      - z   # the first"),
        (f"{CONFIG}/codes/3", "d", "      - d"),
        ("ops/clean/config/keep", 5, "    config: {keep: 5, drop: [x]}  # in a line"),
        ("ops/clean/config/more", 5, "    config: {keep: 1, drop: [x], more: 5}  # in a line"),
        (f"{CONFIG}/new", {"a": [1]}, "      new:"),
        (f"{CONFIG}/day", {"a": 1}, "        a: 1"),
        ("ops/clean/config", 3, "    config: 3  # in a line"),
    ],
)
def test_only_the_line_that_is_meant_changes(path, value, line):
    made = changed(path, value)
    assert line in made.split("\n")
    old, new = TEXT.split("\n"), made.split("\n")
    assert sum(each not in new for each in old) <= 1
    assert made.count("#") == TEXT.count("#")


@pytest.mark.parametrize(
    ("path", "lost"), [(f"{CONFIG}/year", 1), (f"{CONFIG}/codes/1", 0), ("ops/clean", 1)]
)
def test_what_is_taken_away_takes_only_its_own_comment_along(path, lost):
    assert changed(path).count("#") == TEXT.count("#") - lost


def test_an_empty_text_and_one_of_comments_only_are_added_to():
    assert rewritten("", {"a": 1}) == "a: 1\n"
    assert rewritten("# mine", {"a": 1}) == "# mine\na: 1\n"
    assert rewritten("a: 1 # x", {"a": 1, "b": 2}) == "a: 1 # x\nb: 2"


@pytest.mark.parametrize("text", ["a: &x [1]\nb: *x\n", "a: [", "- 1", "? [a]\n: 1\n", "1: 2"])
def test_where_it_cannot_be_done_nothing_wrong_is_done(text):
    made = rewritten(text, {"a": [2], "b": [1]})
    assert made is None or load_yaml(made) == {"a": [2], "b": [1]}


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner),
    max_leaves=12,
)
configs = st.dictionaries(st.sampled_from(["ops", "resources", "a b", "#", ""]), values)


@settings(max_examples=300)
@given(configs, configs)
def test_it_says_the_new_config_or_nothing(old, new):
    lines = [f"{line}  # {n}" for n, line in enumerate(dump_yaml(old).split("\n"))]
    for text in (dump_yaml(old), "\n".join(lines), dump_yaml(old, flow=True)):
        made = rewritten(text, new)
        assert made is None or load_yaml(made + "\n") == new


@given(configs, values)
def test_plain_texts_can_always_be_changed(old, value):
    text = "# kept\n" + dump_yaml({**old, "last": 1})
    made = rewritten(text, {**old, "last": value})
    assert made is not None
    assert made.startswith("# kept\n")
