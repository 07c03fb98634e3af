"""The hash of a function's code: it changes when what the function does may change.

Comments, blank lines and the place in the file do not count; the notebook functions that it
calls, and plain values it closes over, do.
"""

from __future__ import annotations

from hashlib import sha256
from types import CodeType, FunctionType
from typing import Any

__all__ = ["code_hash"]

_PLAIN = (int, float, complex, str, bytes, bool, type(None))


def code_hash(fn: Any) -> str:
    """The hash of a function, twelve characters long.

    Example:
        >>> code_hash(lambda x: x + 1) == code_hash(lambda x: x + 2)
        False
    """
    digest = sha256()
    _add(fn, digest, set())
    return digest.hexdigest()[:12]


def _add(fn: Any, digest: Any, seen: set[int]) -> None:
    fn = getattr(fn, "__wrapped__", fn)
    if not isinstance(fn, FunctionType) or id(fn) in seen:
        digest.update(repr(type(fn)).encode())
        return
    seen.add(id(fn))
    _add_code(fn.__code__, digest)
    digest.update(repr(_known(fn.__defaults__)).encode())
    digest.update(repr(_known(tuple((fn.__kwdefaults__ or {}).items()))).encode())
    for cell in fn.__closure__ or ():
        try:
            _add_value(cell.cell_contents, digest, seen)
        except ValueError:  # not filled yet
            continue
    for name in _names(fn.__code__):
        value = fn.__globals__.get(name)
        if isinstance(value, FunctionType) and value.__module__ == "__main__":
            digest.update(name.encode())
            _add(value, digest, seen)


def _add_value(value: Any, digest: Any, seen: set[int]) -> None:
    if isinstance(value, FunctionType):
        _add(value, digest, seen)
    else:
        digest.update(repr(_known(value)).encode())


def _known(value: Any) -> Any:
    """Plain values as they are; of others only the type, whose repr may change by itself."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (tuple, list)):
        return [_known(each) for each in value]
    return type(value).__qualname__


def _names(code: CodeType) -> list[str]:
    inner = [name for each in code.co_consts if isinstance(each, CodeType) for name in _names(each)]
    return sorted({*code.co_names, *inner})


def _add_code(code: CodeType, digest: Any) -> None:
    digest.update(code.co_code)
    digest.update(repr((code.co_names, code.co_varnames, code.co_flags)).encode())
    for const in code.co_consts:
        if isinstance(const, CodeType):
            _add_code(const, digest)
        elif isinstance(const, frozenset):
            digest.update(repr(sorted(map(repr, const))).encode())
        else:
            digest.update(repr(const).encode())
