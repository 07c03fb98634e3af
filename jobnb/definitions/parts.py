"""A noun with many methods is one class that holds parts; each part answers about one thing.

The methods stand on the noun by name, with the signature, the types and the words of the part's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


def answered_by(
    kind: type[S], method: Callable[Concatenate[S, P], R]
) -> Callable[Concatenate[Any, P], R]:
    """Return a method of a noun that one of its parts answers.

    Args:
        kind: The class of the part; the noun's own `_part(kind)` gives it.
        method: The method of that class.

    Example:
        >>> class Engine:
        ...     def start(self) -> str:
        ...         return "it runs"
        >>> class Car:
        ...     start = answered_by(Engine, Engine.start)
        ...
        ...     def _part(self, kind):
        ...         return kind()
        >>> Car().start()
        'it runs'
    """

    @wraps(method)
    def ask(self: Any, *args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True
        return method(self._part(kind), *args, **kwargs)

    return cast("Callable[Concatenate[Any, P], R]", ask)
