"""The nodes of a config: kind, type in words, bounds, choices, default, and nested nodes.

A `ConfigNode` walks the JSON Schema of a job's one config model; samples, defaults, descriptions
and forms all read nodes. Nested nodes are created on access, so that a recursive class costs
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from jobnb.config.models import ConfigJsonSchema, Section, model_of
from jobnb.config.schema import NOTHING

_Json = Mapping[str, Any]

TEXTS = frozenset(("text", "long_text", "path", "date", "time", "datetime", "timedelta", "secret"))
NUMBERS = frozenset(("int", "float"))
SCALARS = TEXTS | NUMBERS | {"bool", "choice"}
_FORMATS = {
    "date": "date",
    "time": "time",
    "date-time": "datetime",
    "duration": "timedelta",
    "path": "path",
    "file-path": "path",
    "directory-path": "path",
    "password": "secret",
}
_WORDS = {
    "date": "a date",
    "time": "a time of day",
    "datetime": "a date and time",
    "timedelta": "a duration: seconds, PT1H30M or 01:30:00",
    "path": "a path",
    "secret": "a secret, kept by name only",
    "tuple": "a list",
    "bool": "true or false",
    "int": "an integer",
    "float": "a number",
    "map": "a mapping",
    "any": "anything",
}
_LIMITS = {"min": "at least", "above": "more than", "max": "at most", "below": "less than"}
_PLAIN = {"integer": "int", "number": "float", "boolean": "bool", "null": "const"}
_BOUNDS = {
    "minimum": "min",
    "maximum": "max",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "multipleOf": "step",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_items",
    "maxItems": "max_items",
    "pattern": "pattern",
}
_LONG = 200  # Texts that may be longer get a larger box.


class ConfigNode:
    """One place of a config.

    Args:
        schema: Its JSON Schema.
        models: The schemas that others refer to, by name.
        name: Its name in its parent.
        required: Whether it must be given.
        section: The section of the run config that it is, if it is one.

    Attributes:
        model: The name of the schema that it refers to; empty if it refers to none.
        nullable: Whether it may be null.
    """

    def __init__(
        self,
        schema: _Json,
        models: _Json,
        name: str = "",
        *,
        required: bool = False,
        section: Section | None = None,
    ) -> None:
        self.name, self.required, self.section = name, required, section
        self._models = models
        self._schema, self.model, self.nullable = _resolved(schema, models)

    def __repr__(self) -> str:
        return f"ConfigNode({self.name!r}, {self.kind})"

    @cached_property
    def kind(self) -> str:
        """The kind of form control that it needs."""
        schema = self._schema
        if self.section is not None:
            return "section"
        if "const" in schema:
            return "const"
        if "enum" in schema:
            return "choice"
        if "oneOf" in schema or "anyOf" in schema:
            return "union"
        return _kind_of_type(schema)

    @cached_property
    def words(self) -> str:
        """Its type for a form label; empty if the nested places show it."""
        if self.kind in ("section", "object", "selector"):
            return ""
        return self.type_words.replace(" or null", " or none")

    @cached_property
    def type_words(self) -> str:
        """Its type in words."""
        words = self._words()
        return f"{words} or null" if self.nullable and words != "null" else words

    def _words(self) -> str:
        kind = self.kind
        if kind == "const":
            return "null" if self.constant is None else repr(self.constant)
        if kind == "choice":
            return "one of " + ", ".join(map(repr, self.choices))
        if kind == "union":
            scalar = all(each.kind in SCALARS for each in self.options)
            words = (each.type_words if scalar else each.title for each in self.options)
            return " or ".join(dict.fromkeys(words))
        if kind == "list":
            return f"a list of {self.item.type_words if self.item else 'anything'}"
        if kind in ("text", "long_text"):
            return f"text ({self.format})" if self.format else "text"
        bounds = self.bounds
        limits = [f" {words} {bounds[name]}" for name, words in _LIMITS.items() if name in bounds]
        return _WORDS.get(kind, "a mapping") + " and".join(limits)

    @property
    def help(self) -> str:
        """Its description."""
        if self.section is not None:
            return self.section.description or ""
        return str(self._schema.get("description") or "")

    @property
    def title(self) -> str:
        """The title of its type, such as the name of a class."""
        if self.kind == "const":
            return "none" if self.constant is None else str(self.constant)
        named = self._schema.get("title") if self.kind in ("object", "selector", "choice") else None
        return str(named or self.words or self.kind)

    @property
    def default(self) -> Any:
        """The value if it is not given, or NOTHING."""
        return self._schema.get("default", NOTHING)

    def without_default(self) -> ConfigNode:
        """Return the place without its default."""
        return ConfigNode({**self._schema, "default": NOTHING}, self._models)

    @property
    def constant(self) -> Any:
        """The only value that it takes."""
        return self._schema.get("const")

    @property
    def choices(self) -> list[Any]:
        """The values to choose from."""
        return list(self._schema.get("enum", ()))

    @property
    def bounds(self) -> dict[str, Any]:
        """The limits: min, max, above, below, step, lengths, counts, pattern."""
        return {name: self._schema[key] for key, name in _BOUNDS.items() if key in self._schema}

    @property
    def format(self) -> str:
        """The format of its text, such as `date` or `email`, as JSON Schema names it."""
        return str(self._schema.get("format") or "")

    @property
    def env(self) -> bool:
        """Whether it takes an environment variable."""
        if self.kind == "union":
            return all(option.kind in SCALARS or option.kind == "const" for option in self.options)
        return self.kind in SCALARS

    @cached_property
    def fields(self) -> dict[str, ConfigNode]:
        """The named places in it."""
        if self.section is not None:
            return dict(self._sections())
        required = self._schema.get("required", ())
        return {
            name: self._below(inner, name, name in required)
            for name, inner in self._schema.get("properties", {}).items()
        }

    def _sections(self) -> Iterator[tuple[str, ConfigNode]]:
        assert self.section is not None
        required = self._schema.get("required", ())
        for name, inner in self._schema.get("properties", {}).items():
            branch = self.section.fields.get(name)
            below = branch if isinstance(branch, Section) else None
            yield (
                name,
                ConfigNode(inner, self._models, name, required=name in required, section=below),
            )

    def _below(self, schema: _Json, name: str = "", required: bool = True) -> ConfigNode:
        return ConfigNode(schema, self._models, name, required=required)

    @cached_property
    def item(self) -> ConfigNode | None:
        """The entries of a list or mapping, and the keys that a class does not name."""
        schema = self._schema
        if schema.get("type") == "array":
            return self._below(schema.get("items") or {})
        patterns = list((schema.get("patternProperties") or {}).values())
        more = patterns[0] if patterns else schema.get("additionalProperties", True)
        if more is False or self.kind not in ("object", "map"):
            return None
        return self._below({} if more is True else more)

    @cached_property
    def places(self) -> list[ConfigNode]:
        """The entries of a tuple."""
        inner = self._schema.get("prefixItems", ())
        return [self._below(each, str(n)) for n, each in enumerate(inner)]

    @cached_property
    def options(self) -> list[ConfigNode]:
        """The members of a union."""
        choices = self._schema.get("oneOf") or self._schema.get("anyOf") or ()
        return [self._below(inner, self.name, self.required) for inner in choices]

    @property
    def tag(self) -> str | None:
        """The field that distinguishes the members of a union, if there is one."""
        named = self._schema.get("discriminator")
        return str(named["propertyName"]) if named else None

    @property
    def key_choices(self) -> list[Any]:
        """The keys that a mapping takes, if they are limited."""
        names = self._schema.get("propertyNames") or {}
        return list(_resolved(names, self._models)[0].get("enum", ()))

    @property
    def key_label(self) -> str:
        """A word for the keys of a mapping."""
        return str(self._schema.get("keyLabel") or "key")

    @property
    def unique(self) -> bool:
        """Whether the entries of a list must differ."""
        return bool(self._schema.get("uniqueItems"))


def _kind_of_type(schema: _Json) -> str:
    kind = schema.get("type")
    if kind == "object":
        return _kind_of_object(schema)
    if kind == "array":
        ends = len(schema.get("prefixItems", ()))
        return "tuple" if ends and schema.get("maxItems") == ends else "list"
    if kind == "string":
        named = _FORMATS.get(schema.get("format", ""))
        return named or ("long_text" if _is_long(schema) else "text")
    return _PLAIN.get(str(kind), "any")


def _kind_of_object(schema: _Json) -> str:
    known = schema.get("properties")
    if known and schema.get("minProperties") == schema.get("maxProperties") == 1:
        return "selector"
    if known or schema.get("additionalProperties") is False:
        return "object"
    return "map"


def _is_long(schema: _Json) -> bool:
    default = schema.get("default")
    return bool(
        schema.get("multiline")
        or schema.get("contentMediaType")
        or ("format" not in schema and schema.get("maxLength", 0) > _LONG)
        or (isinstance(default, str) and "\n" in default)
    )


def _resolved(schema: _Json, models: _Json) -> tuple[dict[str, Any], str, bool]:
    """Follow references; return the schema, the last one's name, and whether null is allowed."""
    made, model, nullable = dict(schema), "", False
    while True:
        if "$ref" in made:
            model = str(made.pop("$ref")).rpartition("/")[2]
            made = {**models.get(model, {}), **made}
            continue
        for word in ("anyOf", "oneOf", "allOf"):
            choices = made.get(word)
            if choices is None:
                continue
            kept = [each for each in choices if each.get("type") != "null"]
            nullable = nullable or len(kept) < len(choices)
            if len(kept) == 1:
                del made[word]
                # A title that pydantic derived from the field's name does not describe the type.
                own = {k: v for k, v in made.items() if k != "title"}
                made = {**kept[0], **own}
                break
            made[word] = kept
        else:
            return made, model, nullable


def json_schema(tree: Section | type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a run config."""
    model = model_of("RunConfig", tree) if isinstance(tree, Section) else tree
    return model.model_json_schema(schema_generator=ConfigJsonSchema)


def form_of(tree: Section | type[BaseModel]) -> ConfigNode:
    """Return the whole config as a place, with all others below it.

    Example:
        >>> from jobnb.config import schema_of
        >>> root = form_of(Section({"config": schema_of({"year": int, "codes": [str]})}))
        >>> list(root.fields["config"].fields.values())
        [ConfigNode('year', int), ConfigNode('codes', list)]
    """
    schema = json_schema(tree)
    section = tree if isinstance(tree, Section) else None
    return ConfigNode(schema, schema.get("$defs", {}), section=section)
