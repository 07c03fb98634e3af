"""`lazy`: a cached property without the lock that `functools.cached_property` takes.

Two threads may compute a value twice, and both take the one that was stored first, so no lock is
needed; and planning many steps reads many of these properties.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 it is used as a decorator
    """Decorate a method to make it a property that is computed at its first use.

    Example:
        >>> class Square:
        ...     @lazy
        ...     def area(self) -> int:
        ...         print("once")
        ...         return 4
        >>> square = Square()
        >>> square.area + square.area
        once
        8
    """

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self.work_out = work_out
        self.name = work_out.__name__
        self.__doc__ = work_out.__doc__

    @overload
    def __get__(self, owner: None, cls: type) -> lazy[T]: ...
    @overload
    def __get__(self, owner: object, cls: type) -> T: ...
    def __get__(self, owner: Any, cls: type) -> T | lazy[T]:
        """Compute the value and store it in the object's own `__dict__`."""
        if owner is None:
            return self
        value: T = owner.__dict__.setdefault(self.name, self.work_out(owner))
        return value
