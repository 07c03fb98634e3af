"""What a config comes to, without reading it: defaults filled in, secrets and variables by name."""

from __future__ import annotations

from typing import Any

from jobnb.config.describe import filled, json_schema
from jobnb.config.env import anonymous
from jobnb.config.schema import schema_of
from jobnb.config.tree import Section


def completed(config_schema: Any, raw: Any = None) -> Any:
    """A raw config with the defaults of all that it leaves out; it need not be right.

    Variables and secrets stay names, so the outcome is the same whatever they hold. Defaults that
    a factory makes are left out: they may be others each time.

    Args:
        config_schema: A `Config` class, a dict schema...; None takes nothing.
        raw: The raw config as it is stored, secrets by name; None where nothing is given.

    Example:
        >>> from jobnb.config import Field
        >>> completed(
        ...     {"year": Field(int, default_value=2013), "token": str}, {"token": {"env": "T"}}
        ... )
        {'token': {'env': 'T'}, 'year': 2013}
    """
    field = schema_of(config_schema)
    if field is None:
        return raw
    known = field.schema.__dict__
    schema = known.get("_json_schema")
    if schema is None:
        schema = known["_json_schema"] = json_schema(Section({"config": field}))
    given = {} if raw is None else {"config": raw}
    return anonymous(filled(schema, given, schema.get("$defs", {})).get("config"))
