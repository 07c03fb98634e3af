"""Texts within a selection: quotes, escapes and wildcards.

Within the rules a text is kept as it is written between quotes: `*` and `?` stand for any
characters, and a backslash takes the meaning from the character after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from jobnb.definitions.keys import AssetKey

__all__ = ["is_pattern", "key_of", "matcher", "plain", "quoted", "read", "written", "written_key"]

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PIECES = re.compile(r"\\.|.", re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9_/]+")
_WORDS = frozenset(("and", "or", "not"))


def written(text: str, special: str = "\\*?") -> str:
    r"""A text of which every character stands for itself.

    >>> written("50*")
    '50\\*'
    """
    return "".join(f"\\{char}" if char in special else char for char in text)


def plain(text: str) -> str:
    r"""What a text without wildcards stands for.

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
    """Tells whether something is what a text with wildcards stands for.

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
    r"""A word or a string of a selection, as the rules keep it.

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
    """A text as it stands in a selection: bare if that is possible, else between quotes.

    >>> quoted("raw/flights"), quoted("a b")
    ('raw/flights', '"a b"')
    """
    if _BARE.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + text.replace('"', '\\"') + '"'


def written_key(key: AssetKey) -> str:
    """A key as it stands in a selection; a slash within one of its parts has a backslash."""
    return "/".join(written(part, "\\*?/") for part in key.path)


def key_of(text: str) -> AssetKey | None:
    """The key that a text stands for; None if one of its parts is empty.

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
