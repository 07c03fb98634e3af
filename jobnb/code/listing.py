"""Code as text that can be compared: a function, and what it uses of the user's own.

Of values only numbers are written out. Texts and tables are told by a hash: they may be secrets,
and the listings are kept in the history. In the code itself, what looks like a secret is hidden.
"""

from __future__ import annotations

import inspect
import linecache
import re
import textwrap
from collections.abc import Iterator
from difflib import unified_diff
from hashlib import sha256
from types import CodeType, FunctionType
from typing import Any

from jobnb.code.reader import CodeReader
from jobnb.code.references import Reference
from jobnb.code.secret_texts import without_secrets

_SHOWN = re.compile(r"-?[0-9][0-9.e+-]*|True|False|None")
_NAME = re.compile(r"[A-Za-z_]\w*")
_MOST = 200_000  # characters


def listing_of(reader: CodeReader, code: Any) -> str:
    """Return the text of a function and of all that it leads to; empty if it is nowhere to be read.

    Args:
        reader: Reads code; what it has read already it does not read again.
        code: A function, a class or a graph.

    Example:
        >>> listing_of(CodeReader(), len)
        ''
    """
    try:
        parts = list(dict.fromkeys(_parts(reader, code)))
    except Exception:  # noqa: BLE001 - a listing is for people: no run fails because of one
        return ""
    text = without_secrets("\n\n".join(part for part in parts if part)[:_MOST])
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def code_diff(before: str, after: str) -> list[str]:
    """Return the lines that differ between two listings, with some around them.

    Example:
        >>> code_diff("a = 1", "a = 2")
        ['-a = 1', '+a = 2']
    """
    old, new = without_secrets(before), without_secrets(after)  # Earlier versions kept secrets.
    lines = unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=3)
    return [line if line[:2] != "@@" else "..." for line in list(lines)[3:]]


def _parts(reader: CodeReader, code: Any) -> Iterator[str]:
    if type(code) is FunctionType and code is not inspect.unwrap(code):
        yield source_of(inspect.unwrap(code))  # a library's decorator is not what is looked for
    for value, pieces in reader.followed(code):
        yield source_of(value)
        inner = value.__code__.co_varnames if type(value) is FunctionType else ()
        values = [_value(each) for each in pieces if each.label not in inner]
        yield "\n".join(sorted(filter(None, values)))


def _value(piece: Reference) -> str:
    """Return a value that code reads by a name; empty for what is listed by itself."""
    if piece.uses or piece.label == "annotations" or not _NAME.fullmatch(piece.label):
        return ""
    if _SHOWN.fullmatch(piece.text):
        return f"{piece.label} = {piece.text}"
    return f"{piece.label} = ...  # {sha256(piece.text.encode(errors='replace')).hexdigest()[:8]}"


def source_of(value: Any) -> str:
    """Return the source of a function or class of Python; empty if it is nowhere to be read."""
    try:
        if type(value) is FunctionType:
            return _lines_of(value.__code__)
        return textwrap.dedent(inspect.getsource(value)).rstrip() if inspect.isclass(value) else ""
    except (OSError, TypeError, SyntaxError):
        return ""


def _lines_of(code: CodeType) -> str:
    """Return the lines of a function, which its code knows: parsing them takes ten times longer."""
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 : _last_line(code)]
    return textwrap.dedent("".join(lines)).rstrip()


def _last_line(code: CodeType) -> int:
    last = max((place[1] or 0 for place in code.co_positions()), default=0)
    inner = [_last_line(each) for each in code.co_consts if isinstance(each, CodeType)]
    return max([last, *inner])
