"""Config mappings and `configured`: functions that turn one config into another."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, overload

from pydantic import AfterValidator, BaseModel

from jobnb.config.binding import bind_value
from jobnb.config.model import Config
from jobnb.config.models import annotation_of, make_annotation, settled
from jobnb.config.plain import plain
from jobnb.config.reading import ConfigFindings, read_raw
from jobnb.config.run_config import RunConfig, raw_config
from jobnb.config.schema import ANYTHING, NOTHING, ConfigField, Schema, Shape, schema_of
from jobnb.errors import (
    ConfigMappingFunctionError,
    InvalidConfigError,
    InvalidDefinitionError,
    Problem,
)


def config_parameter(function: Callable[..., Any]) -> type[BaseModel] | None:
    """Return the `Config` class of the function's one parameter, or None."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # A built-in function has no annotations.
        return None
    if not parameters:
        return None
    annotation = parameters[0].annotation
    if isinstance(annotation, str):
        annotation = _evaluated(function, parameters[0].name)
    is_config = isinstance(annotation, type) and issubclass(annotation, Config)
    return annotation if is_config else None


def _see_one_schema(function: Callable[..., Any], config_schema: Any) -> None:
    """Raise an error if a function's config is described twice.

    Raises:
        InvalidDefinitionError: If it has a schema and a parameter of a `Config` class.
    """
    typed = config_parameter(function) if config_schema is not None else None
    if typed is not None:
        raise InvalidDefinitionError(
            f"{name_of(function)!r} has both a config_schema and a parameter of the class "
            f"{typed.__name__}. Keep one."
        )


def _evaluated(function: Callable[..., Any], name: str) -> Any:
    try:
        return typing.get_type_hints(function).get(name)
    except Exception:  # noqa: BLE001 (an annotation may name something undefined)
        return None


def name_of(function: Callable[..., Any]) -> str:
    """Return the function's name for messages."""
    return str(getattr(function, "__name__", repr(function)))


def call(function: Callable[..., Any], value: Any, what: str) -> Any:
    """Call the function with a value.

    Raises:
        ConfigMappingFunctionError: If it raises; the user's exception is its cause.
    """
    try:
        return function(value)
    except Exception as error:
        raise ConfigMappingFunctionError(
            f"The function {name_of(function)!r}, which makes the config of {what}, raised "
            f"{type(error).__name__}: {error}",
            error,
        ) from error


class ConfiguredSchema(Schema):
    """The schema of a configured definition: outer config in, inner config out.

    It is a schema like any other: `bind` returns the inner value, validated by the inner schema.

    Args:
        inner: The schema of the definition itself; None for anything.
        config_or_config_fn: The inner config, or a function from the outer value to it.
        config_schema: The schema of the function's argument.
        what: The definition, for errors.
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
        """The schema of the definition itself."""
        return schema_of(self.given_inner)

    @cached_property
    def outer(self) -> ConfigField:
        """The schema of what config may still give."""
        if not callable(self.config_or_config_fn):
            return ConfigField(Shape({}))
        given = self.given_outer
        typed = config_parameter(self.config_or_config_fn) if given is None else None
        return schema_of(given or typed) or ConfigField(ANYTHING, None)

    @property
    def implied_default(self) -> Any:
        """The outer value if none is given."""
        return self.outer.raw_default

    def resolve(self, outer_value: Any) -> Any:
        """Return the inner value for an outer one.

        Raises:
            ConfigMappingFunctionError: If the function raises.
            InvalidConfigError: If the result does not fit the definition's schema.
        """
        given = self.config_or_config_fn
        raw = call(given, settled(outer_value), self.what) if callable(given) else given
        try:
            return bind_value(self.inner, raw, what=self.what)
        except InvalidConfigError as error:
            note = f" (in what {self.what} is configured with)"
            problems = [Problem(p.path, p.message + note, p.value, p.kind) for p in error.problems]
            why = ":" if problems else f": {error}"
            raise InvalidConfigError(f"{self.what} is configured wrongly{why}", problems) from error

    def __repr__(self) -> str:
        return f"configured({self.outer.schema!r})"


@make_annotation.register
def _(schema: ConfiguredSchema) -> Any:
    return Annotated[annotation_of(schema.outer.schema), AfterValidator(schema.resolve)]


@read_raw.register
def _(
    schema: ConfiguredSchema, raw: Any, path: tuple[str | int, ...], reading: ConfigFindings
) -> Any:
    return read_raw(schema.outer.schema, raw, path, reading)


def configured_schema(
    inner: Any, config_or_config_fn: Any, config_schema: Any = None, what: str = "this"
) -> ConfiguredSchema:
    """Return the config schema of a definition once it is configured.

    Example:
        >>> from jobnb.config import bind_value
        >>> bind_value(configured_schema({"a": int}, lambda n: {"a": n + 1}, int), 2)
        {'a': 3}
    """
    return ConfiguredSchema(inner, config_or_config_fn, config_schema, what)


def configured(
    configurable: Any, config_schema: Any = None, **kwargs: Any
) -> Callable[[Callable[..., Any]], Any]:
    """Configure a definition with the decorated function: from a simpler config to its own.

    Args:
        configurable: An op, graph, resource, executor or logger definition.
        config_schema: The schema of the function's argument.
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
        _see_one_schema(config_fn, config_schema)
        named = {"name": name_of(config_fn), **kwargs} if takes_name else kwargs
        return method(config_fn, config_schema=config_schema, **named)

    return decorate


