"""The one pydantic model of a run config, and of each schema in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, singledispatch
from typing import Annotated, Any, ClassVar, Literal, Union

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Tag, create_model
from pydantic import Field as PydanticField
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from jobnb.config.plain import field_name, plain
from jobnb.config.schema import (
    NOTHING,
    Anything,
    Array,
    ConfigField,
    Enum,
    Map,
    Noneable,
    Permissive,
    Scalar,
    ScalarUnion,
    Schema,
    Selector,
    Shape,
    Typed,
    TypedFields,
)
from jobnb.errors import InvalidConfigError

_Described = tuple[Any, bool, Any, str | None]
"""A field: its type, whether it is required, its raw default, what it is for."""
_EMPTY: dict[Any, Any] = {list: [], dict: {}, set: [], frozenset: [], tuple: []}


class ConfigJsonSchema(GenerateJsonSchema):
    """JSON Schema for forms: it never fails, and writes defaults as config writes them."""

    def handle_invalid_for_json_schema(
        self, schema: core_schema.CoreSchema, error_info: str
    ) -> JsonSchemaValue:
        """Describe a type that JSON Schema cannot express as accepting anything."""
        return {"description": f"Cannot be shown in a form: {error_info}."}

    def encode_default(self, dft: Any) -> Any:
        """Return a default as config writes it; never a secret."""
        if hasattr(type(dft), "get_secret_value"):
            raise PydanticInvalidForJsonSchema("A secret is not shown.")
        try:
            return plain(dft)
        except InvalidConfigError as error:
            raise PydanticInvalidForJsonSchema(str(error)) from None

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        """List the names of the members: JSON may be unable to hold their values."""
        made = super().enum_schema({**schema, "members": []})
        return {**made, "enum": [member.name for member in schema["members"]], "type": "string"}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave the default out if it cannot be shown."""
        factory = schema.get("default_factory")
        if factory in _EMPTY:  # Other factories may return another value each time.
            made: Any = {**schema, "default": _EMPTY[factory]}
            del made["default_factory"]
            schema = made
        try:
            return super().default_schema(schema)
        except PydanticInvalidForJsonSchema:
            return self.generate_inner(schema["schema"])

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Ignore it: a default that JSON cannot hold is simply left out."""


class _KeyLabel:
    """The label of a mapping's keys in its JSON Schema; a field around it does not hide it."""

    def __init__(self, label: str) -> None:
        self.label = label

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> JsonSchemaValue:
        return {**handler(schema), "keyLabel": self.label}


class Part(BaseModel):
    """The base of the generated models, which validate to plain dictionaries."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, protected_namespaces=()
    )

    @classmethod
    def model_json_schema(  # type: ignore[override]
        cls,
        by_alias: bool = True,
        ref_template: str = "#/$defs/{model}",
        schema_generator: type[GenerateJsonSchema] = ConfigJsonSchema,
        mode: Literal["validation", "serialization"] = "validation",
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return the JSON Schema of the part, as forms need it."""
        return super().model_json_schema(by_alias, ref_template, schema_generator, mode, **kwargs)


class OpenPart(Part):
    """A part that keeps fields that it does not name."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")


class SelectorPart(Part):
    """A part of which exactly one field is given."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"minProperties": 1, "maxProperties": 1}
    )


def part_of(
    name: str,
    fields: Mapping[str, _Described],
    description: str | None = None,
    base: type[Part] = Part,
) -> type[Part]:
    """Create a model from fields: type, whether it is required, raw default, description.

    Fields are named by numbers, with the users' names as aliases: any text can name a field.
    """
    made: dict[str, Any] = {}
    for number, (key, (annotation, required, default, about)) in enumerate(fields.items()):
        shown = None if default is NOTHING else {"default": plain(default)}
        # Reading fills the raw default in; `_none` stands for "not given, and none implied".
        default_factory: dict[str, Any] = {} if required else {"default_factory": _none}
        info = PydanticField(
            alias=key, title=key, description=about, json_schema_extra=shown, **default_factory
        )
        made[f"f{number}"] = (annotation, info)
    return create_model(name, __base__=base, __doc__=description, **made)


def _none() -> None:
    return None


def settled(value: Any) -> Any:
    """Return validated values, with the generated models as plain dictionaries."""
    if isinstance(value, Part):
        made = {
            str(info.alias): settled(getattr(value, name))
            for name, info in type(value).model_fields.items()
            if name in value.model_fields_set
        }
        return {**made, **(value.__pydantic_extra__ or {})}
    if type(value) is list:
        return [settled(item) for item in value]
    if type(value) is dict:
        return {key: settled(item) for key, item in value.items()}
    return value


