"""Which fields of a config class Dagster does not take."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal, Union

from jobnb.config.model import Config

_PLAIN = (str, int, float, bool)
_LISTS = (list, typing.List)  # noqa: UP006  # as annotations may spell it
_MAPPINGS = (dict, Mapping, typing.Dict, typing.Mapping)  # noqa: UP006


def refused_by_dagster(model: type[Config]) -> str | None:
    """Return the first field whose type Dagster's config does not have, as `name: type`.

    Args:
        model: The config class, or a resource with fields.

    Returns:
        The field; None if Dagster takes all of them.

    Example:
        >>> class Window(Config):
        ...     days: int
        ...     first: bytes
        >>> refused_by_dagster(Window)
        'first: bytes'
    """
    for name, info in model.model_fields.items():
        if not _is_taken(info.annotation, is_tagged=info.discriminator is not None, is_field=True):
            shown = info.annotation
            return f"{name}: {shown.__name__ if isinstance(shown, type) else shown}"
    return None


def _is_taken(kind: Any, *, is_tagged: bool = False, is_field: bool = False) -> bool:
    """Whether Dagster takes a type: of a field, or within another type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _is_taken(arguments[0], is_tagged=is_tagged, is_field=is_field)
    if origin is Literal:
        return is_field and all(isinstance(each, str) for each in arguments)
    if origin in (Union, types.UnionType):
        members = [each for each in arguments if each is not type(None)]
        return (is_field and is_tagged) or (len(members) == 1 and _is_taken(members[0]))
    if origin in _LISTS:
        return _is_taken(arguments[0])
    if origin in _MAPPINGS:
        return arguments[0] in _PLAIN and _is_taken(arguments[1])
    if not isinstance(kind, type):
        return kind is Any
    if issubclass(kind, Config):
        return refused_by_dagster(kind) is None
    return kind in (*_PLAIN, list, dict) or issubclass(kind, Enum)
