"""`Config`: the base of typed config classes."""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any, ClassVar, get_args
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, create_model
from pydantic import Field as PydanticField
from pydantic_core import core_schema

from jobnb.config.env import holds_env
from jobnb.config.plain import field_name, field_names, field_type, takes_names
from jobnb.config.schema import NOTHING, ConfigField, Typed, TypedFields
from jobnb.config.typed_reading import holds_secret, takes_none
from jobnb.errors import InvalidConfigDefinitionError, InvalidInvocationError

_WAITING = "__jobnb_waiting__"  # pydantic does not treat names like these as fields.
_LENIENT = "__jobnb_lenient__"


class LaterSignature:
    """Gives a class its signature when `help()` reads it: until pydantic builds it, there is none.

    Every class gets one of its own, which pydantic overwrites with the signature; without it, a
    class would show its base class's.
    """

    def __get__(self, instance: Any, owner: type[BaseModel]) -> inspect.Signature:
        if instance is None:
            owner.model_rebuild(raise_errors=False)
            if owner.__dict__.get("__signature__") is not self:
                return owner.__signature__
        raise AttributeError("__signature__")


def waiting_fields(model: type[BaseModel], data: Mapping[str, Any]) -> frozenset[str]:
    """Return the fields whose values hold environment variables, which are read at the run."""
    given = {name for name, value in data.items() if _waits(value)}
    if not given:
        return frozenset()
    return frozenset(
        name
        for name, info in model.model_fields.items()
        if given.intersection(field_names(name, info, by_name=True))
    )


def _waits(value: Any) -> bool:
    # A nested config object resolves its own variables, so it is kept as it is.
    return not isinstance(value, BaseModel) and holds_env(value)


def without_checks(model: type[BaseModel], fields: frozenset[str]) -> type[BaseModel]:
    """Return the model with these fields unchecked, and without validators over all fields."""
    kept: dict[frozenset[str], type[BaseModel]]
    kept = model.__dict__.get(_LENIENT) or {}
    if fields not in kept:
        body = {"__module__": model.__module__, _WAITING: fields}
        kept[fields] = types.new_class(
            model.__name__, (model,), {}, lambda names: names.update(body)
        )
        type.__setattr__(model, _LENIENT, kept)
    return kept[fields]


def fitted(schema: core_schema.CoreSchema, model: type[BaseModel]) -> core_schema.CoreSchema:
    """Return a model's core schema, changed where fields wait for variables or enums need names."""
    waiting = model.__dict__.get(_WAITING)
    if waiting is not None:
        schema = _innermost(schema)
    fields: Any = schema
    while isinstance(fields, dict) and fields["type"] != "model-fields":
        fields = fields.get("schema")
    if fields is not None:
        for name, field in fields["fields"].items():
            _fit_field(name, field, model, waiting or ())
    return schema


def _innermost(schema: Any) -> Any:
    """Return the schema without the validators around it and around its fields."""
    while schema["type"].startswith("function-"):
        schema = schema["schema"]
    if schema["type"] in ("model", "definitions"):
        return {**schema, "schema": _innermost(schema["schema"])}
    return schema


def _fit_field(name: str, field: Any, model: type[BaseModel], waiting: Any) -> None:
    if name in waiting:
        field["schema"] = core_schema.any_schema()
        return
    _fit_keys(field)
    choices = _named_choices(model.model_fields[name].annotation)
    if choices:
        place = field["schema"]
        holder = place if place["type"] == "default" else field
        holder["schema"] = core_schema.no_info_before_validator_function(
            lambda value: choices.get(value, value) if isinstance(value, str) else value,
            holder["schema"],
        )


def _fit_keys(schema: Any) -> None:
    """Let mappings keyed by an enum take member names: JSON has only texts for keys."""
    if isinstance(schema, list):
        for inner in schema:
            _fit_keys(inner)
    if not isinstance(schema, dict):
        return
    keys = schema.get("keys_schema")
    if isinstance(keys, dict) and keys.get("type") == "enum":
        schema["keys_schema"] = _by_text(keys)
    for name, inner in schema.items():
        if name not in ("keys_schema", "metadata", "default", "serialization"):
            _fit_keys(inner)


def _by_text(schema: Any) -> core_schema.CoreSchema:
    members = {str(member.value): member for member in schema["members"]}
    members.update(schema["cls"].__members__)
    return core_schema.no_info_before_validator_function(
        lambda value: members.get(value, value) if isinstance(value, str) else value, schema
    )


