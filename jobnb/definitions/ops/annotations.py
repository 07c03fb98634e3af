"""From the annotation of what a function returns to the types of its outputs."""

from __future__ import annotations

import collections.abc
import typing
from collections.abc import Mapping
from typing import Any

from jobnb.definitions.ops.asset_result import MaterializeResult
from jobnb.definitions.ops.function import EMPTY
from jobnb.definitions.ops.inout import INFER, Out
from jobnb.definitions.ops.output import DynamicOutput, Output
from jobnb.definitions.types import DataType, resolve

__all__ = ["output_types"]

_STREAMS = (
    collections.abc.Iterator,
    collections.abc.Iterable,
    collections.abc.Generator,
    collections.abc.AsyncIterator,
    collections.abc.AsyncGenerator,
)

_WRAPPERS = (Output, DynamicOutput, MaterializeResult)


def output_types(annotation: Any, outs: Mapping[str, Out]) -> dict[str, DataType]:
    """The type of each output: the one given, else what the annotation says of it."""
    notes = dict.fromkeys(outs, EMPTY)
    if annotation is not EMPTY:
        notes = _by_output(_unwrap(annotation), list(outs))
    return {
        name: resolve(notes[name] if out.dagster_type is INFER else out.dagster_type)
        for name, out in outs.items()
    }


def _by_output(annotation: Any, names: list[str]) -> dict[str, Any]:
    if len(names) == 1:
        return {names[0]: annotation}
    parts = typing.get_args(annotation) if typing.get_origin(annotation) is tuple else ()
    if len(parts) == len(names) and Ellipsis not in parts:
        return {name: _unwrap(part) for name, part in zip(names, parts, strict=True)}
    return dict.fromkeys(names, EMPTY)


def _unwrap(annotation: Any) -> Any:
    """What an annotation says of the value: `Output[int]` and `Iterator[Output[int]]` say `int`."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in _WRAPPERS or annotation in _STREAMS:
        return EMPTY
    if origin in _WRAPPERS:
        return args[0] if args else EMPTY
    if origin in _STREAMS:
        inner = args[0] if args else EMPTY
        return _unwrap(inner) if _is_output(inner) else EMPTY
    if origin is list and args and _is_output(args[0]):
        return _unwrap(args[0])
    return annotation


def _is_output(annotation: Any) -> bool:
    return annotation in _WRAPPERS or typing.get_origin(annotation) in _WRAPPERS
