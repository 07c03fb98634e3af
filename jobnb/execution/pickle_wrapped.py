"""Pickling what Python's own wrappers make of functions that no module has.

`functools.lru_cache`, `cached_property` and `singledispatch` of a notebook's cells: the function
goes along, the cache begins empty in the other process.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

Cached: Any = type(functools.lru_cache(len))


def wrapped_reducers() -> dict[type, Callable[[Any], Any]]:
    """Return how these are pickled, by their types."""
    return {
        Cached: _cached,
        functools.cached_property: _cached_property,
        MappingProxyType: lambda value: (MappingProxyType, (dict(value),)),
        WeakKeyDictionary: lambda value: (WeakKeyDictionary, (dict(value),)),
        WeakValueDictionary: lambda value: (WeakValueDictionary, (dict(value),)),
        WeakSet: lambda value: (WeakSet, (list(value),)),
    }


def _cached(value: Any) -> Any:
    """Pickle a function with a cache: by its name where a module has it."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    found: Any = sys.modules.get(module) if module not in (None, "__main__") else None
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is value:
        return name
    given = value.cache_parameters()
    # The function goes as its state: it may name itself, as one that calls itself does.
    state = (value.__wrapped__, vars(value))
    return _empty_cache, (given["maxsize"], given["typed"]), state, None, None, _fill_cache


def _empty_cache(maxsize: int | None, typed: bool) -> Any:
    held: list[Any] = []

    def call(*args: Any, **more: Any) -> Any:
        return held[0](*args, **more)

    made: Any = functools.lru_cache(maxsize, typed)(call)
    made.__wrapped__ = held
    return made


def _fill_cache(made: Any, state: tuple[Any, dict[str, Any]]) -> None:
    function, attributes = state
    made.__wrapped__.append(function)
    functools.update_wrapper(made, function)
    vars(made).update(attributes)


def _cached_property(value: Any) -> Any:
    return _made_property, (value.func, value.attrname)


def _made_property(function: Any, name: str | None) -> Any:
    made: Any = functools.cached_property(function)
    made.attrname = name
    return made