def _named_choices(annotation: Any) -> dict[str, enum.Enum]:
    """Return the members of an enum by name, if JSON cannot hold their values."""
    for kind in (annotation, *typing.get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            values = [member.value for member in kind]
            if not all(value is None or isinstance(value, (str, int, float)) for value in values):
                return dict(kind.__members__)
    return {}


def _member_of(annotation: Any, default: Any) -> Any:
    """Return the member of an enum that a default names, as config names it; else the default."""
    if isinstance(default, str) and not isinstance(default, enum.Enum):
        for kind in (annotation, *get_args(annotation)):
            if isinstance(kind, enum.EnumMeta) and default in kind.__members__:
                return kind[default]
    return default


class Config(BaseModel):
    """The base of a typed, frozen config class: annotate its fields as in any pydantic model.

    Every type that pydantic knows may be used; a field that may be None is None if it is not
    given. An `EnvVar` may be given for any value; it is read when the run is set up.

    Example:
        >>> class Load(Config):
        ...     year: int
        ...     origins: list[str] = ["JFK"]
        >>> Load(year=2013)
        Load(year=2013, origins=['JFK'])

    Source: Dagster's `Config`.
    """

    # defer_build: defining a class in a cell is cheap, its validator is built at first use.
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def __init__(self, **data: Any) -> None:
        waiting = waiting_fields(type(self), data)
        if not waiting:
            super().__init__(**data)
            return
        # A variable is read and validated when the run is set up; the rest now.
        made = without_checks(type(self), waiting).model_validate(data)
        for part in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__"):
            object.__setattr__(self, part, getattr(made, part))
        object.__setattr__(self, "__pydantic_private__", made.__pydantic_private__)

    # pydantic's validation sets attributes directly, so this is the user's assignment.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Let `help()` and shift-tab show the fields as parameters."""
        super().__pydantic_init_subclass__(**kwargs)
        for name, info in cls.__pydantic_fields__.items():
            if isinstance(info.default, ConfigField):
                raise InvalidConfigDefinitionError(
                    f"{cls.__name__}.{name} has a Field of jobnb for its default. In a Config "
                    "class give the default itself, or pydantic's Field(default=...)."
                )
            if info.is_required() and takes_none(info):  # Dagster writes the class name this way.
                info.default = None
            info.default = _member_of(info.annotation, info.default)
        if not cls.__pydantic_fields_complete__ or holds_secret(cls):
            cls.model_config["hide_input_in_errors"] = (
                True  # pydantic's message would show the secret.
            )
        if "__signature__" not in cls.__dict__:
            type.__setattr__(cls, "__signature__", LaterSignature())

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return fitted(handler(source), cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).model_fields and self.model_config.get("frozen"):
            raise InvalidInvocationError(
                f"{type(self).__name__}.{name} cannot be set: config does not change. "
                f"Make a changed copy: config.model_copy(update={{{name!r}: ...}})."
            )
        super().__setattr__(name, value)

    @classmethod
    def to_config_schema(cls) -> ConfigField:
        """Return the fields of the class as the schema of a config whose value is a dict.

        Example:
            >>> from jobnb import Config, op
            >>> class Load(Config):
            ...     year: int = 2013
            >>> @op(config_schema=Load.to_config_schema())
            ... def load(context):
            ...     return context.op_config["year"]
        """
        if cls not in _AS_DICTS:
            _AS_DICTS[cls] = ConfigField(TypedFields(_concrete(cls)))
        return _AS_DICTS[cls]

    @classmethod
    def to_fields_dict(cls) -> dict[str, ConfigField]:
        """Return the fields of the class, by the names that config uses."""
        return {
            field_name(name, info): ConfigField(
                Typed(field_type(info)),
                NOTHING if info.is_required() else info.get_default(call_default_factory=False),
                is_required=None if info.is_required() else False,
                description=info.description,
            )
            for name, info in cls.model_fields.items()
        }


def _concrete(cls: type[Config]) -> type[Config]:
    """Return a class that can be made, of the same fields without those that hold resources."""
    held = getattr(cls, "__resource_fields__", ())
    if not held and not inspect.isabstract(cls):
        return cls
    fields = {
        name: (None, ... if info.is_required() else info.get_default(call_default_factory=True))
        for name, info in cls.model_fields.items()
        if name not in held
    }
    return derived(cls, fields)


_AS_DICTS = WeakKeyDictionary[type[Config], ConfigField]()


class PermissiveConfig(Config):
    """A `Config` that also keeps fields that it does not name.

    Example:
        >>> class Query(PermissiveConfig):
        ...     table: str
        >>> Query(table="flights", limit=5).limit
        5

    Source: Dagster's `PermissiveConfig`.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")


_OF_A_FIELD = ("alias", "validation_alias", "title", "description", "examples", "json_schema_extra")


def derived(model: type[BaseModel], fields: dict[str, tuple[Any, Any]]) -> type[Config]:
    """Create a `Config` class from some fields of another, under the same names.

    Args:
        model: The other.
        fields: For each field its type, None where it is the same, and its default or `...`.
    """
    made: dict[str, Any] = {}
    for name, (annotation, default) in fields.items():
        info = model.model_fields[name]
        alike = {key: getattr(info, key) for key in _OF_A_FIELD}
        kind = field_type(info) if annotation is None else annotation
        made[name] = (kind, PydanticField(default, **alike))
    launched = create_model(model.__name__, __base__=Config, __doc__=model.__doc__, **made)
    if takes_names(model):
        launched.model_config["populate_by_name"] = True
    return launched
