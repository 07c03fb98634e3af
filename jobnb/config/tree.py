"""The schema of a whole run config: nested sections, with fields at the leaves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Union

from pydantic import BaseModel

from jobnb.config.models import Part, annotation_of, make_annotation, part_of
from jobnb.config.nodes import NOTHING, Schema
from jobnb.config.schema import ConfigField

Branch = Union["Section", ConfigField]
_TREE = "__jobnb_tree__"


class Section(Schema):
    """A part of the run config with named parts of its own.

    It is optional if nothing below it is required.

    Args:
        fields: Sections, or config fields as `schema_of` makes them, by name.
        description: What the section is for.

    Example:
        >>> from jobnb.config import schema_of
        >>> Section({"ops": Section({"load": Section({"config": schema_of({"n": int})})})}).required
        True
    """

    def __init__(self, fields: Mapping[str, Branch], description: str | None = None) -> None:
        self.fields = dict(fields)
        self.description = description

    @cached_property
    def required(self) -> bool:
        """Whether something below is required."""
        return any(is_required(field) for field in self.fields.values())

    @cached_property
    def silent(self) -> bool:
        """Whether it can be omitted without effect: all below is optional without default."""
        return all(
            field.silent
            if isinstance(field, Section)
            else not field.is_required and field.raw_default is NOTHING
            for field in self.fields.values()
        )

    @property
    def implied_default(self) -> Any:
        """An empty section, if nothing below is required."""
        return NOTHING if self.required else {}

    def __repr__(self) -> str:
        return f"Section({', '.join(self.fields)})"


def is_required(branch: Branch) -> bool:
    """Whether a section or a field is required."""
    return branch.required if isinstance(branch, Section) else branch.is_required


_Described = tuple[Any, bool, Any, str | None]
_Twins = dict[tuple[Any, ...], type[Part]]


@make_annotation.register
def _(section: Section) -> Any:
    return _model("Section", section, {})


def _model(name: str, section: Section, twins: _Twins) -> type[Part]:
    """Return the model of a section; sections that look the same (ops without config) share one."""
    made: type[Part] | None = section.__dict__.get("_annotation")
    if made is None:
        fields = {key: _described(key, branch, twins) for key, branch in section.fields.items()}
        look = (section.description, *((key, *_look(field)) for key, field in fields.items()))
        made = twins.get(look)
        if made is None:
            made = twins[look] = part_of(name, fields, section.description)
        section.__dict__["_annotation"] = made
    return made


def _look(field: _Described) -> tuple[Any, ...]:
    annotation, required, default, about = field
    return id(annotation), required, repr(default), about


def _described(key: str, branch: Branch, twins: _Twins) -> _Described:
    if isinstance(branch, Section):
        title = "".join(word.title() for word in key.split("_")) or "Section"
        return _model(title, branch, twins), branch.required, NOTHING, branch.description
    default = branch.raw_default
    return annotation_of(branch.schema), branch.is_required, default, branch.description


def model_of(name: str, tree: Section) -> type[Part]:
    """Return the one pydantic model of a run config, built once per tree.

    Returns:
        A model whose `model_json_schema()` describes every field: title, description, default,
        choices and bounds. To read config use `bind`, which also fills defaults and reads
        environment variables.

    Example:
        >>> from jobnb.config import schema_of
        >>> tree = Section({"config": schema_of({"n": int})})
        >>> model_of("Run", tree).model_json_schema()["required"]
        ['config']
    """
    made = _model(name, tree, {})
    type.__setattr__(made, _TREE, tree)
    return made


def tree_of(model: type[BaseModel]) -> Section | None:
    """Return the sections behind a model of `model_of`, or None for any other model."""
    tree: Section | None = model.__dict__.get(_TREE)
    return tree
