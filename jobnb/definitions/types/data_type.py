"""`DataType`: a named type check of an input or output.

A type has two checks. The fast one (`passes`) is one small function that returns True if the value
is certainly valid; the step loop uses it. Only if it does not return True, the full check runs and
explains the failure.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Union

from jobnb.definitions.arguments import check_resource_keys
from jobnb.definitions.metadata import normalize
from jobnb.definitions.metadata_values import MetadataValue
from jobnb.definitions.plain import plain_verdict
from jobnb.definitions.user_events import TypeCheck
from jobnb.errors import InvalidDefinitionError, TypeCheckError

if TYPE_CHECKING:
    from jobnb.definitions.types.loader import DataTypeLoader


Passes = Callable[[Any], bool]
TypeCheckFunction = Callable[["TypeCheckContext", Any], "bool | TypeCheck"]


class DataTypeKind(Enum):
    """The family a type belongs to."""

    ANY = "ANY"
    SCALAR = "SCALAR"
    LIST = "LIST"
    NOTHING = "NOTHING"
    NULLABLE = "NULLABLE"
    REGULAR = "REGULAR"


class TypeCheckContext:
    """The context of a type check function.

    Args:
        run_id: The run in which the check is made.
        log_manager: The log manager.
        scoped_resources_builder: The resources, or an object whose `build(keys)` returns them.
        dagster_type: The type that is checked.

    Source: Dagster's `TypeCheckContext`.
    """

    __slots__ = ("_builder", "dagster_type", "log", "run_id")

    def __init__(
        self,
        run_id: str = "",
        log_manager: Any = None,
        scoped_resources_builder: Any = None,
        dagster_type: DataType | None = None,
    ) -> None:
        self.run_id = run_id
        self.log = log_manager if log_manager is not None else logging.getLogger("jobnb")
        self._builder = scoped_resources_builder
        self.dagster_type = dagster_type

    @property
    def resources(self) -> Any:
        """The resources that the type requires."""
        build = getattr(self._builder, "build", None)
        if build is None:
            return self._builder
        return build(self.dagster_type.required_resource_keys if self.dagster_type else set())


class DataType:
    """A type of inputs and outputs: a name and a function that checks a value.

    Args:
        type_check_fn: Takes a `TypeCheckContext` and the value; returns a bool or a `TypeCheck`.
        key: Identifies the type; the name if not given.
        name: The displayed name; the key if not given.
        is_builtin: Whether it is one of jobnb's own.
        description: A description of its values.
        loader: Loads a value from run config, for an input that nothing is connected to.
        required_resource_keys: Resources that the check function uses.
        kind: The family it belongs to.
        typing_type: The Python annotation it stands for.
        metadata: Metadata shown beside it.

    Raises:
        InvalidDefinitionError: If there is neither key nor name, or the function cannot take
            two arguments.

    Example:
        >>> even = DataType(lambda _context, value: value % 2 == 0, name="Even")
        >>> even.type_check(None, 3).success
        False

    Source: Dagster's `DagsterType`.
    """

    def __init__(
        self,
        type_check_fn: TypeCheckFunction,
        key: str | None = None,
        name: str | None = None,
        is_builtin: bool = False,
        description: str | None = None,
        loader: DataTypeLoader | None = None,
        required_resource_keys: Iterable[str] | None = None,
        kind: DataTypeKind = DataTypeKind.REGULAR,
        typing_type: Any = Any,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if not (key or name):
            raise InvalidDefinitionError("A DataType needs a name (or a key): pass name=.")
        self.key: str = key or name or ""
        self._name = name
        self.is_builtin = is_builtin
        self.description = description
        self.loader = loader
        self.required_resource_keys = check_resource_keys(
            required_resource_keys, f"type {self.key!r}"
        )
        self.kind = kind
        self.typing_type = typing_type
        self.metadata: dict[str, MetadataValue] = normalize(metadata)
        self.config_type: type | None = None  # Set for scalars, which are config schemas, too.
        self.written_check = type_check_fn
        self._check = _two_arguments(type_check_fn, self.display_name)
        self._passes: Passes | None = _never

    @property
    def passes(self) -> Passes | None:
        """The fast check: None if there is nothing to check; True means certainly valid."""
        return self._passes

    @property
    def type_check_fn(self) -> TypeCheckFunction:
        """The function that checks a value."""
        return self._check

    @property
    def display_name(self) -> str:
        """The displayed name."""
        return self._name or self.key

    @property
    def has_unique_name(self) -> bool:
        """Whether it has a name of its own."""
        return self._name is not None

    @property
    def unique_name(self) -> str:
        """Its own name.

        Raises:
            InvalidDefinitionError: If it has none.
        """
        if self._name is None:
            raise InvalidDefinitionError(f"The type {self.key!r} has no name of its own.")
        return self._name

    @property
    def inner_types(self) -> tuple[DataType, ...]:
        """The types of what a value of this type contains."""
        return ()

    @property
    def is_nothing(self) -> bool:
        """Whether it brings no value: it only orders."""
        return self.kind is DataTypeKind.NOTHING

    @property
    def is_any(self) -> bool:
        """Whether every value is of it."""
        return self.kind is DataTypeKind.ANY

    @property
    def is_scalar(self) -> bool:
        """Whether its values are numbers, text or bools."""
        return self.kind is DataTypeKind.SCALAR

    @property
    def supports_fan_in(self) -> bool:
        """Whether several outputs may be connected to one input of this type."""
        return self.kind in (DataTypeKind.ANY, DataTypeKind.LIST, DataTypeKind.NOTHING)

    def type_check(self, context: Any, value: Any) -> TypeCheck:
        """Check `value`, with an explanation if it fails.

        Raises:
            TypeCheckError: If the check function returns neither a bool nor a `TypeCheck`.
        """
        verdict = plain_verdict(self._check(context, value))
        if isinstance(verdict, TypeCheck):
            return verdict
        if isinstance(verdict, bool):
            return TypeCheck(verdict)
        raise TypeCheckError(
            f"The check function of type {self.display_name!r} returned {shown(verdict)}: "
            "return True, False or a TypeCheck."
        )

    def __or__(self, other: Any) -> Any:
        return Union[self, other]  # noqa: UP007 - `Int | None` is read like `int | None`

    def __ror__(self, other: Any) -> Any:
        return Union[other, self]  # noqa: UP007

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.display_name})"


def passes_for(python_type: type | tuple[type, ...]) -> Passes:
    """Return the fast check of a type whose values are the instances of a class."""
    return lambda value: isinstance(value, python_type)


def _never(_value: Any) -> bool:
    return False


def _two_arguments(check: Any, name: str) -> TypeCheckFunction:
    if not callable(check):
        raise InvalidDefinitionError(
            f"The type_check_fn of type {name!r} is a function, not {check!r}."
        )
    try:
        inspect.signature(check).bind(None, None)
    except TypeError as error:
        raise InvalidDefinitionError(
            f"The type_check_fn of type {name!r} takes two arguments, the context and the "
            f"value: {error}."
        ) from None
    except ValueError:  # A builtin without a signature.
        pass
    return check  # type: ignore[no-any-return]


def shown(value: Any) -> str:
    """Describe a value in a sentence: its type, and the beginning of its repr."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - the user's repr may raise anything
        text = "(its repr fails)"
    text = text if len(text) <= 80 else text[:77] + "..."
    return f"{type(value).__name__} {text}" if value is not None else "None"


