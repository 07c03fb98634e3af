"""Inspect values without running any of their code."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

_ACCESS = (types.GetSetDescriptorType, types.MemberDescriptorType)
_HEAP_TYPE = 1 << 9
_BARE_SIZE = 32  # The basic size of an object of a Python class: a larger one has state in C.


def is_class(value: Any) -> bool:
    """Whether it is a class; the object itself is not asked, as it may be a lazy proxy."""
    return issubclass(type(value), type)


def module_of(value: Any) -> str:
    """Return the name of the module of a function, a class, or an object's class."""
    if type(value) is FunctionType:
        return module_of_code(value) or ""
    found = value.__module__ if is_class(value) else type(value).__module__
    return value.__name__ if type(value) is ModuleType else str(found or "")


def class_name(cls: type) -> str:
    """Return the name of a class with its module."""
    return (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )


def module_of_code(fn: FunctionType) -> str | None:
    """Return the name of the module of a function's code, whatever `__module__` says."""
    return fn.__globals__.get("__name__")


def instance_state(value: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over the attributes of an object itself, in its dict and slots."""
    cls = type(value)
    cached = {
        name
        for base in cls.__mro__
        for name, each in vars(base).items()
        if isinstance(each, functools.cached_property)
    }
    for base in cls.__mro__:
        own = vars(base)
        if type(own.get("__dict__")) in _ACCESS:
            inside = own["__dict__"].__get__(value)
            yield from ((name, each) for name, each in inside.items() if name not in cached)
            break
    for base in cls.__mro__:
        if "__slots__" in vars(base) or "__struct_fields__" in vars(base):
            yield from _slots(value, base)


def _slots(value: Any, base: type) -> Iterator[tuple[str, Any]]:
    for name, each in vars(base).items():
        if type(each) is types.MemberDescriptorType and name not in ("__weakref__", "__dict__"):
            try:
                yield name, each.__get__(value)
            except AttributeError:  # The slot is not set.
                continue


def declares_fields(kind: type) -> bool:
    """Whether it is a class of fields, as in dataclasses, attrs, msgspec and pydantic."""
    marks = ("__dataclass_fields__", "__attrs_attrs__", "__struct_fields__", "__pydantic_fields__")
    return any(mark in vars(base) for base in kind.__mro__ for mark in marks)


def public_name(value: Any) -> str:
    """Return the name under which a value is found in its module, as `np.mean`; else empty."""
    module = _own_text(value, "__module__")
    name = _own_text(value, "__qualname__") or _own_text(value, "__name__")
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = vars(found).get(part) if isinstance(found, (ModuleType, type)) else None
    return f"{module}.{name}" if found is value and name else ""


def _own_text(value: Any, name: str) -> str:
    """Return a text attribute of an object, without running code of its class."""
    for base in type(value).__mro__:
        each: Any = vars(base).get(name)
        if type(each) in _ACCESS:
            try:
                return str(each.__get__(value))
            except AttributeError:
                break
    found = dict(instance_state(value)).get(name)
    return found if isinstance(found, str) else ""


def is_made_on_the_spot(cls: type) -> bool:
    """Whether a class is in no module, as one from `make_dataclass`."""
    return cls.__module__ == "types" and vars(types).get(cls.__qualname__) is not cls


def has_no_state(value: Any, kind: type) -> bool:
    """Whether an object is nothing but an instance of its class, as `object()` is."""
    if kind is not object and not kind.__flags__ & _HEAP_TYPE:
        return False
    return kind.__basicsize__ <= _BARE_SIZE and not any(instance_state(value))
