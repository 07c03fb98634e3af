"""The hash of a function's code: it changes when what the function does may change.

What counts: the function, its defaults, what it closes over, the globals that it reads, and all
functions, classes, objects and modules of one's own (see `own_code`) that it leads to, however
deep; values of Python, numpy and pandas; objects of one's own with what is in them; libraries by
name. Comments, docstrings, blank lines and the place in the notebook do not count; nor does what
the code changes itself (see `own_changes`), nor which part of a library does the work.

Objects of libraries (models, connections, generators of random numbers) count by their class
alone: what is in them may change by itself. Of very large values only samples are read. Both are
told where the asset is shown, as is what is not counted: see `CodeReader.notes`.
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
