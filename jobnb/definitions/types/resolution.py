"""From an annotation to the `DataType` that checks it."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from jobnb.definitions.ops.output import DynamicOutput, Output
from jobnb.definitions.ops.user_events import TypeCheck
from jobnb.definitions.types.builtin import (
    ANY,
    BOOL,
    DICT,
    FLOAT,
    INT,
    NOTHING,
    STRING,
    AnyType,
    DictType,
    ListType,
    OptionalType,
    SetType,
    TupleType,
    UnionType,
)
from jobnb.definitions.types.data_type import (
    DataType,
    Passes,
    PythonObjectDataType,
    is_made_again,
    shown,
)
from jobnb.definitions.types.loader import AnyLoader
from jobnb.errors import InvalidDefinitionError

__all__ = ["OutputAnnotation", "checker", "register", "resolve", "unwrap_output_annotation"]

_registered: WeakKeyDictionary[type, DataType] = WeakKeyDictionary()

_PLAIN: dict[Any, DataType] = {
    int: INT,
    str: STRING,
    float: FLOAT,
    bool: BOOL,
    dict: DICT,
    list: ListType(ANY),
    object: ANY,
    Any: ANY,  # a class since Python 3.11, but one that isinstance refuses
    inspect.Parameter.empty: ANY,
    type(None): NOTHING,
}


def register(python_type: type, data_type: DataType) -> None:
    """Let `data_type` check what is annotated with `python_type`; the last one given counts."""
    if python_type in _PLAIN:
        raise InvalidDefinitionError(
            f"{getattr(python_type, '__name__', python_type)} has a type already: give the "
            "DataType itself, as In(dagster_type=...) or Out(dagster_type=...)."
        )
    _registered[python_type] = data_type
    _resolve_cached.cache_clear()


def resolve(annotation: Any) -> DataType:
    """The `DataType` that checks what `annotation` says; the same one each time.

    Args:
        annotation: A `DataType`, a class, anything from `typing`, a builtin name such as
            `List[int]`, or None, which is `Nothing`.

    Returns:
        The type. What cannot be checked (a type variable, a name as text) becomes a type
        that takes every value and is named after the annotation.

    Raises:
        InvalidDefinitionError: If it is no annotation at all, such as the number 3.

    Example:
        >>> resolve(dict[str, int]).display_name
        'Dict[String,Int]'
        >>> resolve(int | None).display_name
        'Int?'
    """
    if isinstance(annotation, DataType):
        return annotation
    try:
        return _resolve_cached(annotation)
    except TypeError:  # unhashable, such as Annotated[int, []]
        return _resolve(annotation)


@functools.lru_cache(maxsize=4096)
def _resolve_cached(annotation: Any) -> DataType:
    return _resolve(annotation)


def _resolve(annotation: Any) -> DataType:
    named = getattr(annotation, "data_type", None)
    if isinstance(named, DataType):  # List, Dict, ... without brackets
        return named
    origin = typing.get_origin(annotation)
    if origin is not None:
        return _resolve_generic(annotation, origin, typing.get_args(annotation))
    if isinstance(annotation, type):
        return _PLAIN.get(annotation) or _resolve_class(annotation)
    if annotation is None:
        return NOTHING
    return _resolve_special(annotation)


def _resolve_class(class_: type) -> DataType:
    if class_ in _registered:
        return _registered[class_]
    if typing.is_typeddict(class_):
        return PythonObjectDataType(dict, name=class_.__name__)
    is_protocol = getattr(class_, "_is_protocol", False)
    if is_protocol and not getattr(class_, "_is_runtime_protocol", False):
        return AnyType(class_.__name__, class_, is_builtin=False)
    return PythonObjectDataType(class_)


def _resolve_special(annotation: Any) -> DataType:
    if isinstance(annotation, TypeVar) and annotation.__bound__ is not None:
        return resolve(annotation.__bound__)
    if isinstance(annotation, typing.NewType):
        return resolve(annotation.__supertype__)
    if isinstance(annotation, (str, typing.ForwardRef)):
        name = getattr(annotation, "__forward_arg__", annotation)
        return AnyType(str(name), is_builtin=False)
    if type(annotation).__module__ in ("typing", "typing_extensions", "types"):
        name = str(annotation).removeprefix("typing.")
        return AnyType(name, annotation, is_builtin=False)
    raise InvalidDefinitionError(
        f"{shown(annotation)} is no type: give a class, an annotation from typing or a DataType."
    )


def _resolve_generic(annotation: Any, origin: Any, args: tuple[Any, ...]) -> DataType:
    if origin is typing.Annotated:
        return resolve(args[0])
    if origin is typing.Union or origin is types.UnionType:
        return _resolve_union(annotation, args)
    if origin is typing.Literal:
        return _literal(args, annotation)
    if origin is type:
        return _class_object(annotation, args)
    make = _GENERICS.get(origin)
    if make is not None:
        return make([item if item is ... else resolve(item) for item in args])
    if isinstance(origin, type):
        return PythonObjectDataType(origin, name=_name(annotation), typing_type=annotation)
    return AnyType(_name(annotation), annotation, is_builtin=False)


def _name(annotation: Any) -> str:
    return str(annotation).replace("typing.", "").replace("collections.abc.", "")


def _tuple(inner: list[Any]) -> DataType:
    if len(inner) == 2 and inner[1] is ...:
        return TupleType(inner[:1], variadic=True)
    return TupleType(inner)


_GENERICS: dict[Any, Callable[[list[Any]], DataType]] = {
    list: lambda inner: ListType(inner[0] if inner else ANY),
    set: lambda inner: SetType(inner[0] if inner else ANY),
    frozenset: lambda inner: SetType(inner[0] if inner else ANY, frozen=True),
    dict: lambda inner: DictType(*inner) if inner else DICT,
    tuple: lambda inner: _tuple(inner) if inner else PythonObjectDataType(tuple),
}


def _resolve_union(annotation: Any, args: tuple[Any, ...]) -> DataType:
    inner = [resolve(item) for item in args if item is not type(None)]
    union = inner[0] if len(inner) == 1 else UnionType(inner, annotation)
    return OptionalType(union) if type(None) in args else union


def _literal(allowed: tuple[Any, ...], annotation: Any) -> DataType:
    words = " or ".join(repr(value) for value in allowed)

    def passes(value: Any) -> bool:
        return any(type(value) is type(item) and value == item for item in allowed)

    def check(_context: Any, value: Any) -> TypeCheck:
        return (
            TypeCheck(True)
            if passes(value)
            else TypeCheck(False, f"Expected {words}, got {shown(value)}.")
        )

    return _checked(_name(annotation), check, passes, annotation)


def _class_object(annotation: Any, args: tuple[Any, ...]) -> DataType:
    wanted = args[0] if args and isinstance(args[0], type) else object

    def passes(value: Any) -> bool:
        return isinstance(value, type) and (
            issubclass(value, wanted) or is_made_again(value, wanted)
        )

    def check(_context: Any, value: Any) -> TypeCheck:
        return (
            TypeCheck(True)
            if passes(value)
            else TypeCheck(
                False, f"Expected {wanted.__name__} or a subclass of it, got {shown(value)}."
            )
        )

    return _checked(_name(annotation), check, passes, annotation)


def _checked(name: str, check: Any, passes: Passes, annotation: Any) -> DataType:
    made = DataType(check, key=name, name=name, typing_type=annotation, loader=AnyLoader())
    made._passes = passes
    return made


def checker(data_type: DataType) -> Passes | None:
    """The fast check of a type, for loops that cannot afford the full one.

    Args:
        data_type: The type.

    Returns:
        None where every value passes; else a function that says True for a value that
        certainly passes. Where it says False, `data_type.type_check` has the last word.

    Example:
        >>> checker(resolve(list[int]))([1, 2])
        True
        >>> checker(resolve(Any)) is None
        True
    """
    return data_type.passes


class OutputAnnotation(NamedTuple):
    """What a return annotation says about one output.

    Attributes:
        annotation: The annotation of the value itself, for `resolve`.
        is_dynamic: Whether the values come as `DynamicOutput`.
        is_explicit: Whether the annotation told anything at all.
    """

    annotation: Any
    is_dynamic: bool = False
    is_explicit: bool = True


_STREAMS = (
    collections.abc.Iterator,
    collections.abc.Iterable,
    collections.abc.Generator,
    collections.abc.AsyncIterator,
    collections.abc.AsyncIterable,
    collections.abc.AsyncGenerator,
)


def unwrap_output_annotation(annotation: Any, is_generator: bool = False) -> OutputAnnotation:
    """What a function's return annotation says about the value of its one output.

    Args:
        annotation: The return annotation, or `inspect.Parameter.empty`.
        is_generator: Whether the function yields: then `Iterator[...]` tells what it yields.

    Returns:
        The value's annotation: `Output[int]` and `Iterator[Output[int]]` give int, `None`
        gives `type(None)`, and what says nothing about the value gives Any.

    Example:
        >>> unwrap_output_annotation(Output[int]).annotation
        <class 'int'>
        >>> unwrap_output_annotation(list[DynamicOutput[str]])
        OutputAnnotation(annotation=<class 'str'>, is_dynamic=True, is_explicit=True)
    """
    if annotation is inspect.Parameter.empty:
        return OutputAnnotation(Any, is_explicit=False)
    if annotation is None:
        return OutputAnnotation(type(None))
    found = _wrapped(annotation)
    if found is not None:
        return found
    origin, args = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
    if origin in _STREAMS:
        inner = [found for arg in _members(args[:1]) if (found := _wrapped(arg))]
        if len(inner) == 1:
            return inner[0]
        if inner or is_generator:
            return OutputAnnotation(Any, any(each.is_dynamic for each in inner))
    if origin is list and args and (found := _wrapped(args[0])) and found.is_dynamic:
        return found
    if is_generator:
        return OutputAnnotation(Any)
    return OutputAnnotation(annotation)


def _members(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The members of a union, or the one annotation itself."""
    if args and typing.get_origin(args[0]) in (typing.Union, types.UnionType):
        return typing.get_args(args[0])
    return args


def _wrapped(annotation: Any) -> OutputAnnotation | None:
    origin, args = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
    if origin is Output or origin is DynamicOutput:
        return OutputAnnotation(args[0] if args else Any, origin is DynamicOutput)
    return None