def is_made_again(class_: type, wanted: type | tuple[type, ...]) -> bool:
    """Whether a class is (a subclass of) another definition of the wanted class.

    Re-running the cell that defines a class creates a new one, while annotations in other cells
    keep the old one.
    """
    names = {(base.__module__, base.__qualname__) for base in class_.__mro__}
    return any(
        (each.__module__, each.__qualname__) in names and "<locals>" not in each.__qualname__
        for each in (wanted if isinstance(wanted, tuple) else (wanted,))
    )


class PythonObjectDataType(DataType):
    """The type of all instances of a Python class, or of one of several classes.

    Args:
        python_type: The class, or a tuple of classes.
        key: Identifies the type; the name of the class if not given.
        name: What people see; the key if not given.
        **kwargs: As for `DataType`: description, loader, metadata and so on.

    Example:
        >>> from datetime import date
        >>> PythonObjectDataType(date).type_check(None, "2013-01-01").description
        "Expected date, got str '2013-01-01'."

    Source: Dagster's `PythonObjectDagsterType`.
    """

    def __init__(
        self,
        python_type: type | tuple[type, ...],
        key: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        classes = python_type if isinstance(python_type, tuple) else (python_type,)
        for class_ in classes:
            if not isinstance(class_, type):
                raise InvalidDefinitionError(
                    f"PythonObjectDataType takes a class or a tuple of them, not {class_!r}."
                )
        plain = ", ".join(class_.__name__ for class_ in classes)
        self.type_str = f"Union[{plain}]" if len(classes) > 1 else plain
        self.python_type = python_type
        typing_type = Union[classes] if len(classes) > 1 else classes[0]  # noqa: UP007
        kwargs.setdefault("typing_type", typing_type)
        label = name or key or self.type_str
        super().__init__(self._isinstance, key=key or label, name=label, **kwargs)
        self._passes = passes_for(python_type)

    def _isinstance(self, _context: Any, value: Any) -> TypeCheck:
        if isinstance(value, self.python_type) or is_made_again(type(value), self.python_type):
            return TypeCheck(True)
        return TypeCheck(False, f"Expected {self.type_str}, got {shown(value)}.")
