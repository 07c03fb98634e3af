"""The schema: each field has a value, and what Dagster's older client introspects is there."""

from __future__ import annotations

from importlib.resources import files

from graphql import build_schema, validate_schema

from jobnb.server.schema import missing_fields, served_schema


def test_each_field_of_the_schema_has_a_value() -> None:
    assert missing_fields() == []


def test_the_schema_is_valid() -> None:
    text = files("jobnb.server").joinpath("schema.graphql").read_text(encoding="utf-8")
    assert validate_schema(build_schema(text)) == []
    assert validate_schema(served_schema()) == []
