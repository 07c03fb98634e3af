"""The builtin names of Dagster's types, and the functions that make more of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from jobnb.definitions.ops.user_events import TypeCheck
from jobnb.definitions.types.builtin import (
    ANY,
    BOOL,
    DICT,
    FLOAT,
    INT,
    NOTHING,
    STRING,
    DictType,
    ListType,
    OptionalType,
    SetType,
    TupleType,
)
from jobnb.definitions.types.data_type import DataType, PythonObjectDataType, TypeCheckContext
from jobnb.definitions.types.loader import AnyLoader, DataTypeLoader, ListLoader
from jobnb.definitions.types.resolution import register, resolve
from jobnb.errors import InvalidDefinitionError

__all__ = [
    "Bool",
    "Dict",
    "Float",
    "Int",
    "List",
    "Nothing",
    "Optional",
    "Set",
    "String",
    "Tuple",
    "check_data_type",
    "make_python_type_usable_as_data_type",
    "usable_as_data_type",
]

C = TypeVar("C", bound=type)

String = STRING
Int = INT
Float = FLOAT
Bool = BOOL
Nothing = NOTHING


class _Brackets:
    """A name that is a type by itself, and makes others: `List`, `List[int]`."""

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
        """The same as brackets."""
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
    return data_type.type_check(TypeCheckContext("", None, None, data_type), value)


def make_python_type_usable_as_data_type(python_type: Any, dagster_type: Any) -> None:
    """Let a `DataType` check whatever is annotated with a Python class.

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
        name: What people see; the name of the class unless given.
        description: What its values are; the class's docstring unless given.
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
        words = description if description is not None else class_.__doc__
        made = PythonObjectDataType(class_, name=label, description=words, loader=loader)
        register(class_, made)
        return class_

    return mark(name) if isinstance(name, type) else mark
