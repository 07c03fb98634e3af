"""What a selection could name at most, against every way in which assets could stand."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobnb import AssetSelection, asset


@asset(group_name="load")
def first(): ...


@asset(group_name="load")
def second(first): ...


@asset(group_name="clean")
def third(second): ...


ASSETS = [first, second, third]
KEYS = [each.key for each in ASSETS]
TERMS = st.sampled_from(["status:stale", "status:missing", "group:load", "third", "first", "*"])
SELECTIONS = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
        st.builds("not ({})".format, inner),
        st.builds("{}({})".format, st.sampled_from(["roots", "sinks", "+", "1+"]), inner),
        st.builds("({}){}".format, inner, st.sampled_from(["+", "+1"])),
    ),
    max_leaves=5,
)


def named_in_any_case(selection):
    found = set()
    for how in product(["fresh", "stale", "missing"], repeat=len(KEYS)):
        standing = dict(zip(KEYS, how, strict=True))
        found |= selection.resolve(ASSETS, status_of=standing.__getitem__)
    return found


@given(SELECTIONS)
def test_nothing_is_named_in_any_case_that_could_not_be(text):
    selection = AssetSelection.from_string(text)
    bound = selection.at_most()
    assert not bound.asks_status
    assert named_in_any_case(selection) <= bound.resolve(ASSETS)
    if not selection.asks_status:
        assert bound == selection


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("status:stale", {"first", "second", "third"}),
        ("group:load and status:stale", {"first", "second"}),
        ("group:load and not status:fresh", {"first", "second"}),
        ("not (status:stale or first)", {"second", "third"}),
        ("roots(status:stale and group:load)", {"first", "second"}),
        ("1+(third and status:stale)", {"second", "third"}),
        ("status:stale and not *", set()),
    ],
)
def test_no_more_is_named_than_could_be(text, names):
    selection = AssetSelection.from_string(text)
    found = {key.to_user_string() for key in selection.at_most().resolve(ASSETS)}
    assert found == names
    assert {key.to_user_string() for key in named_in_any_case(selection)} == names