def annotation_of(schema: Schema) -> Any:
    """Return the pydantic type of a schema, built once."""
    made = schema.__dict__.get("_annotation")
    if made is None:
        made = schema.__dict__["_annotation"] = make_annotation(schema)
    return made


@singledispatch
def make_annotation(schema: Schema) -> Any:
    """Build the pydantic type of a schema, by its kind; other rooms register theirs."""
    raise TypeError(f"{schema!r} has no pydantic type.")


@make_annotation.register
def _(schema: Scalar) -> Any:
    return schema.python_type


@make_annotation.register
def _(_schema: Anything) -> Any:
    return Any


@make_annotation.register
def _(schema: Typed) -> Any:
    return schema.annotation


@make_annotation.register
def _(schema: TypedFields) -> Any:
    return Annotated[schema.annotation, AfterValidator(_as_dict)]


def _as_dict(config: BaseModel) -> dict[str, Any]:
    # A default of None means that nothing is given, also where the type of the field forbids it.
    return {
        field_name(name, info): getattr(config, name)
        for name, info in type(config).model_fields.items()
        if name in config.model_fields_set or getattr(config, name) is not None
    }


@make_annotation.register
def _(schema: Enum) -> Any:
    names = Literal[tuple(schema.config_values)]  # type: ignore[valid-type]
    return Annotated[names, PydanticField(title=schema.name), AfterValidator(schema.python_value)]


@make_annotation.register
def _(schema: Array) -> Any:
    return list[annotation_of(schema.inner_type)]  # type: ignore[misc]


@make_annotation.register
def _(schema: Map) -> Any:
    label = schema.key_label_name
    made: Any = dict.__class_getitem__(
        (schema.key_type.python_type, annotation_of(schema.inner_type))
    )
    return Annotated[made, _KeyLabel(label)] if label else made


@make_annotation.register
def _(schema: Noneable) -> Any:
    return annotation_of(schema.inner_type) | None


@make_annotation.register
def _(schema: ScalarUnion) -> Any:
    scalar = _tagged(schema.scalar_type, "scalar")
    structure = _tagged(schema.non_scalar_schema, "structure")
    return Annotated[scalar | structure, Discriminator(_scalar_or_structure)]


def _tagged(schema: Schema, tag: str) -> Any:
    return Annotated[annotation_of(schema), Tag(tag)]


def _scalar_or_structure(raw: Any) -> str:
    return "structure" if isinstance(raw, (dict, list)) else "scalar"


@make_annotation.register
def _(schema: Shape) -> Any:
    base = OpenPart if isinstance(schema, Permissive) else Part
    fields = {key: _described(field) for key, field in schema.fields.items()}
    return part_of(type(schema).__name__, fields, schema.description, base)


@make_annotation.register
def _(schema: Selector) -> Any:
    fields = {
        key: (annotation_of(field.schema), False, NOTHING, field.description)
        for key, field in schema.fields.items()
    }
    return part_of("Selector", fields, schema.description, SelectorPart)


def _described(field: ConfigField) -> _Described:
    default = field.raw_default
    return annotation_of(field.schema), field.is_required, default, field.description


# --- sections of a run config ----------------------------------------------------------

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


_Twins = dict[tuple[Any, ...], type[Part]]


@make_annotation.register
def _(section: Section) -> Any:
    return _model("Section", section, {})


def _model(name: str, section: Section, twins: _Twins) -> type[Part]:
    """Return the model of a section; sections that look the same (ops without config) share one."""
    made: type[Part] | None = section.__dict__.get("_annotation")
    if made is None:
        fields = {key: _described_in(key, branch, twins) for key, branch in section.fields.items()}
        look = (section.description, *((key, *_look(field)) for key, field in fields.items()))
        made = twins.get(look)
        if made is None:
            made = twins[look] = part_of(name, fields, section.description)
        section.__dict__["_annotation"] = made
    return made


def _look(field: _Described) -> tuple[Any, ...]:
    annotation, required, default, about = field
    return id(annotation), required, repr(default), about


def _described_in(key: str, branch: Branch, twins: _Twins) -> _Described:
    if isinstance(branch, Section):
        title = "".join(word.title() for word in key.split("_")) or "Section"
        return _model(title, branch, twins), branch.required, NOTHING, branch.description
    return _described(branch)


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
