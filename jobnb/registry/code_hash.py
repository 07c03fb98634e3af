"""The hash of a function's code: it changes when what the function does may change.

Comments, docstrings, blank lines and the place in the file do not count; the notebook functions
and classes that it uses, and plain values it closes over, do.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from types import CodeType, FunctionType, MethodType
from typing import Any

__all__ = ["code_hash"]

_PLAIN = (int, float, complex, str, bytes, bool, type(None), type(Ellipsis))


def code_hash(fn: Any) -> str:
    """The hash of a function, twelve characters long.

    Example:
        >>> code_hash(lambda x: x + 1) == code_hash(lambda x: x + 2)
        False
    """
    digest = sha256()
    seen: set[int] = set()
    waiting = [fn]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        digest.update(repr(list(_described(each))).encode())
        waiting += _used(each)
    return digest.hexdigest()[:12]


def _described(value: Any) -> Iterator[Any]:
    """What counts of a function by itself, or of anything else that is used."""
    if isinstance(value, FunctionType):
        yield from _code_parts(value.__code__, value.__doc__)
        yield _known(value.__defaults__)
        yield _known(value.__kwdefaults__)
        yield [_known(each) for each in _closed_over(value)]
    elif isinstance(value, partial):
        yield _known(value.args)
        yield _known(value.keywords)
    elif isinstance(value, type):
        yield value.__qualname__
        yield sorted((name, _known(each)) for name, each in _own(value).items())
    else:
        yield type(value).__qualname__


def _used(value: Any) -> list[Any]:
    """The functions and notebook classes that a function or class leads to, in a fixed order."""
    if isinstance(value, FunctionType):
        names = (value.__globals__.get(name) for name in _names(value.__code__))
        ours = (each for each in names if getattr(each, "__module__", None) == "__main__")
        found = [*_closed_over(value), *ours]
    elif isinstance(value, partial):
        found = [value.func]
    elif isinstance(value, MethodType):
        found = [value.__func__]
    elif isinstance(value, type):
        found = [getattr(each, "__func__", each) for _, each in sorted(_own(value).items())]
    else:
        found = [getattr(value, "__wrapped__", None)]
    return [each for each in found if _counts(each)]


def _counts(value: Any) -> bool:
    """Whether what a value does is read too: functions, and classes of the notebook."""
    if isinstance(value, type):
        return value.__module__ == "__main__"
    wrapped = isinstance(getattr(value, "__wrapped__", None), FunctionType)
    return wrapped or isinstance(value, (FunctionType, MethodType, partial))


def _own(cls: type) -> dict[str, Any]:
    return {k: v for k, v in vars(cls).items() if not k.startswith("__") or k == "__init__"}


def _closed_over(fn: FunctionType) -> list[Any]:
    found = []
    for cell in fn.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # not filled yet
            continue
    return found


def _known(value: Any) -> Any:
    """Plain values as they are; of others only the type, whose repr may change by itself."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (tuple, list)):
        return [_known(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return ["a set", *sorted(repr(_known(each)) for each in value)]
    if isinstance(value, dict):
        return ["a dict", *((_known(k), _known(v)) for k, v in value.items())]
    return type(value).__qualname__


def _names(code: CodeType) -> list[str]:
    inner = [name for each in code.co_consts if isinstance(each, CodeType) for name in _names(each)]
    return sorted({*code.co_names, *inner})


def _code_parts(code: CodeType, doc: str | None = None) -> Iterator[Any]:
    yield code.co_code
    yield code.co_names, code.co_varnames, code.co_flags, code.co_exceptiontable
    for index, const in enumerate(code.co_consts):
        if isinstance(const, CodeType):
            yield list(_code_parts(const))
        elif index or doc is None or const != doc:
            yield _known(const)
