"""The text form of asset selections.

A clause names an asset, with `*` or pluses before it for what it is made from and after it
for what is made from it: `orders`, `*orders`, `orders++`. Clauses are joined with `and`, `or`,
`not` and parentheses, and may tell more than a name::

    group:clean and not key:"raw/*"
    2+key:revenue+1            (numbers do as well as pluses)
    sinks(tag:daily=yes or kind:table)

Read by a parser of its own: a few functions, one per rule of the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from jobnb.definitions.clause import depth_of, read_clause
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.selection_rules import (
    Difference,
    Everything,
    Intersection,
    Keys,
    Neighbors,
    Prefixes,
    Roots,
    Rule,
    Sinks,
    Steps,
    Union,
    UpstreamSources,
    Where,
)
from jobnb.errors import InvalidSubsetError, did_you_mean

__all__ = ["parse_selection"]

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<string>"[^"]*"|'[^']*')|(?P<marks>[*+]+)|(?P<sign>[():=])"""
    r"""|(?P<word>[^\s*+():=,"']+)"""
)
_FUNCTIONS: dict[str, Callable[[Rule], Rule]] = {
    "roots": Roots,
    "sinks": Sinks,
    "sources": UpstreamSources,
    "neighbors": Neighbors,
}
_ATTRIBUTES = ("key", "key_prefix", "key_substring", "group", "tag", "kind", "owner")
_DEEPEST = 50  # parentheses within parentheses: more is a mistake, and would exhaust the stack


def parse_selection(text: str, include_sources: bool = False) -> Rule:
    """What a selection in text form says.

    Args:
        text: The selection.
        include_sources: Whether source assets count, where they are not named by key.

    Raises:
        InvalidSubsetError: If it cannot be read; it points at the column.

    Example:
        >>> print(parse_selection("*revenue and not group:raw"))
        *key:revenue and not group:raw
    """
    if text.strip() == "*":
        return Everything(include_sources)
    clause = read_clause(text)
    if clause is not None:
        return _with_steps(_key(clause.name), clause.up, clause.down)
    return _Parser(text, include_sources).parse()


def _key(name: str) -> Rule:
    return Keys((AssetKey([part for part in name.split("/") if part] or [name]),))


def _with_steps(rule: Rule, up: int | None, down: int | None) -> Rule:
    """The rule with what lies above and below it."""
    parts = [
        Steps(rule, up=direction, depth=depth)
        for direction, depth in ((True, up), (False, down))
        if depth != 0
    ]
    return rule if not parts else parts[0] if len(parts) == 1 else Union(tuple(parts))


