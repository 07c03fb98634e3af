"""Errors for missing and unknown arguments, with the right name, for Dagster's spellings too.

A bare `TypeError` says only what is wrong; who comes from Dagster writes `partition_key=` first.
"""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Callable, Sequence
from functools import wraps
from types import FunctionType
from typing import Any, TypeVar

from jobnb.errors import InvalidInvocationError, did_you_mean

K = TypeVar("K", bound=type)

_PARTITIONS = ("partition", "partitions")
_SELECTION = ("selection", "target")
_CALLED_HERE: dict[str, Sequence[str]] = {
    "asset": ("key", *_SELECTION),
    "asset_key": ("key", *_SELECTION),
    "asset_keys": _SELECTION,
    "asset_selection": _SELECTION,
    "assets": _SELECTION,
    "job": ("target", "selection"),
    "job_def": ("job", "target", "selection"),
    "job_name": ("job", "target", "selection"),
    "partition": ("partitions",),
    "partition_key": _PARTITIONS,
    "partition_key_range": _PARTITIONS,
    "partition_keys": _PARTITIONS,
    "partition_names": _PARTITIONS,
    "partition_range": _PARTITIONS,
    "partitions": ("partition",),
    "parent_run_id": ("run_id",),
    "run_config": ("config",),
    "run_tags": ("tags",),
    "selection": ("target",),
    "step_keys": ("steps",),
    "step_selection": ("steps",),
    "target": ("selection",),
}
"""What is another word for which parameters; the first one that a method has is meant."""


def telling_names(cls: K) -> K:
    """Decorate a class so that a missing or unknown argument raises an error with its name.

    Args:
        cls: The class; its methods keep their signatures.

    Returns:
        The same class.

    Example:
        >>> @telling_names
        ... class Door:
        ...     def open(self, *, partition: str = "") -> None: ...
        >>> Door().open(partition_key="a")
        Traceback (most recent call last):
        jobnb.errors.InvalidInvocationError: door.open() takes no 'partition_key': it is \
called 'partition' here.
    """
    for name, method in list(vars(cls).items()):
        if isinstance(method, FunctionType) and not name.startswith("_"):
            setattr(cls, name, _telling(method, f"{cls.__name__.lower()}.{name}()"))
    return cls


def _telling(method: FunctionType, called: str) -> Callable[..., Any]:
    inner = inspect.unwrap(method)  # a part of the class may answer
    code = inner.__code__
    if code.co_flags & inspect.CO_VARKEYWORDS:
        return method
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    known = frozenset(names)
    needed = code.co_varnames[1 : code.co_argcount - len(inner.__defaults__ or ())]
    most = None if code.co_flags & inspect.CO_VARARGS else code.co_argcount - 1

    @wraps(method)
    def telling(*arguments: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        if not named.keys() <= known:
            raise InvalidInvocationError(_problem(called, names, named))
        if most is not None and len(arguments) - 1 > most:
            raise InvalidInvocationError(_too_many(called, names, most, arguments[most + 1 :]))
        missing = [name for name in needed[max(len(arguments) - 1, 0) :] if name not in named]
        if missing:
            words = " and ".join(map(repr, missing))
            raise InvalidInvocationError(f"{called} needs {words}.")
        return method(*arguments, **named)

    return telling


def _too_many(called: str, names: Sequence[str], most: int, more: Sequence[Any]) -> str:
    """Tell what to do about values that no parameter takes by its place."""
    some = f"takes {', '.join(map(repr, names[:most]))} by place" if most else "takes none by place"
    by_name = f" By name it takes {', '.join(map(repr, names[most:]))}." if names[most:] else ""
    return f"{called} {some}: {reprlib.repr(more[0])} is one too many.{by_name}"


def _problem(called: str, names: Sequence[str], given: dict[str, Any]) -> str:
    (wrong, *_) = [name for name in given if name not in names]
    here = next((name for name in _CALLED_HERE.get(wrong, ()) if name in names), None)
    if here is not None:
        return f"{called} takes no {wrong!r}: it is called {here!r} here."
    return f"{called} takes no {wrong!r}. {did_you_mean(wrong, names, noun='It takes')}".rstrip()
