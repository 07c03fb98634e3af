"""What is suggested fits where it is suggested: taken, it reads."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobnb import AssetKey, InvalidSubsetError, SourceAsset, asset
from jobnb.definitions.selections.reading import parse_selection
from jobnb.plan.selection_completion import SelectionVocabulary, suggest


@asset(
    key_prefix="mart",
    group_name="clean",
    tags={"daily": "yes", "a b": "it's"},
    owners=["me@x.org"],
    kinds={"sql"},
)
def orders():
    return 1


@asset(name="and", group_name="raw")
def conjunction():
    return 1


WORDS = SelectionVocabulary.of_assets([orders, conjunction, SourceAsset(AssetKey(["mart", "a b"]))])
ATTRIBUTES = [f"{name}:" for name in WORDS.values]
FUNCTIONS = [f"{name}(" for name in WORDS.functions]
NAMES = ["mart/orders", '"and"', '"mart/a b"']


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [
        ("", 0, [*NAMES, *ATTRIBUTES, *FUNCTIONS, "not "]),
        ("*", 1, [*NAMES, *ATTRIBUTES, *FUNCTIONS]),
        ("* a", 2, ['"and"', '"mart/a b"', "and "]),
        ("2+", 2, [*NAMES, *ATTRIBUTES, *FUNCTIONS]),
        ("*ma", 1, ["mart/orders", '"mart/a b"', "materializable("]),
        ("ord", 0, ["mart/orders"]),
        ("MART/O", 0, ["mart/orders"]),
        ("x or gr", 5, ["group:"]),
        ("x ", 2, ["and ", "or "]),
        ("(x a", 3, ["and "]),
        ("x*", 2, []),
        ("x+2 ", 4, ["and ", "or "]),
        ("group:", 6, ["clean", "raw", "default"]),
        ("not group:r", 10, ["raw"]),
        ("tag:", 4, ["daily", '"a b"']),
        ("tag:daily=", 10, ["yes"]),
        ('tag:"a b"=', 10, ['"it\'s"']),
        ("kind:", 5, ["sql"]),
        ("owner:me", 6, ["me@x.org"]),
        ("status:f", 7, ["fresh", "failed"]),
        ("key:'mart/a", 4, ["'mart/a b'"]),
        ("key_prefix:", 11, ["mart"]),
        ("roots(mart/o", 6, ["mart/orders"]),
        ("nosuch:", 7, []),
        ("x)", 2, []),
        ("x y ", 4, []),
    ],
)
def test_what_fits_the_place_is_suggested(text: str, start: int, words: list[str]) -> None:
    assert suggest(text, WORDS) == (start, words)


def test_within_a_python_string_the_other_quote_is_taken() -> None:
    assert suggest("mart/a", WORDS, "'").words == ["'mart/a b'"]
    assert suggest('tag:"a b"=', WORDS, "'").words == []


def test_graphs_and_their_ops_are_suggested() -> None:
    words = SelectionVocabulary.of_ops(["load.read", "load.parse", "clean"])
    assert suggest("*l", words).words == ["load", "load.read", "load.parse"]
    assert suggest("clean or load.p", words) == (9, ["load.parse"])
    assert suggest("na", words).words == ["name:"]


_PIECES = ["mart/", "o", " ", "*", "+", "2", "(", ")", "and ", "or ", "not ", "key:", "group:",
           "tag:", "daily", "=", '"', "'", "roots(", "status:", "<null>", ",", "x"]  # fmt: skip


@settings(max_examples=300)
@example('key:""')
@given(st.lists(st.sampled_from(_PIECES), max_size=8).map("".join) | st.text(max_size=20))
def test_what_is_suggested_can_be_taken(text: str) -> None:
    start, words = suggest(text, WORDS)
    assert 0 <= start <= len(text)
    for word in words:
        told = _refusals(text[:start] + word)
        # Only what stood there before may be wrong: an unknown function, attribute or value.
        assert not told or any(why in each for each in told for why in _OF_WHAT_WAS_THERE)


_OF_WHAT_WAS_THERE = (
    "there is no", "to select by", "only a tag", "takes", "every asset", "each slash",
    "found nothing",
)  # fmt: skip


def _refusals(text: str) -> list[str]:
    """Why it cannot be read, however it ends; none if it can."""
    told = []
    endings = {"status:": "fresh", ":": "x:y", "(": "x", " ": "x"}  # a check is asset:check
    following = next((more for end, more in endings.items() if text.endswith(end)), "")
    for closing in range(10):
        try:
            parse_selection(text + following + ")" * closing)
        except InvalidSubsetError as error:
            told.append(str(error))
        else:
            return []
    return told