class _Token(NamedTuple):
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class _Parser:
    def __init__(self, text: str, include_sources: bool) -> None:
        self._text = text
        self._include_sources = include_sources
        self._depth = 0
        self._place = 0
        self._tokens = self._split(text)

    def _split(self, text: str) -> list[_Token]:
        tokens: list[_Token] = []
        start = 0
        while start < len(text):
            match = _TOKEN.match(text, start)
            if match is None:
                what = "a quote that is not closed" if text[start] in "\"'" else repr(text[start])
                self._fail(start, f"it has {what}")
            if match.lastgroup != "space":
                tokens.append(_Token(str(match.lastgroup), match[0], start))
            start = match.end()
        return [*tokens, _Token("end", "", len(text.rstrip()))]

    def _fail(self, column: int, why: str, hint: str = "") -> NoReturn:
        line = re.sub(r"\s", " ", self._text)
        first = max(0, column - 60)
        shown, pointer = line[first : column + 60], " " * (column - first) + "^"
        raise InvalidSubsetError(
            f"The selection cannot be read at column {column + 1}: {why}. {hint}".rstrip()
            + f"\n  {shown}\n  {pointer}"
        )

    # Tokens

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self._next
        self._place += 1
        return token

    def _takes_word(self, word: str) -> bool:
        token = self._next
        if token.kind == "word" and token.text.lower() == word and not self._is_labelled():
            self._place += 1
            return True
        return False

    def _is_labelled(self) -> bool:
        """Whether the next word is followed by a colon, as `and:` would be."""
        return self._tokens[self._place + 1].text == ":"

    def _takes_sign(self, sign: str) -> bool:
        if self._next.kind == "sign" and self._next.text == sign:
            self._place += 1
            return True
        return False

    def _touches(self, token: _Token) -> bool:
        """Whether the next token begins where `token` ends, without space between."""
        return self._next.start == token.end and self._next.kind != "end"

    # The grammar, loosest first

    def parse(self) -> Rule:
        rule = self._any()
        if self._next.kind != "end":
            self._fail(self._next.start, f"expected 'and' or 'or', found {self._next.text!r}")
        return rule

    def _any(self) -> Rule:
        rules = [self._all()]
        while self._takes_word("or"):
            rules.append(self._all())
        return rules[0] if len(rules) == 1 else Union(tuple(rules))

    def _all(self) -> Rule:
        rules = [self._maybe_not()]
        while self._takes_word("and"):
            rules.append(self._maybe_not())
        return rules[0] if len(rules) == 1 else Intersection(tuple(rules))

    def _maybe_not(self) -> Rule:
        negated = False
        while self._takes_word("not"):
            negated = not negated
        rule = self._steps()
        return Difference(Everything(self._include_sources), rule) if negated else rule

    def _steps(self) -> Rule:
        up = self._marks_before()
        if up is None:
            return Everything(self._include_sources)
        rule = self._atom()
        return _with_steps(rule, depth_of(up), depth_of(self._marks_after()))

    def _marks_before(self) -> str | None:
        """The marks before a name; None for a star that stands alone."""
        token = self._next
        if token.kind == "marks":
            self._place += 1
            if self._touches(token) and self._next.text != ")":
                return token.text
            if token.text == "*":
                return None
            self._fail(token.end, "expected a name right after the marks")
        following = self._tokens[min(self._place + 1, len(self._tokens) - 1)]
        after = self._tokens[min(self._place + 2, len(self._tokens) - 1)]
        adjacent = following.start == token.end and after.start == following.end
        if _is_number(token) and following.text == "+" and adjacent and after.kind != "end":
            if after.text == ")":
                return ""
            self._place += 2
            return self._pluses(token)
        return ""

    def _marks_after(self) -> str:
        last = self._tokens[self._place - 1]
        token = self._next
        if token.kind != "marks" or token.start != last.end:
            return ""
        self._place += 1
        if token.text == "+" and _is_number(self._next) and self._touches(token):
            return self._pluses(self._take())
        return token.text

    def _pluses(self, number: _Token) -> str:
        return "+" * min(int(number.text), 100_000)

    def _atom(self) -> Rule:
        token = self._take()
        if token.text == "(" and token.kind == "sign":
            return self._bracketed(token)
        if token.kind == "string":
            return self._attribute("key", token)
        if token.kind != "word":
            found = repr(token.text) if token.text else "the end"
            self._fail(token.start, f"expected a name, found {found}")
        if self._takes_sign(":"):
            return self._labelled(token)
        if self._next.text == "(" and self._touches(token):
            return self._function(token)
        return _key(token.text)

    def _bracketed(self, opening: _Token) -> Rule:
        self._depth += 1
        if self._depth > _DEEPEST:
            self._fail(opening.start, f"more than {_DEEPEST} parentheses within each other")
        rule = self._any()
        if not self._takes_sign(")"):
            self._fail(self._next.start, "expected ')'")
        self._depth -= 1
        return rule

    def _function(self, name: _Token) -> Rule:
        make = _FUNCTIONS.get(name.text)
        if make is None:
            hint = did_you_mean(name.text, _FUNCTIONS, noun="There are")
            self._fail(name.start, f"there is no function {name.text!r}", hint)
        return make(self._bracketed(self._take()))

    def _labelled(self, label: _Token) -> Rule:
        if label.text not in _ATTRIBUTES:
            hint = did_you_mean(label.text, _ATTRIBUTES, noun="There are")
            self._fail(label.start, f"assets have no {label.text!r}", hint)
        value = self._take()
        if value.kind not in ("word", "string"):
            self._fail(value.start, f"expected what the {label.text} should be")
        return self._attribute(label.text, value)

    def _attribute(self, label: str, value: _Token) -> Rule:
        text = value.text[1:-1] if value.kind == "string" else value.text
        is_pattern = value.kind == "string" and any(char in text for char in "*?")
        if not text:
            self._fail(value.start, f"expected what the {label} should be")
        if label == "key" and not is_pattern:
            return _key(text)
        if label == "key_prefix":
            return Prefixes((tuple(text.split("/")),), self._include_sources)
        tag_value = self._tag_value() if label == "tag" and self._takes_sign("=") else None
        return Where(label, (text,), tag_value, self._include_sources, literal=not is_pattern)

    def _tag_value(self) -> str:
        token = self._take()
        if token.kind not in ("word", "string"):
            self._fail(token.start, "expected the value of the tag")
        return token.text[1:-1] if token.kind == "string" else token.text


def _is_number(token: _Token) -> bool:
    return token.kind == "word" and token.text.isascii() and token.text.isdigit()
