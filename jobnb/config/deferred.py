"""How a `Config` class is changed below its surface: fields that wait, enums read by name."""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import core_schema

from jobnb.config.env import holds_env
from jobnb.config.fields import field_names

__all__ = ["LaterSignature", "fitted", "waiting_fields", "without_checks"]

_WAITING = "__jobnb_waiting__"  # pydantic leaves names like these alone
_LENIENT = "__jobnb_lenient__"


class LaterSignature:
    """Gives a class its signature when `help()` asks for it: until a class is built it has none.

    Every class gets one of its own, which pydantic puts the signature over; without it, a class
    would show that of the class above.
    """

    def __get__(self, instance: Any, owner: type[BaseModel]) -> inspect.Signature:
        if instance is None:
            owner.model_rebuild(raise_errors=False)
            if owner.__dict__.get("__signature__") is not self:
                return owner.__signature__
        raise AttributeError("__signature__")


def waiting_fields(model: type[BaseModel], data: Mapping[str, Any]) -> frozenset[str]:
    """The fields whose values hold environment variables, which are read at the run."""
    given = {name for name, value in data.items() if _waits(value)}
    if not given:
        return frozenset()
    return frozenset(
        name
        for name, info in model.model_fields.items()
        if given.intersection(field_names(name, info, by_name=True))
    )


def _waits(value: Any) -> bool:
    # A config object within this one waits by itself, and is kept as it is.
    return not isinstance(value, BaseModel) and holds_env(value)


def without_checks(model: type[BaseModel], fields: frozenset[str]) -> type[BaseModel]:
    """The model with these fields unchecked, and without validators that look at all fields."""
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
    """The core schema of a model, changed where fields wait or enums need their names."""
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
    """The schema without the validators around it and around its fields."""
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
    """Let mappings with an enum's members for keys name them: JSON has texts for keys only."""
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
    """The members of an enum whose values JSON cannot hold, by name; others need no help."""
    for kind in (annotation, *typing.get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            values = [member.value for member in kind]
            if not all(value is None or isinstance(value, (str, int, float)) for value in values):
                return dict(kind.__members__)
    return {}
