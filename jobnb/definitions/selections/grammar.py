"""The grammar of text selections, of assets and of ops, parsed by lark.

A name selects itself; marks before it add its upstream, marks after it its downstream. On a name,
each `+` is one step. On anything else a single `+` goes all the way. A number or several pluses
count steps everywhere, and `*` goes all the way everywhere::

    orders    *orders    orders++    2+orders+1    *raw/flights+
    +key:orders          1+group:clean+            (orders or revenue)+

These are joined with `and`, `or` (or a comma), `not` and parentheses, and given to functions::

    key:"raw_*" and not group:clean
    sinks(tag:daily=yes or kind:table)
    roots()
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from jobnb.definitions.keys import AssetKey
from jobnb.errors import InvalidSubsetError

if TYPE_CHECKING:
    from lark import Lark, Token, Tree, UnexpectedInput

_GRAMMAR = r"""
?start: any
?any: all ((_OR | _COMMA) all)*
?all: maybe (_AND maybe)*
?maybe: _NOT maybe -> negation
    | STAR -> everything
    | _term
    | up _term -> stepped
    | _term down -> stepped
    | up _term down -> stepped
_term: name | attribute | call | _LPAR any _RPAR
name: WORD | STRING
attribute: LABEL _COLON _value (_EQUALS _value)?
_value: VALUE | STRING | NULL
call: FUNCTION _LPAR any? _RPAR
up: STAR | PLUSES | STAR PLUSES | STEPS_UP
down: STAR | PLUSES | PLUSES STAR | STEPS_DOWN

