"""Values as JSON text that tells their classes, and back: `dagster._serdes`."""

from __future__ import annotations

import enum
import importlib
import json
import sys
from collections.abc import Callable, Mapping
from functools import cache
from inspect import Parameter, signature
from typing import Any, TypeVar

from jobnb.dagster_names import ELSEWHERE
from jobnb.errors import InvalidInvocationError

T = TypeVar("T")

_of_users: dict[str, type] = {}


def whitelist_for_serdes(obj: Any = None, **_told: Any) -> Any:
    """Mark a class whose objects can be serialized, and return it as it is.

    Args:
        obj: The class; without it, a decorator is returned.

    Source: Dagster's `whitelist_for_serdes`.
    """
    if obj is None:
        return whitelist_for_serdes
    if isinstance(obj, type):
        _of_users[obj.__name__] = obj
    return obj


def serialize_value(val: Any, **json_kwargs: Any) -> str:
    """Return a value as JSON text, from which `deserialize_value` makes an equal one.

    Args:
        val: A plain value, an enum, or an object whose class jobnb or `whitelist_for_serdes` knows.
        json_kwargs: What `json.dumps` takes.

    Raises:
        InvalidInvocationError: If a part of it cannot be serialized.

    Example:
        >>> from jobnb import AssetKey
        >>> serialize_value([AssetKey(["a", "b"]), 1])
        '[{"__class__": "AssetKey", "path": ["a", "b"]}, 1]'

    Source: Dagster's `serialize_value`.
    """
    return json.dumps(_packed(val), **{"sort_keys": True, **json_kwargs})


def serialize_pp(value: Any) -> str:
    """Return a value as JSON text of several lines."""
    return serialize_value(value, indent=2)


def deserialize_value(val: str, as_type: type[T] | tuple[type[T], ...] | None = None) -> T:
    """Return the value that a text of `serialize_value` holds.

    Args:
        val: The text.
        as_type: The class, or classes, that the value must be of.

    Raises:
        InvalidInvocationError: If it is no such text, or holds something else.

    Example:
        >>> from jobnb import AssetKey
        >>> deserialize_value('{"__class__": "AssetKey", "path": ["a"]}', AssetKey)
        AssetKey(['a'])

    Source: Dagster's `deserialize_value`.
    """
    try:
        found = _unpacked(json.loads(val))
    except (json.JSONDecodeError, TypeError) as error:
        raise InvalidInvocationError(f"{val!r} is no text of serialize_value: {error}.") from error
    if as_type is not None and not isinstance(found, as_type):
        raise InvalidInvocationError(f"{val!r} holds a {type(found).__name__}, not {as_type!r}.")
    return found  # type: ignore[no-any-return]


# --- to what JSON takes ----------------------------------------------------------------


def _packed(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return {"__enum__": f"{type(value).__name__}.{value.name}"}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (set, frozenset)):
        mark = "__set__" if isinstance(value, set) else "__frozenset__"
        return {mark: [_packed(each) for each in sorted(value, key=repr)]}
    if isinstance(value, Mapping):
        return {key: _packed(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return [_packed(each) for each in value]
    kind = type(value)
    if _class(kind.__name__) is not kind:
        raise InvalidInvocationError(
            f"A {kind.__name__} cannot be serialized: decorate its class with "
            "@whitelist_for_serdes."
        )
    try:
        fields = {name: getattr(value, name) for name in _fields(kind)}
    except AttributeError as error:
        raise InvalidInvocationError(f"A {kind.__name__} cannot be serialized: {error}.") from None
    return {"__class__": kind.__name__, **{name: _packed(each) for name, each in fields.items()}}


@cache
def _fields(kind: type) -> tuple[str, ...]:
    """Return the names of what an object is made of, which are its attributes, too."""
    unnamed = (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
    return tuple(
        name for name, each in signature(kind).parameters.items() if each.kind not in unnamed
    )


# --- and back --------------------------------------------------------------------------


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "__enum__" in value:
        kind, _, member = value["__enum__"].partition(".")
        return _class(kind)[member]
    if "__class__" in value:
        fields = {name: _unpacked(each) for name, each in value.items() if name != "__class__"}
        return _class(value["__class__"])(**fields)
    for mark, make in _SETS.items():
        if mark in value:
            return make(map(_unpacked, value[mark]))
    return {key: _unpacked(each) for key, each in value.items()}


_SETS: Mapping[str, Callable[..., Any]] = {"__set__": set, "__frozenset__": frozenset}


def _class(name: str) -> Any:
    """Return a class of users, or one of jobnb's.

    Raises:
        InvalidInvocationError: If there is none of that name.
    """
    if name in _of_users:
        return _of_users[name]
    jobnb: Any = sys.modules["jobnb"]
    if name in jobnb.HOME_OF:
        return getattr(jobnb, name)
    if name in ELSEWHERE:
        return getattr(importlib.import_module(ELSEWHERE[name]), name)
    raise InvalidInvocationError(
        f"There is no class {name!r} that can be serialized. Decorate it with "
        "@whitelist_for_serdes."
    )
