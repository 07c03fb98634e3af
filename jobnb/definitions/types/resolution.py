"""Resolve an annotation to the `DataType` that checks it."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar, overload
from weakref import WeakKeyDictionary

from jobnb.definitions.plain import docstring
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
    TypeCheckContext,
    is_made_again,
    shown,
)
from jobnb.definitions.types.loader import AnyLoader, DataTypeLoader, ListLoader
from jobnb.definitions.user_events import Failure, TypeCheck
from jobnb.errors import InvalidDefinitionError

_registered: WeakKeyDictionary[type, DataType] = WeakKeyDictionary()

_PLAIN: dict[Any, DataType] = {
    int: INT,
    str: STRING,
    float: FLOAT,
    bool: BOOL,
    dict: DICT,
    list: ListType(ANY),
    object: ANY,
    Any: ANY,  # A class since Python 3.11, but one that isinstance refuses.
    inspect.Parameter.empty: ANY,
    type(None): NOTHING,
}


def register(python_type: type, data_type: DataType) -> None:
    """Register `data_type` for the annotation `python_type`; the last registration wins."""
    if python_type in _PLAIN:
        raise InvalidDefinitionError(
            f"{getattr(python_type, '__name__', python_type)} has a type already: give the "
            "DataType itself, as In(dagster_type=...) or Out(dagster_type=...)."
        )
    _registered[python_type] = data_type
    _resolve_cached.cache_clear()


def resolve(annotation: Any) -> DataType:
    """Resolve an annotation to its `DataType`; equal annotations share one.

    Args:
        annotation: A `DataType`, a class, anything from `typing`, a builtin name such as
            `List[int]`, or None, which is `Nothing`.

    Returns:
        The type. An annotation that cannot be checked (a type variable, a name as text) becomes
            a type that accepts every value and is named after the annotation.

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
    except TypeError:  # Unhashable, such as Annotated[int, []].
        return _resolve(annotation)


@functools.lru_cache(maxsize=4096)
def _resolve_cached(annotation: Any) -> DataType:
    return _resolve(annotation)


def _resolve(annotation: Any) -> DataType:
    named = getattr(annotation, "data_type", None)
    if isinstance(named, DataType):  # List, Dict, ... without brackets.
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


C = TypeVar("C", bound=type)

String = STRING
Int = INT
Float = FLOAT
Bool = BOOL
Nothing = NOTHING


class _Brackets:
    """A name that is a type itself, and also takes brackets: `List`, `List[int]`."""

    def __init__(self, name: str, bare: DataType | None, make: Callable[..., DataType]) -> None:
        self._name = name
        self._make = make
        self.data_type = bare

    def __getitem__(self, inner: Any) -> DataType:
        given = inner if isinstance(inner, tuple) else (inner,)
        try:
            return self._make(*(resolve(each) for each in given))
        except TypeError:
            raise InvalidDefinitionError(
                f"{self._name}[{', '.join(map(repr, given))}] has the wrong number of types: "
                f"{_USE[self._name]}."
            ) from None

    def __call__(self, inner_type: Any = Any) -> DataType:
        """Return the same as brackets."""
        return self[inner_type]

    def __repr__(self) -> str:
        return self._name


def _set_of(inner: DataType) -> DataType:
    return SetType(inner)


_USE = {
    "List": "write List[Int]",
    "Set": "write Set[Int]",
    "Optional": "write Optional[Int]",
    "Dict": "write Dict[String, Int]",
    "Tuple": "write Tuple[Int, String]",
}

List = _Brackets("List", ListType(ANY), ListType)
Set = _Brackets(
    "Set",
    PythonObjectDataType(set, loader=ListLoader(AnyLoader(), set)),
    _set_of,
)
Optional = _Brackets("Optional", None, OptionalType)
Dict = _Brackets("Dict", DICT, DictType)
Tuple = _Brackets(
    "Tuple",
    PythonObjectDataType(tuple, loader=ListLoader(AnyLoader(), tuple)),
    lambda *inner: TupleType(inner),
)


def check_data_type(dagster_type: Any, value: Any) -> TypeCheck:
    """Check a value against a type, outside of any run.

    Args:
        dagster_type: A `DataType` or an annotation.
        value: The value.

    Example:
        >>> check_data_type(List[Int], [1, "two"]).description
        "Item 1: Expected int, got str 'two'."

    Source: Dagster's `check_dagster_type`.
    """
    data_type = resolve(dagster_type)
    try:
        return data_type.type_check(TypeCheckContext("", None, None, data_type), value)
    except Failure as said:  # the check says no in another way
        return TypeCheck(False, said.description, said.metadata)


def make_python_type_usable_as_data_type(python_type: Any, dagster_type: Any) -> None:
    """Register a `DataType` for a Python type used as an annotation.

    Calling it again for the same class replaces the type, so that a cell can be re-run.

    Args:
        python_type: The class.
        dagster_type: The type that checks its values.

    Raises:
        InvalidDefinitionError: If the class is a builtin scalar, list or dict.

    Source: Dagster's `make_python_type_usable_as_dagster_type`.
    """
    if not isinstance(python_type, type) or not isinstance(dagster_type, DataType):
        raise InvalidDefinitionError(
            f"Give a class and a DataType, not {python_type!r} and {dagster_type!r}."
        )
    register(python_type, dagster_type)


@overload
def usable_as_data_type(name: C) -> C: ...


@overload
def usable_as_data_type(
    name: str | None = None,
    description: str | None = None,
    loader: DataTypeLoader | None = None,
) -> Callable[[C], C]: ...


def usable_as_data_type(
    name: Any = None,
    description: str | None = None,
    loader: DataTypeLoader | None = None,
) -> Any:
    """Give a class a `DataType` of its own, with a name, words and a loader.

    Args:
        name: What people see; the name of the class if not given.
        description: What its values are; the class's docstring if not given.
        loader: Makes a value from run config.

    Example:
        >>> @usable_as_data_type(name="Route")
        ... class Leg: ...
        >>> resolve(Leg).display_name
        'Route'

    Source: Dagster's `usable_as_dagster_type`.
    """

    def mark(class_: C) -> C:
        label = name if isinstance(name, str) else class_.__name__
        words = description if description is not None else docstring(class_)
        made = PythonObjectDataType(class_, name=label, description=words, loader=loader)
        register(class_, made)
        return class_

    return mark(name) if isinstance(name, type) else mark
