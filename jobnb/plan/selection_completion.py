"""Completion of a selection while it is typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from jobnb.definitions.checks.asset_check import AssetCheckKey
from jobnb.definitions.selections.grammar import expected_after, quoted, written, written_key
from jobnb.definitions.selections.reading import ASSET_FUNCTIONS, OP_FUNCTIONS
from jobnb.definitions.selections.rules import HasStatus
from jobnb.plan.graphs import AssetGraph
from jobnb.plan.selection_resolution import with_graphs

if TYPE_CHECKING:
    from lark import Token


_STRINGS = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL)
_BARE = re.compile(r"(?!(?:and|or|not)$)[\w./@-]+", re.IGNORECASE)
_ENDS = " \t\n)+\"'"
_WORD = re.compile(r"""[^\s+*():=,"'<>]*$""")


class Suggestions(NamedTuple):
    """The words that can complete a text.

    Attributes:
        start: Where the part begins that a suggestion replaces.
        words: The possible replacements.
    """

    start: int
    words: list[str]


@dataclass(frozen=True)
class SelectionVocabulary:
    """The names and values that a selection can use.

    Attributes:
        names: Asset keys, or names of ops, as a selection writes them.
        values: The values of each attribute, after its colon.
        tag_values: For each tag, its values.
        functions: The words followed by parentheses.
    """

    names: Sequence[str]
    values: Mapping[str, Sequence[str]]
    tag_values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    functions: Sequence[str] = ()

    @classmethod
    def of_assets(cls, assets: Iterable[object]) -> SelectionVocabulary:
        """Return the words that select assets, and checks if there are any."""
        graph = AssetGraph(assets)
        numbers = sorted(graph.scope(include_sources=True))
        keys = [written_key(graph.keys[number]) for number in numbers]
        tags: dict[str, dict[str, None]] = {}
        for number in numbers:
            for name, value in (graph.attribute(number, "tags_by_key") or {}).items():
                tags.setdefault(written(name), {})[written(value)] = None
        values = {
            "key": keys,
            "group": _suggested(graph.groups.values()),
            "tag": list(tags),
            "kind": _suggested(_each(graph, numbers, "kinds_by_key")),
            "owner": _suggested(_each(graph, numbers, "owners_by_key")),
            "status": HasStatus.ALLOWED,
            "key_prefix": _suggested("/".join(graph.keys[each].path[:-1]) for each in numbers),
            "key_substring": (),
            "check": [_written_check(key) for key in sorted(graph.check_keys)],
        }
        tag_values = {name: list(found) for name, found in tags.items()}
        return cls(keys, values, tag_values, ASSET_FUNCTIONS)

    @classmethod
    def of_ops(cls, names: Iterable[str]) -> SelectionVocabulary:
        """Return the words that select ops and the graphs that hold them."""
        known = with_graphs(names)
        return cls(known, {"name": known}, functions=OP_FUNCTIONS)


def _written_check(key: AssetCheckKey) -> str:
    return f"{written_key(key.asset)}:{key.name}"


def _each(graph: AssetGraph, numbers: Iterable[int], name: str) -> Iterable[str]:
    for number in numbers:
        yield from sorted(graph.attribute(number, name) or ())


def _suggested(texts: Iterable[str]) -> list[str]:
    return [written(text) for text in dict.fromkeys(texts) if text]


def suggest(text: str, words: SelectionVocabulary, quote: str = '"') -> Suggestions:
    """Complete a selection at the end of a text.

    Args:
        text: The selection up to the cursor.
        words: The names and values to choose from.
        quote: The quote character for a name that needs quotes.

    Example:
        >>> words = SelectionVocabulary(
        ...     ["orders", "revenue"], {"key": ["orders"], "group": ["raw"]}
        ... )
        >>> suggest("orders and gr", words)
        Suggestions(start=11, words=['group:'])
        >>> suggest("orders and group:", words).words
        ['raw']
    """
    bare = _STRINGS.sub(lambda found: "x" * len(found[0]), text)
    opening = re.search("[\"']", bare)
    if opening is not None:
        quote, start = text[opening.start()], opening.start()
        typed = text[start + 1 :]
    else:
        typed = _WORD.findall(text)[0]
        start = len(text) - len(typed)
    expected = expected_after(text[:start])
    terminals = expected.terminals
    if (
        text[start - 1 : start] not in _ENDS
    ):  # Without a space before it, `and` would become a part of the name.
        terminals -= {"_AND", "_OR"}
    fitting = _fitting(terminals, expected.before, words, opening is not None, quote)
    found = (word for word in fitting if _fits(word, typed.lower()))
    return Suggestions(start, list(dict.fromkeys(found)))


def _fits(word: str, typed: str) -> bool:
    """Whether a word, or the last part of a key, begins as it was typed."""
    bare = word.strip("\"'").lower()
    return bare.startswith(typed) or bare.rpartition("/")[2].startswith(typed)


def _fitting(
    terminals: frozenset[str],
    before: tuple[Token, ...],
    words: SelectionVocabulary,
    in_quotes: bool,
    quote: str,
) -> Iterable[str]:
    if "VALUE" in terminals:
        yield from _written(_values(before, words), in_quotes, quote)
    elif "WORD" in terminals:
        yield from _written(words.names, in_quotes, quote)
        if not in_quotes:
            yield from (f"{name}:" for name in words.values)
            yield from (f"{name}(" for name in words.functions)
            if "_NOT" in terminals:
                yield "not "
    if not in_quotes:
        yield from (word for name, word in (("_AND", "and "), ("_OR", "or ")) if name in terminals)


def _values(before: tuple[Token, ...], words: SelectionVocabulary) -> Sequence[str]:
    """Return the values of the last attribute, after its colon or the tag's equals sign."""
    label = next(str(token) for token in reversed(before) if token.type == "LABEL")
    if before[-1].type == "_EQUALS":
        return words.tag_values.get(written(str(before[-2]).strip("\"'")), ())
    return words.values.get(label, ())


def _written(texts: Iterable[str], in_quotes: bool, quote: str) -> Iterable[str]:
    """Iterate over names as they are typed, without those that hold the quote character."""
    for text in texts:
        if in_quotes or not (_BARE.fullmatch(text) or quoted(text) == text):
            if quote not in text:
                yield f"{quote}{text}{quote}"
        else:
            yield text
