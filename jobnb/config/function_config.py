"""User functions that make config from config: how they are read, called and blamed."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from jobnb.config.model import Config
from jobnb.errors import ConfigMappingFunctionError

__all__ = ["call", "config_parameter", "name_of"]


def config_parameter(function: Callable[..., Any]) -> type[BaseModel] | None:
    """The `Config` class that the function's one parameter is annotated with, or None."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a built-in
        return None
    if not parameters:
        return None
    annotation = parameters[0].annotation
    if isinstance(annotation, str):
        annotation = _evaluated(function, parameters[0].name)
    is_config = isinstance(annotation, type) and issubclass(annotation, Config)
    return annotation if is_config else None


def _evaluated(function: Callable[..., Any], name: str) -> Any:
    try:
        return typing.get_type_hints(function).get(name)
    except Exception:  # noqa: BLE001 (an annotation that names what is nowhere says nothing)
        return None


def name_of(function: Callable[..., Any]) -> str:
    """The function's own name, to speak of it."""
    return str(getattr(function, "__name__", repr(function)))


def call(function: Callable[..., Any], value: Any, what: str) -> Any:
    """What the function makes of a value.

    Raises:
        ConfigMappingFunctionError: If it raises; what it raised is chained.
    """
    try:
        return function(value)
    except Exception as error:
        raise ConfigMappingFunctionError(
            f"The function {name_of(function)!r}, which makes the config of {what}, raised "
            f"{type(error).__name__}: {error}",
            error,
        ) from error
