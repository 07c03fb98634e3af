"""Schemas of config, leaves and containers: plain types, lists and dictionaries, as in Dagster."""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, cast

from jobnb.errors import InvalidConfigDefinitionError


class Nothing:
    """Marks a default that was not given (None is a value)."""

    def __repr__(self) -> str:
        return "<no default>"


NOTHING = Nothing()


class Schema:
    """The type of a config value. Immutable, so that its model can be cached."""

    @property
    def implied_default(self) -> Any:
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

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation

    @property
    def implied_default(self) -> Any:
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
    def fields(self) -> dict[str, Any]:
        """The fields, by the names that config uses."""
        found: dict[str, Any] = self.annotation.to_fields_dict()
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
        self, config_value: str, python_value: Any = None, description: str | None = None
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

    def python_value(self, config_value: str) -> Any:
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


def _members(python_enum: Any) -> list[enum.Enum]:
    if isinstance(python_enum, type) and issubclass(python_enum, enum.Enum):
        return list(python_enum)
    raise InvalidConfigDefinitionError(f"{python_enum!r} is not a Python enum class.")


ConfigSchema = Any  # Anything that `schema_of` reads; Dagster's name.

_ALLOWED = (
    "Allowed are: a Config class, int, float, str, bool, Any, list, dict, [type], "
    "{'name': type}, {str: type}, or Field, Shape, Permissive, Selector, Array, Map, Noneable, "
    "ScalarUnion, Enum, StringSource, IntSource, BoolSource."
)


class Array(Schema):
    """A list of values of one kind.

    Args:
        inner_type: What each item is.

    Source: Dagster's `Array`.
    """

    def __init__(self, inner_type: Any) -> None:
        self.inner_type = read(inner_type)

    def __repr__(self) -> str:
        return f"[{self.inner_type!r}]"


class Map(Schema):
    """A mapping with arbitrary keys.

    Args:
        key_type: int, float, str or bool.
        inner_type: What each value is.
        key_label_name: A word for the keys, for forms.

    Source: Dagster's `Map`.
    """

    takes_mapping = True

    def __init__(self, key_type: Any, inner_type: Any, key_label_name: str | None = None) -> None:
        key = read(key_type)
        if not isinstance(key, Scalar):
            raise InvalidConfigDefinitionError(
                f"{key_type!r} cannot be the key type of a Map: give int, float, str or bool."
            )
        self.key_type, self.key_label_name = key, key_label_name
        self.inner_type = read(inner_type)

    def __repr__(self) -> str:
        return f"{{{self.key_type!r}: {self.inner_type!r}}}"


class Noneable(Schema):
    """A value or None; None if it is not given.

    Args:
        inner_type: Its type where it is not None.

    Source: Dagster's `Noneable`.
    """

    def __init__(self, inner_type: Any) -> None:
        self.inner_type = read(inner_type)

    @property
    def implied_default(self) -> Any:
        """None."""
        return None

    def __repr__(self) -> str:
        return f"{self.inner_type!r} or None"


class ScalarUnion(Schema):
    """Either a scalar or a structured value.

    Args:
        scalar_type: int, float, str or bool.
        non_scalar_schema: The schema of a mapping or a list.

    Source: Dagster's `ScalarUnion`.
    """

    def __init__(self, scalar_type: Any, non_scalar_schema: Any) -> None:
        scalar, structure = read(scalar_type), read(non_scalar_schema)
        if not isinstance(scalar, Scalar) or isinstance(structure, Scalar):
            raise InvalidConfigDefinitionError(
                "A ScalarUnion needs a scalar type (int, float, str or bool) and a schema that "
                f"is none, not {scalar_type!r} and {non_scalar_schema!r}."
            )
        self.scalar_type, self.non_scalar_schema = scalar, structure

    def __repr__(self) -> str:
        return f"{self.scalar_type!r} or {self.non_scalar_schema!r}"


class _Fields(Schema):
    takes_mapping = True

    def __init__(self, fields: Mapping[str, Any], description: str | None = None) -> None:
        self.fields = _read_fields(fields, ())
        self.description = description

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}: {field.schema!r}" for name, field in self.fields.items())
        return f"{type(self).__name__}({{{inner}}})"


