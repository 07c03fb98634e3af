"""The fields of pydantic models as raw config sees them: by alias, with their whole type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel
from pydantic import Field as PydanticField
from pydantic.fields import FieldInfo


def field_names(name: str, info: FieldInfo, by_name: bool = False) -> list[str]:
    """Return the names under which raw config may give a model's field, the preferred one first."""
    names = [str(path[0]) for path in _paths(info) if len(path) == 1]
    return [*names, name] if by_name or not _paths(info) else names


def by_field_name(model: type[BaseModel], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by the names of a model's fields, where some were given by alias."""
    aliases = {
        alias: name
        for name, info in model.model_fields.items()
        for alias in field_names(name, info)
        if alias not in model.model_fields
    }
    return {aliases.get(name, name): value for name, value in data.items()}


def field_path(name: str, info: FieldInfo) -> list[str | int]:
    """Return where raw config gives a field: its name, or a path for one with an `AliasPath`."""
    return (_paths(info) or [[name]])[0]


def field_paths(info: FieldInfo) -> list[list[str | int]]:
    """Return the deeper places where raw config may give a field with an `AliasPath`."""
    return [path for path in _paths(info) if len(path) > 1]


def _paths(info: FieldInfo) -> list[list[str | int]]:
    alias = info.validation_alias if info.validation_alias is not None else info.alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [
        [choice] if isinstance(choice, str) else choice.path
        for choice in choices
        if choice is not None
    ]


def known_names(model: type[BaseModel]) -> list[str]:
    """Return every name that raw config of a model may have at its top."""
    names: list[str] = []
    for name, info in model.model_fields.items():
        names += [str(path[0]) for path in _paths(info)]
        names += [name] if takes_names(model) or not _paths(info) else []
    return names


def takes_names(model: type[BaseModel]) -> bool:
    """Whether raw config may give aliased fields by their own names too."""
    config = model.model_config
    return bool(config.get("populate_by_name") or config.get("validate_by_name"))


def field_name(name: str, info: FieldInfo) -> str:
    """Return the name under which raw config gives a field."""
    return str(field_path(name, info)[0])


def field_type(info: FieldInfo) -> Any:
    """Return the whole type of a field, bounds and discriminators included."""
    extra = list(info.metadata)
    if info.discriminator is not None:
        extra.append(PydanticField(discriminator=info.discriminator))
    annotation: Any = info.annotation
    for note in extra:
        annotation = Annotated[annotation, note]
    return annotation