_NOT.5: /not(?![\w.\/-])/i
_AND.5: /and(?![\w.\/-])/i
_OR.5: /or(?![\w.\/-])/i
LABEL.4: /[A-Za-z_]\w*(?=\s*:)/
FUNCTION.4: /[A-Za-z_]\w*(?=\s*\()/
STEPS_UP.3: /[0-9]+\+(?=[^\s)*+,=:<>])/
STEPS_DOWN.3: /\+[0-9]+(?![\w.\/-])/
NULL.3: "<null>"
VALUE.2: /[^\s+(),="'<>]+/
WORD.1: /(?:[^\s*+():,="'<>]|(?<=[.\/])\*)+/
STRING: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/s
STAR: "*"
PLUSES: /\++/
_COLON: ":"
_COMMA: ","
_EQUALS: "="
_LPAR: "("
_RPAR: ")"
%ignore /\s+/
"""
_EXPECTED = {
    "WORD": "a name",
    "VALUE": "what it should be",
    "_LPAR": "'('",
    "_AND": "'and'",
    "_OR": "'or'",
    "_RPAR": "')'",
}
_INSTEAD = {"&": "and", "&&": "and", "|": "or", "||": "or", "-": "and not", "!": "not", "~": "not"}
_DEEPEST = 120  # The deepest nesting: more is a mistake, and would exhaust the stack.
_AROUND = 60


class Position(NamedTuple):
    """A place in the text of a selection."""

    text: str
    start: int

    def describe(self, message: str) -> str:
        """Return the message, below the text with a mark under the place.

        >>> print(Position("a or b", 5).describe("There is no b."))
        There is no b.
          a or b
               ^
        """
        line = re.sub(r"\s", " ", self.text)
        first = max(0, self.start - _AROUND)
        pointer = " " * (self.start - first) + "^"
        return f"{message}\n  {line[first : self.start + _AROUND]}\n  {pointer}"


def cannot_read(text: str, start: int, why: str, hint: str = "") -> NoReturn:
    """Raise the error for a selection that cannot be parsed.

    Raises:
        InvalidSubsetError: Always; points at the column.
    """
    message = f"The selection cannot be read at column {start + 1}: {why}. {hint}".rstrip()
    raise InvalidSubsetError(Position(text, start).describe(message)) from None


@lru_cache(maxsize=1)
def _parser() -> Lark:
    # Imported here: it takes 40 ms, and many notebooks select by plain names only.
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)


def syntax_tree(text: str) -> Tree[Token]:
    """Parse a selection.

    Raises:
        InvalidSubsetError: If it cannot be read.
    """
    from lark import UnexpectedInput

    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        # At the end of the text, lark reports the place of the last token instead.
        ended = getattr(getattr(error, "token", None), "type", "") == "$END"
        _explain(text, len(text.rstrip()) if ended else _place(error))
    if _depth(tree) > _DEEPEST:
        cannot_read(text, 0, f"it has more than {_DEEPEST} parts within each other")
    return tree


def _place(error: UnexpectedInput) -> int:
    place: Any = error.pos_in_stream
    return place or 0


def _depth(tree: Tree[Token]) -> int:
    """Return the depth of the tree, without recursion because it may be very deep."""
    depth = 0
    level: list[Any] = [tree]
    while level:
        depth += 1
        level = [each for tree in level for each in getattr(tree, "children", ())]
    return depth


def _explain(text: str, start: int) -> NoReturn:
    accepted = expected_after(text[:start]).terminals
    words = [word for name, word in _EXPECTED.items() if name in accepted]
    wanted = " or ".join(words[:1] if words[:1] == ["a name"] else words) or "nothing more"
    found = re.match(r"[\w./-]+|\S+?(?=[\s()]|$)", text[start:])
    if found is None:
        cannot_read(text, start, f"expected {wanted}, found the end")
    if found[0][0] in "\"'" and _is_open(text[start:]):
        cannot_read(text, start, "it has a quote that is not closed")
    instead = _INSTEAD.get(found[0])
    hint = f"Write {instead!r} for {found[0]!r}." if instead else ""
    cannot_read(text, start, f"expected {wanted}, found {found[0]!r}", hint)


def _is_open(text: str) -> bool:
    return re.match(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", text, re.DOTALL) is None


class Expected(NamedTuple):
    """The terminals that may come next, and the tokens before."""

    terminals: frozenset[str]
    before: tuple[Token, ...]


def expected_after(text: str) -> Expected:
    """Return what may follow the beginning of a selection; nothing if that cannot be parsed."""
    from lark import UnexpectedInput

    gap = "" if text.endswith("+") else " "  # Marks for steps depend on the adjacent characters.
    reading: Any = _parser().parse_interactive(f"{text}{gap}x")
    before: list[Token] = []
    try:
        # The parser takes a token when the next one is requested.
        for token in reading.iter_parse():
            if token.start_pos >= len(text):
                break
            before.append(token)
    except UnexpectedInput as error:
        if _place(error) < len(text):
            return Expected(frozenset(), tuple(before))
    return Expected(frozenset(reading.accepts()), tuple(before))


_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PIECES = re.compile(r"\\.|.", re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9_/]+")
_WORDS = frozenset(("and", "or", "not"))


def written(text: str, special: str = "\\*?") -> str:
    r"""Escape a text so that every character is literal.

    >>> written("50*")
    '50\\*'
    """
    return "".join(f"\\{char}" if char in special else char for char in text)


def plain(text: str) -> str:
    r"""Unescape a text without wildcards.

    >>> plain("50\\*")
    '50*'
    """
    return _ESCAPED.sub(r"\1", text)


def is_pattern(text: str) -> bool:
    """Whether a text has wildcards.

    >>> is_pattern("raw_*"), is_pattern(written("raw_*"))
    (True, False)
    """
    return any(char in "*?" for char in _ESCAPED.sub("", text))


@lru_cache(maxsize=512)
def matcher(text: str) -> Callable[[str], object]:
    """Return a function that matches texts against a pattern.

    >>> bool(matcher("raw_*")("raw_flights")), bool(matcher("m?")("m12"))
    (True, False)
    """
    pieces = (_pattern(piece) for piece in _PIECES.findall(text))
    return re.compile("".join(pieces), re.DOTALL).fullmatch


def _pattern(piece: str) -> str:
    if piece == "*":
        return ".*"
    return "." if piece == "?" else re.escape(piece[-1])


def read(token: str, special: str = "\\*?") -> str:
    r"""Return a word or string of a selection, as rules store it.

    Args:
        token: The word, or the string with its quotes.
        special: The characters that a backslash in a string keeps as they are.

    >>> read(r'"a\"b"'), read("raw_*")
    ('a"b', 'raw_*')
    """
    if token[0] not in "\"'":
        return token.replace("\\", "\\\\")
    pieces = _PIECES.findall(token[1:-1])
    return "".join(_unquoted(piece, special) for piece in pieces)


def _unquoted(piece: str, special: str) -> str:
    if len(piece) == 1 or piece[1] in special:
        return piece
    return piece[1] if piece[1] in "\"'/*?" else f"\\\\{piece[1]}"


def quoted(text: str) -> str:
    """Quote a text for a selection if that is necessary.

    >>> quoted("raw/flights"), quoted("a b")
    ('raw/flights', '"a b"')
    """
    if _BARE.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + text.replace('"', '\\"') + '"'


def written_key(key: AssetKey) -> str:
    """Write a key for a selection; a slash inside a part gets a backslash."""
    return "/".join(written(part, "\\*?/") for part in key.path)


def key_of(text: str) -> AssetKey | None:
    """Return the key of a text; None if one of its parts is empty.

    >>> key_of("raw/flights"), key_of("raw/")
    (AssetKey(['raw', 'flights']), None)
    """
    parts, part = [], ""
    for piece in _PIECES.findall(text):
        if piece == "/":
            parts.append(part)
            part = ""
        else:
            part += piece[-1]
    parts.append(part)
    return AssetKey(parts) if all(parts) else None
