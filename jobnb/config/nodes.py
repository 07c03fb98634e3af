"""The leaves of a config schema: scalars, enums, anything, and Python's own typed classes."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any as AnyValue

from jobnb.errors import InvalidConfigDefinitionError


class Nothing:
    """Marks a default that was not given (None is a value)."""

    def __repr__(self) -> str:
        return "<no default>"


NOTHING = Nothing()


class Schema:
    """The type of a config value. Immutable, so that its model can be cached."""

    @property
    def implied_default(self) -> AnyValue:
        """The raw value if none is given, or NOTHING if one is required."""
        return NOTHING

    @property
    def takes_mapping(self) -> bool:
        """Whether a mapping can be a value of it."""
        return False


class Scalar(Schema):
    """A value of one plain Python type, or `{"env": NAME}` in its place.

    Args:
        python_type: int, float, str or bool.
    """

    def __init__(self, python_type: type) -> None:
        self.python_type = python_type

    def __repr__(self) -> str:
        return self.python_type.__name__


class Anything(Schema):
    """Any value that JSON can hold."""

    takes_mapping = True

    def __repr__(self) -> str:
        return "Any"


class Ignored(Anything):
    """Any value, without validation; but the secrets in it are known.

    Args:
        inner: What it would be.
    """

    def __init__(self, inner: Schema) -> None:
        self.inner = inner


class Typed(Schema):
    """A value of any type that pydantic knows: a `Config` class, a date, a union...

    Args:
        annotation: The type.
    """

    def __init__(self, annotation: AnyValue) -> None:
        self.annotation = annotation

    @property
    def implied_default(self) -> AnyValue:
        """An empty mapping, for a class whose fields all have defaults; else NOTHING."""
        fields = getattr(self.annotation, "model_fields", None)
        if fields is None or any(field.is_required() for field in fields.values()):
            return NOTHING
        return {}

    @property
    def takes_mapping(self) -> bool:
        """Whether it is a class with fields."""
        return hasattr(self.annotation, "model_fields")

    def __repr__(self) -> str:
        return str(getattr(self.annotation, "__name__", self.annotation))


class TypedFields(Typed):
    """The fields of a `Config` class, validated as its own, whose value is a dict."""

    @property
    def fields(self) -> dict[str, AnyValue]:
        """The fields, by the names that config uses."""
        found: dict[str, AnyValue] = self.annotation.to_fields_dict()
        return found


ANYTHING = Anything()
SCALARS = {kind: Scalar(kind) for kind in (int, float, str, bool)}
StringSource, IntSource, BoolSource = SCALARS[str], SCALARS[int], SCALARS[bool]


class EnumValue:
    """One choice of an `Enum`.

    Args:
        config_value: The text in config.
        python_value: The value that the op gets; the config value if not given.
        description: What the choice means.

    Example:
        >>> EnumValue("low", python_value=1).python_value
        1

    Source: Dagster's `EnumValue`.
    """

    def __init__(
        self, config_value: str, python_value: AnyValue = None, description: str | None = None
    ) -> None:
        if not isinstance(config_value, str):
            raise InvalidConfigDefinitionError(
                f"{config_value!r} cannot be the config_value of an EnumValue: give a string."
            )
        self.config_value = config_value
        self.python_value = config_value if python_value is None else python_value
        self.description = description


class Enum(Schema):
    """One of a set of named values.

    Args:
        name: What the set is called.
        enum_values: The choices.

    Example:
        >>> Enum("Level", [EnumValue("low", 1), EnumValue("high", 2)]).config_values
        ['low', 'high']

    Source: Dagster's `Enum`.
    """

    def __init__(self, name: str, enum_values: Sequence[EnumValue]) -> None:
        if not enum_values or not all(isinstance(value, EnumValue) for value in enum_values):
            raise InvalidConfigDefinitionError(
                f"The Enum {name!r} needs a list of EnumValue, not {enum_values!r}."
            )
        names = [value.config_value for value in enum_values]
        if twice := next((each for each in names if names.count(each) > 1), None):
            raise InvalidConfigDefinitionError(f"The Enum {name!r} has the value {twice!r} twice.")
        self.name = name
        self.enum_values = list(enum_values)
        self._python = {value.config_value: value.python_value for value in enum_values}

    @property
    def config_values(self) -> list[str]:
        """The texts that config may use."""
        return list(self._python)

    def python_value(self, config_value: str) -> AnyValue:
        """Return the value of a choice."""
        return self._python[config_value]

    @staticmethod
    def from_python_enum(enum: type[enum.Enum], name: str | None = None) -> Enum:
        """Create an `Enum` from a Python enum; the op gets the member."""
        members = [EnumValue(member.name, python_value=member) for member in _members(enum)]
        return Enum(name or enum.__name__, members)

    @staticmethod
    def from_python_enum_direct_values(enum: type[enum.Enum], name: str | None = None) -> Enum:
        """Create an `Enum` from a Python enum; the op gets the member's value."""
        members = [EnumValue(member.name, python_value=member.value) for member in _members(enum)]
        return Enum(name or enum.__name__, members)

    def __repr__(self) -> str:
        return f"Enum({self.name!r})"


def _members(python_enum: AnyValue) -> list[enum.Enum]:
    if isinstance(python_enum, type) and issubclass(python_enum, enum.Enum):
        return list(python_enum)
    raise InvalidConfigDefinitionError(f"{python_enum!r} is not a Python enum class.")
