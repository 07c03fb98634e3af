"""The hash of a function's code: it changes when what the function does may change.

What counts: the function, its defaults, what it closes over, plain values among the globals that
it reads, and all functions and classes of one's own (see `own_code`) that it leads to, however
deep. Comments, docstrings, blank lines and the place in the notebook do not count; nor does a
list, dict or set that the function itself writes to. Of other objects (frames, connections) only
the type counts: their contents may change by themselves.
"""

from __future__ import annotations

from typing import Any

from jobnb.registry.code_reader import CodeReader

__all__ = ["code_hash"]


def code_hash(fn: Any) -> str:
    """The hash of a function.

    Example:
        >>> code_hash(lambda x: x + 1) == code_hash(lambda x: x + 2)
        False
    """
    return CodeReader().version(fn)
