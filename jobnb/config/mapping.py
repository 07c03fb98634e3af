"""Config mappings: a simple config outside, the run config it stands for inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, overload

from pydantic import BaseModel

from jobnb.config.binding import bind_value
from jobnb.config.function_config import call, config_parameter, name_of
from jobnb.config.nodes import NOTHING
from jobnb.config.plain import plain
from jobnb.config.run_config import RunConfig, raw_config
from jobnb.config.schema import ConfigField, schema_of
from jobnb.errors import ConfigMappingFunctionError, InvalidDefinitionError

__all__ = ["ConfigMapping", "config_mapping"]


class ConfigMapping:
    """A function from a simple config to the run config of a job or graph.

    Args:
        config_fn: Takes the simple config, returns a `RunConfig` or a dictionary.
        config_schema: What the simple config is; may be left out where the function's parameter
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
        self.config_fn = config_fn
        self.given_schema = config_schema
        self.receive_processed_config_values = receive_processed_config_values

    @cached_property
    def config_schema(self) -> ConfigField | None:
        """What the simple config is; None if anything."""
        typed = config_parameter(self.config_fn)
        if typed is not None and self.given_schema is not None:
            raise InvalidDefinitionError(
                f"The config mapping {name_of(self.config_fn)!r} has both a config_schema and a "
                f"parameter of the class {typed.__name__}. Keep one."
            )
        return schema_of(self.given_schema if typed is None else typed)

    def resolve_from_unvalidated_config(
        self, config: Any, what: str | None = None, path: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The run config that a simple config stands for.

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
        """The run config for a simple config whose values are known to be right."""
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
    """The simple config in raw form: most often a mapping, but any value can be one."""
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
    """Make a `ConfigMapping` of the function below.

    Args:
        config_fn: The function, where used without parentheses.
        config_schema: What the simple config is; see `ConfigMapping`.
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
