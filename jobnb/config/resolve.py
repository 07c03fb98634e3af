"""Config objects made in Python, with the environment variables in them read."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

from jobnb.config.binding import bind_value
from jobnb.config.env import holds_env
from jobnb.config.fields import field_type
from jobnb.config.nodes import Typed
from jobnb.config.plain import plain_field
from jobnb.config.schema import ConfigField

__all__ = ["resolve_fields", "resolved"]

ModelT = TypeVar("ModelT", bound=BaseModel)


def resolved(config: ModelT, path: tuple[str, ...] = (), what: str | None = None) -> ModelT:
    """The config with its variables read and its validators run; itself if it has none.

    Args:
        config: A `Config` object.
        path: Where it is, for errors.
        what: Whose config it is, for errors.

    Raises:
        InvalidConfigError: If a variable is not set or holds what does not fit.

    Example:
        >>> from jobnb.config import Config
        >>> class Login(Config):
        ...     user: str
        >>> me = Login(user="me")
        >>> resolved(me) is me
        True
    """
    if not holds_env(config):
        return config
    made: ModelT = bind_value(type(config), config, path, what or type(config).__name__)
    return made


def resolve_fields(
    model: BaseModel, path: tuple[str, ...] = (), what: str | None = None
) -> dict[str, Any]:
    """The values of those fields that hold variables, read; other fields are left alone.

    For objects whose fields are not all config, such as resources that hold resources.

    Args:
        model: Any pydantic object.
        path: Where it is, for errors.
        what: Whose config it is, for errors.
    """
    return {
        name: bind_value(
            ConfigField(Typed(field_type(info))),
            plain_field(model, name),
            (*path, name),
            what or type(model).__name__,
        )
        for name, info in type(model).model_fields.items()
        if holds_env(getattr(model, name))
    }
