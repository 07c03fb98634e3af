"""The short selection clause of assets and ops: `*name+`."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Clause", "depth_of", "read_clause"]

_CLAUSE = re.compile(r"""\s*(\*?\+*)([^\s*+()"':=,]+)(\+*\*?)\s*""")


class Clause(NamedTuple):
    """A name, and how many steps up and down from it; None is all the way."""

    up: int | None
    name: str
    down: int | None


def depth_of(marks: str) -> int | None:
    """How many steps `*` or pluses stand for; None is all the way.

    >>> depth_of("++"), depth_of("*"), depth_of("")
    (2, None, 0)
    """
    return None if "*" in marks else len(marks)


def read_clause(text: str) -> Clause | None:
    """The parts of a clause, or None if `text` is something else.

    >>> read_clause("*orders++")
    Clause(up=None, name='orders', down=2)
    """
    match = _CLAUSE.fullmatch(text)
    if match is None:
        return None
    return Clause(depth_of(match[1]), match[2], depth_of(match[3]))
