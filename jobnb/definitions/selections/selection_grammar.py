"""The text form of selections, of assets and of ops: one grammar, read by lark.

A name stands for itself; marks before it add what it is made from, marks after it what is made
from it. On a name, each `+` is one step. On anything else a single `+` goes all the way. A number
or several pluses count steps everywhere, and `*` goes all the way everywhere::

    orders    *orders    orders++    2+orders+1    *raw/flights+
    +key:orders          1+group:clean+            (orders or revenue)+

These are joined with `and`, `or` (or a comma), `not` and parentheses, and given to functions::

    key:"raw_*" and not group:clean
    sinks(tag:daily=yes or kind:table)
    roots()
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from jobnb.errors import InvalidSubsetError

if TYPE_CHECKING:
    from lark import Lark, Token, Tree, UnexpectedInput

__all__ = ["Spot", "cannot_read", "expected_after", "syntax_tree"]

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
_DEEPEST = 120  # parts within each other: more is a mistake, and would exhaust the stack
_AROUND = 60


class Spot(NamedTuple):
    """Where something stands in the text of a selection."""

    text: str
    start: int

    def told(self, message: str) -> str:
        """The message, above the text with a mark under the place.

        >>> print(Spot("a or b", 5).told("There is no b."))
        There is no b.
          a or b
               ^
        """
        line = re.sub(r"\s", " ", self.text)
        first = max(0, self.start - _AROUND)
        pointer = " " * (self.start - first) + "^"
        return f"{message}\n  {line[first : self.start + _AROUND]}\n  {pointer}"


def cannot_read(text: str, start: int, why: str, hint: str = "") -> NoReturn:
    """Refuse a selection.

    Raises:
        InvalidSubsetError: Always; it points at the column.
    """
    message = f"The selection cannot be read at column {start + 1}: {why}. {hint}".rstrip()
    raise InvalidSubsetError(Spot(text, start).told(message)) from None


@lru_cache(maxsize=1)
def _parser() -> Lark:
    from lark import Lark  # 40 ms to load, and many notebooks select by plain names only

    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)


def syntax_tree(text: str) -> Tree[Token]:
    """The parts of a selection.

    Raises:
        InvalidSubsetError: If it cannot be read.
    """
    from lark import UnexpectedInput

    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        # At the end of the text lark tells the place of the last token instead.
        ended = getattr(getattr(error, "token", None), "type", "") == "$END"
        _explain(text, len(text.rstrip()) if ended else _place(error))
    if _depth(tree) > _DEEPEST:
        cannot_read(text, 0, f"it has more than {_DEEPEST} parts within each other")
    return tree


def _place(error: UnexpectedInput) -> int:
    place: Any = error.pos_in_stream
    return place or 0


def _depth(tree: Tree[Token]) -> int:
    """How deep the tree is; counted without recursion, for it may be very deep."""
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
    """What may stand at a place: the terminals of the grammar, and the tokens before it."""

    terminals: frozenset[str]
    before: tuple[Token, ...]


def expected_after(text: str) -> Expected:
    """What may follow the beginning of a selection; nothing where that cannot be read."""
    from lark import UnexpectedInput

    gap = "" if text.endswith("+") else " "  # steps up look at what they touch
    reading: Any = _parser().parse_interactive(f"{text}{gap}x")
    before: list[Token] = []
    try:
        for token in reading.iter_parse():  # it is fed to the parser when the next is asked for
            if token.start_pos >= len(text):
                break
            before.append(token)
    except UnexpectedInput as error:
        if _place(error) < len(text):
            return Expected(frozenset(), tuple(before))
    return Expected(frozenset(reading.accepts()), tuple(before))
