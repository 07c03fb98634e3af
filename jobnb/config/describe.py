"""What a run config may hold, for people: samples, defaults and a text to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from jobnb.config.models import ConfigJsonSchema
from jobnb.config.run_config import raw_config
from jobnb.config.tree import Section, model_of

_Json = Mapping[str, Any]
_NOTHING = object()
_FORMATS = {
    "date": "2024-01-31",
    "date-time": "2024-01-31T12:00:00",
    "time": "12:00:00",
    "duration": "PT1H",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "uri": "https://example.org",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "ipvanyaddress": "127.0.0.1",
    "email": "someone@example.org",
}
_EMPTY = {"string": "", "boolean": False, "null": None}


def json_schema(tree: Section | type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a run config, as forms use it."""
    model = model_of("RunConfig", tree) if isinstance(tree, Section) else tree
    return model.model_json_schema(schema_generator=ConfigJsonSchema)


def scaffold(tree: Section | type[BaseModel], required_only: bool = False) -> dict[str, Any]:
    """A config to start from: defaults, and a sample where a value must be given.

    Args:
        tree: What the config may hold.
        required_only: Leave out what may be left out.

    Example:
        >>> from jobnb.config import Section, schema_of
        >>> scaffold(Section({"config": schema_of({"n": int, "s": [str]})}))
        {'config': {'n': 0, 's': []}}
    """
    schema = json_schema(tree)
    return _Sampler(schema.get("$defs", {}), required_only).of_object(schema, ())


def with_defaults(tree: Section | type[BaseModel], raw: Any = None) -> dict[str, Any]:
    """A raw config with the defaults of everything it leaves out; it need not be right."""
    schema = json_schema(tree)
    return filled(schema, raw_config(raw), schema.get("$defs", {}))


class _Sampler:
    def __init__(self, models: _Json, required_only: bool) -> None:
        self.models, self.required_only = models, required_only

    def of_object(self, schema: _Json, above: tuple[str, ...]) -> dict[str, Any]:
        required = schema.get("required", ())
        made: dict[str, Any] = {}
        for name, inner in schema.get("properties", {}).items():
            if name in required:
                made[name] = self.of(inner, above)
            elif not self.required_only:
                value = self.of_optional(inner, above)
                if value is not _NOTHING:
                    made[name] = value
            if made and schema.get("maxProperties") == 1:
                break
        if not made and schema.get("minProperties") == 1 and schema.get("properties"):
            name, inner = next(iter(schema["properties"].items()))
            made[name] = self.of(inner, above)
        return made

    def of_optional(self, schema: _Json, above: tuple[str, ...]) -> Any:
        if "default" in schema:
            return schema["default"]
        inner, above = self.entered(schema, above)
        made = self.of_object(inner, above)
        return made or _NOTHING

    def entered(self, schema: _Json, above: tuple[str, ...]) -> tuple[_Json, tuple[str, ...]]:
        name = _reference(schema)
        if name is None:
            return schema, above
        if name in above:  # a class within itself: stop here
            return {}, above
        return self.models.get(name, {}), (*above, name)

    def of(self, schema: _Json, above: tuple[str, ...]) -> Any:
        if "default" in schema:
            return schema["default"]
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        if "$ref" in schema:
            inner, below = self.entered(schema, above)
            return self.of(inner, below)
        for choices in (schema.get("anyOf"), schema.get("oneOf"), schema.get("allOf")):
            if choices:
                return self.of(choices[0], above)
        return self.of_type(schema, above)

    def of_type(self, schema: _Json, above: tuple[str, ...]) -> Any:
        kind = schema.get("type")
        if kind in ("integer", "number"):
            return _number(schema)
        if kind == "array":
            items = schema.get("prefixItems") or [schema.get("items", {})] * schema.get(
                "minItems", 0
            )
            return [self.of(item, above) for item in items]
        if kind == "string":
            text = _FORMATS.get(schema.get("format", ""), "")
            return text or "x" * schema.get("minLength", 0)
        return self.of_object(schema, above) if kind in ("object", None) else _EMPTY.get(str(kind))


def _number(schema: _Json) -> Any:
    least, most = schema.get("minimum"), schema.get("maximum")
    step = schema.get("multipleOf", 1)
    if least is None and "exclusiveMinimum" in schema:
        least = schema["exclusiveMinimum"] + step
    if most is None and "exclusiveMaximum" in schema:
        most = schema["exclusiveMaximum"] - step
    if least is not None and least > 0:
        return least
    return most if most is not None and most < 0 else 0


def _reference(schema: _Json) -> str | None:
    reference = schema.get("$ref")
    return None if reference is None else str(reference).rpartition("/")[2]


def filled(schema: _Json, raw: Any, models: _Json) -> dict[str, Any]:
    """A raw config with the defaults that a JSON Schema tells."""
    made: dict[str, Any] = dict(raw)
    for name, inner in schema.get("properties", {}).items():
        target = models.get(_reference(inner) or "", inner)
        if name not in made and "default" in inner:
            made[name] = inner["default"]
        given = made.get(name, {})
        if isinstance(given, Mapping) and "properties" in target:
            below = filled(target, given, models) if name in made or _has_default(target) else {}
            if below or name in made:
                made[name] = below
    return made


def _has_default(schema: _Json) -> bool:
    return schema.get("maxProperties") != 1


def describe(tree: Section | type[BaseModel]) -> str:
    """What a config may hold, one line for each place: type, default, bounds, meaning.

    Example:
        >>> from jobnb.config import Field, Section, schema_of
        >>> year = Field(int, default_value=2013, description="Which year.")
        >>> print(describe(Section({"config": schema_of({"year": year, "all": bool})})))
        config:
          year: an integer, 2013 by default. Which year.
          all: true or false, required.
    """
    schema = json_schema(tree)
    return "\n".join(_lines(schema, schema.get("$defs", {}), 0, ()))


def _lines(schema: _Json, models: _Json, depth: int, above: tuple[str, ...]) -> Iterator[str]:
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        reference = _reference(inner)
        target = models.get(reference or "", inner)
        indent = "  " * depth
        if "properties" in target and reference not in above:
            about = inner.get("description") or target.get("description")
            yield f"{indent}{name}:{' # ' + about if about else ''}"
            yield from _lines(target, models, depth + 1, (*above, str(reference)))
        else:
            yield f"{indent}{name}: {_line(inner, models, name in required)}"


def _line(schema: _Json, models: _Json, required: bool) -> str:
    parts = [type_words(schema, models)]
    if required:
        parts.append("required")
    elif "default" in schema:
        parts.append(f"{schema['default']!r} by default")
    about = f" {schema['description']}" if schema.get("description") else ""
    return ", ".join(parts) + "." + about


_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}
_KINDS = {
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "null": "null",
    "object": "a mapping",
}


def type_words(schema: _Json, models: _Json) -> str:
    """The type of a place in words."""
    if "$ref" in schema:
        return type_words(models.get(str(_reference(schema)), {}), models)
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(map(repr, schema["enum"]))
    for choices in (schema.get("anyOf"), schema.get("oneOf")):
        if choices:
            return " or ".join(dict.fromkeys(type_words(choice, models) for choice in choices))
    kind = schema.get("type")
    if kind == "array":
        return f"a list of {type_words(schema.get('items', {}), models)}"
    if kind == "string" and schema.get("format"):
        return f"text ({schema['format']})"
    bounds = [f" {words} {schema[key]}" for key, words in _BOUNDS.items() if key in schema]
    return _KINDS.get(str(kind), "anything") + " and".join(bounds)
