"""`configured`: a definition with its config given beforehand, wholly or by a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator

from jobnb.config.binding import bind_value
from jobnb.config.function_config import call, config_parameter, name_of
from jobnb.config.models import annotation_of, make_annotation, settled
from jobnb.config.nodes import ANYTHING, Schema
from jobnb.config.reading import Reading, read_raw
from jobnb.config.schema import ConfigField, Shape, schema_of
from jobnb.errors import InvalidConfigError, InvalidDefinitionError, Problem

__all__ = ["ConfiguredSchema", "configured", "configured_schema"]


class ConfiguredSchema(Schema):
    """Config for a definition that was configured: what it takes outside, and makes inside.

    It is a schema like any other: `bind` gives the inner value, checked against the inner schema.

    Args:
        inner: What the definition itself takes; None for anything.
        config_or_config_fn: The inner config, or a function from the outer value to it.
        config_schema: What the function takes.
        what: What was configured, for errors.
    """

    def __init__(
        self, inner: Any, config_or_config_fn: Any, config_schema: Any = None, what: str = "this"
    ) -> None:
        if config_schema is not None and not callable(config_or_config_fn):
            raise InvalidDefinitionError(
                f"{what} is configured with fixed values, so config_schema says nothing. "
                "Drop it, or give a function."
            )
        self.given_inner, self.given_outer = inner, config_schema
        self.config_or_config_fn, self.what = config_or_config_fn, what

    @cached_property
    def inner(self) -> ConfigField | None:
        """What the definition itself takes."""
        return schema_of(self.given_inner)

    @cached_property
    def outer(self) -> ConfigField:
        """What config may still give."""
        if not callable(self.config_or_config_fn):
            return ConfigField(Shape({}))
        given = self.given_outer
        typed = config_parameter(self.config_or_config_fn) if given is None else None
        return schema_of(given or typed) or ConfigField(ANYTHING, None)

    @property
    def implied_default(self) -> Any:
        """What nothing given means outside."""
        return self.outer.raw_default

    def resolve(self, outer_value: Any) -> Any:
        """The inner value for an outer one.

        Raises:
            ConfigMappingFunctionError: If the function raises.
            InvalidConfigError: If what it makes is not what the definition takes.
        """
        given = self.config_or_config_fn
        raw = call(given, settled(outer_value), self.what) if callable(given) else given
        try:
            return bind_value(self.inner, raw, what=self.what)
        except InvalidConfigError as error:
            note = f" (in what {self.what} is configured with)"
            problems = [Problem(p.path, p.message + note, p.value, p.kind) for p in error.problems]
            raise InvalidConfigError(f"{self.what} is configured wrongly:", problems) from error

    def __repr__(self) -> str:
        return f"configured({self.outer.schema!r})"


@make_annotation.register
def _(schema: ConfiguredSchema) -> Any:
    return Annotated[annotation_of(schema.outer.schema), AfterValidator(schema.resolve)]


@read_raw.register
def _(schema: ConfiguredSchema, raw: Any, path: tuple[str | int, ...], reading: Reading) -> Any:
    return read_raw(schema.outer.schema, raw, path, reading)


def configured_schema(
    inner: Any, config_or_config_fn: Any, config_schema: Any = None, what: str = "this"
) -> ConfiguredSchema:
    """The config schema that a definition has once it is configured.

    Args:
        inner: The config schema it had.
        config_or_config_fn: Its config, or a function from a simpler config to it.
        config_schema: What the function takes.
        what: What is configured, for errors.

    Example:
        >>> from jobnb.config import bind_value
        >>> bind_value(configured_schema({"a": int}, lambda n: {"a": n + 1}, int), 2)
        {'a': 3}
    """
    return ConfiguredSchema(inner, config_or_config_fn, config_schema, what)


def configured(
    configurable: Any, config_schema: Any = None, **kwargs: Any
) -> Callable[[Callable[..., Any]], Any]:
    """Configure a definition with the function below: from a simpler config to its own.

    Args:
        configurable: An op, graph, resource, executor or logger definition.
        config_schema: What the function takes.
        kwargs: `name` and `description` of the configured definition, where it has them.

    Source: Dagster's `configured`.
    """
    method = getattr(configurable, "configured", None)
    if method is None:
        raise InvalidDefinitionError(
            f"{configurable!r} cannot be configured: give an op, graph, resource, executor or "
            "logger definition."
        )
    takes_name = "name" in inspect.signature(method).parameters

    def decorate(config_fn: Callable[..., Any]) -> Any:
        named = {"name": name_of(config_fn), **kwargs} if takes_name else kwargs
        return method(config_fn, config_schema=config_schema, **named)

    return decorate