class Shape(_Fields):
    """A mapping with these fields and no others.

    Args:
        fields: The type of each field.
        description: What the config is for.
        field_aliases: Other names under which config may give a field, by its real name.

    Example:
        >>> Shape({"year": int, "tags": [str]})
        Shape({year: int, tags: [str]})

    Source: Dagster's `Shape`.
    """

    def __init__(
        self,
        fields: Mapping[str, Any],
        description: str | None = None,
        field_aliases: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(fields, description)
        self.field_aliases = dict(field_aliases or {})

    @property
    def implied_default(self) -> Any:
        """An empty mapping, if no field is required."""
        return NOTHING if any(field.is_required for field in self.fields.values()) else {}


class Permissive(Shape):
    """A mapping with these fields and any others.

    Args:
        fields: The types of the known fields.
        description: What the config is for.

    Source: Dagster's `Permissive`.
    """

    def __init__(
        self, fields: Mapping[str, Any] | None = None, description: str | None = None
    ) -> None:
        super().__init__(fields or {}, description)


class Selector(_Fields):
    """A mapping with exactly one of these fields.

    Args:
        fields: The choices.
        description: What the choice is for.

    Source: Dagster's `Selector`.
    """

    @property
    def implied_default(self) -> Any:
        """The only field, if there is exactly one and it is optional."""
        only = list(self.fields.values())
        return {} if len(only) == 1 and not only[0].is_required else NOTHING


class ConfigField:
    """One place in a config: its type, its default, whether it is required.

    Users write `Field`, which also validates the default.
    """

    def __init__(
        self,
        config: Any,
        default_value: Any = NOTHING,
        is_required: bool | None = None,
        description: str | None = None,
    ) -> None:
        self.schema = read(config)
        self.description = description
        self._default = default_value
        self._required = is_required

    @property
    def config_type(self) -> Schema:
        """The schema of its value."""
        return self.schema

    def as_field(self) -> ConfigField:
        """Return the field itself, as code written for Dagster asks any schema for it."""
        return self

    @property
    def default_provided(self) -> bool:
        """Whether there is a default, given or implied."""
        return self.raw_default is not NOTHING

    @property
    def default_value(self) -> Any:
        """The default, in raw form."""
        if self.raw_default is NOTHING:
            raise InvalidConfigDefinitionError(f"{self!r} has no default. See default_provided.")
        return self.raw_default

    @property
    def raw_default(self) -> Any:
        """The default, or NOTHING; a field that says whether it is required implies none."""
        if self._default is not NOTHING or self._required is not None:
            return self._default
        return self.schema.implied_default

    @property
    def is_required(self) -> bool:
        """Whether it must be given."""
        if self._required is not None:
            return self._required
        return self.raw_default is NOTHING

    def __repr__(self) -> str:
        default = "" if self._default is NOTHING else f", default_value={self._default!r}"
        return f"Field({self.schema!r}{default}, is_required={self.is_required})"


_SEEN: OrderedDict[int, tuple[Any, ConfigField]] = OrderedDict()
_KEPT = 4096


def schema_of(config_schema: Any) -> ConfigField | None:
    """Return the field that any allowed schema describes; None for None.

    The same object returns the same field, so that its model is built once.

    Args:
        config_schema: A `Config` class, a type, a dict schema, a `Field`...

    Raises:
        InvalidConfigDefinitionError: If it is no schema; names the path and what is allowed.

    Example:
        >>> schema_of({"year": int})
        Field(Shape({year: int}), is_required=True)
    """
    if config_schema is None or isinstance(config_schema, ConfigField):
        return config_schema
    known = _SEEN.get(id(config_schema))
    if known is not None:  # The field keeps the object alive, so its id cannot be reused.
        return known[1]
    field = ConfigField(config_schema)
    _SEEN[id(config_schema)] = (config_schema, field)
    if len(_SEEN) > _KEPT:
        _SEEN.popitem(last=False)
    return field


def read(config: Any, path: tuple[str, ...] = ()) -> Schema:
    """Return the schema that a user's value describes."""
    if isinstance(config, Schema):
        return config
    if isinstance(config, dict):
        return _read_dict(config, path)
    if isinstance(config, list):
        return _read_list(config, path)
    found = _read_type(config)
    if found is None:
        raise InvalidConfigDefinitionError(_refused(config, path) + " " + _ALLOWED)
    return found


def _read_type(config: Any) -> Schema | None:
    if config is Any:
        return ANYTHING
    if config is list:
        return Array(ANYTHING)
    if config is dict:
        return Permissive()
    if isinstance(config, type) and config in SCALARS:
        return SCALARS[config]
    if hasattr(config, "__pydantic_fields__"):
        return Typed(config)
    named = getattr(config, "config_type", None)  # A built-in data type: String, Int...
    return None if named is None or named is config else _read_type(named)


def _read_dict(config: dict[Any, Any], path: tuple[str, ...]) -> Schema:
    if len(config) == 1:
        key, inner = next(iter(config.items()))
        if not isinstance(key, str):
            if not isinstance(_read_type(key), Scalar):
                raise InvalidConfigDefinitionError(
                    _refused(config, path) + f" The key {key!r} must be a name, or str, int, "
                    "float or bool for a mapping with any keys."
                )
            made = Map(key, ANYTHING)
            made.inner_type = read(inner, (*path, "*"))
            return made
    made_shape = Shape({})
    made_shape.fields = _read_fields(config, path)
    return made_shape


def _read_list(config: list[Any], path: tuple[str, ...]) -> Schema:
    if len(config) != 1:
        raise InvalidConfigDefinitionError(
            _refused(config, path) + " A list must hold exactly one type: what each item is."
        )
    made = Array(ANYTHING)
    made.inner_type = read(config[0], (*path, "*"))
    return made


def _read_fields(fields: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, ConfigField]:
    odd: list[Any] = [name for name in cast("Mapping[Any, Any]", fields) if type(name) is not str]
    if odd:
        raise InvalidConfigDefinitionError(
            _refused(fields, path) + f" The key {odd[0]!r} must be a string."
        )
    return {name: _read_field(value, (*path, name)) for name, value in fields.items()}


def _read_field(value: Any, path: tuple[str, ...]) -> ConfigField:
    return value if isinstance(value, ConfigField) else ConfigField(read(value, path))


def _refused(config: Any, path: tuple[str, ...]) -> str:
    where = f" at {' > '.join(path)}" if path else ""
    return f"{config!r}{where} does not describe config."