class ConfigMapping:
    """A function from a simple config to the run config of a job or graph.

    Args:
        config_fn: Takes the simple config, returns a `RunConfig` or a dictionary.
        config_schema: The schema of the simple config; may be left out if the function's parameter
        is annotated with a `Config` class. Without either, any mapping is passed on.
        receive_processed_config_values: Whether the function gets values (enums, variables read)
            or the raw config as it was given; values where left out.

    Example:
        >>> mapping = ConfigMapping(
        ...     lambda val: {"ops": {"load": {"config": {"year": val["y"]}}}}, {"y": int}
        ... )
        >>> mapping.resolve_from_unvalidated_config({"y": 2013})
        {'ops': {'load': {'config': {'year': 2013}}}}

    Source: Dagster's `ConfigMapping`.
    """

    def __init__(
        self,
        config_fn: Callable[[Any], Any],
        config_schema: Any = None,
        receive_processed_config_values: bool | None = None,
    ) -> None:
        if not callable(config_fn):
            raise InvalidDefinitionError(f"config_fn must be a function, not {config_fn!r}.")
        _see_one_schema(config_fn, config_schema)
        self.config_fn = config_fn
        self.given_schema = config_schema
        self.receive_processed_config_values = receive_processed_config_values

    @cached_property
    def config_schema(self) -> ConfigField | None:
        """The schema of the simple config; None if it takes anything."""
        typed = config_parameter(self.config_fn)
        return schema_of(self.given_schema if typed is None else typed)

    def resolve_from_unvalidated_config(
        self, config: Any, what: str | None = None, path: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """Validate a simple config and return the run config for it.

        Args:
            config: The simple config, as it was given.
            what: Whose config it is, for errors; the mapping's where left out.
            path: Where in the run config it stands, for errors.

        Raises:
            InvalidConfigError: If the simple config does not fit its schema.
            ConfigMappingFunctionError: If the function raises, or returns no config.
        """
        raw, field = _outer(config), self.config_schema
        if field is None:
            return self._called(raw)
        absent = raw == {} and (field.default_provided or not field.schema.takes_mapping)
        value = bind_value(field, NOTHING if absent else raw, path, what or self._what)
        if self.receive_processed_config_values is False:
            value = field.raw_default if absent else raw
        return self._called(value)

    def resolve_from_validated_config(self, config: Any) -> dict[str, Any]:
        """Return the run config for validated values of the simple config."""
        field = self.config_schema
        typed = None if field is None else getattr(field.schema, "annotation", None)
        is_raw = typed is not None and not isinstance(config, BaseModel)
        return self._called(bind_value(field, config, what=self._what) if is_raw else config)

    def _called(self, value: Any) -> dict[str, Any]:
        made = call(self.config_fn, value, "the run")
        if not isinstance(made, (RunConfig, Mapping)):
            raise ConfigMappingFunctionError(
                f"The config mapping {name_of(self.config_fn)!r} returned {made!r}. "
                "Return a RunConfig or a dictionary."
            )
        return raw_config(made)

    @property
    def _what(self) -> str:
        return f"config mapping {name_of(self.config_fn)!r}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself, as in a unit test of it."""
        return self.config_fn(*args, **kwargs)


def _outer(config: Any) -> Any:
    """Return the simple config in raw form: most often a mapping, but any value can be one."""
    if config is None or isinstance(config, (RunConfig, BaseModel, Mapping)):
        return raw_config(config)
    return plain(config)


@overload
def config_mapping(config_fn: Callable[..., Any]) -> ConfigMapping: ...


@overload
def config_mapping(
    config_fn: None = None,
    config_schema: Any = None,
    receive_processed_config_values: bool | None = None,
) -> Callable[[Callable[..., Any]], ConfigMapping]: ...


def config_mapping(
    config_fn: Callable[..., Any] | None = None,
    config_schema: Any = None,
    receive_processed_config_values: bool | None = None,
) -> ConfigMapping | Callable[[Callable[..., Any]], ConfigMapping]:
    """Create a `ConfigMapping` from the decorated function.

    Args:
        config_fn: The function, where used without parentheses.
        config_schema: The schema of the simple config; see `ConfigMapping`.
        receive_processed_config_values: Whether the function gets values or raw config.

    Example:
        >>> @config_mapping(config_schema={"year": int})
        ... def simple(val):
        ...     return {"ops": {"load": {"config": val}}}
        >>> simple.resolve_from_unvalidated_config({"year": 2013})
        {'ops': {'load': {'config': {'year': 2013}}}}

    Source: Dagster's `config_mapping`.
    """

    def decorate(function: Callable[..., Any]) -> ConfigMapping:
        return ConfigMapping(function, config_schema, receive_processed_config_values)

    return decorate if config_fn is None else decorate(config_fn)
