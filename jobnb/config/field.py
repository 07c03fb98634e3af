"""`Field`: one place of a dict schema, as users write it."""

from __future__ import annotations

import enum
from typing import Any

from jobnb.config.binding import bind_value, without_secrets
from jobnb.config.env import holds_env
from jobnb.config.schema import NOTHING, ConfigField, Enum, Scalar
from jobnb.errors import InvalidConfigDefinitionError, InvalidConfigError


class Field(ConfigField):
    """One field of a config: its type, its default, whether it is required.

    Args:
        config: Its type: a type, a dict schema, a `Config` class.
        default_value: The raw value if none is given.
        is_required: Whether it must be given; if left out, it is required unless its type implies
            a value.
        description: What it is for.

    Raises:
        InvalidConfigDefinitionError: If `config` is no schema.
        InvalidConfigError: If the default does not fit.

    Example:
        >>> Field(int, default_value=3).is_required
        False

    Source: Dagster's `Field`.
    """

    def __init__(
        self,
        config: Any,
        default_value: Any = NOTHING,
        is_required: bool | None = None,
        description: str | None = None,
    ) -> None:
        if isinstance(config, ConfigField):
            raise InvalidConfigDefinitionError("A Field cannot hold a Field. Give what it takes.")
        if is_required and default_value is not NOTHING:
            raise InvalidConfigDefinitionError(
                f"A field with the default {default_value!r} cannot be required. "
                "Drop default_value or is_required."
            )
        super().__init__(config, default_value, is_required, description)
        if default_value is not NOTHING:
            self._check(default_value)

    def _check(self, default: Any) -> None:
        if isinstance(self.schema, Scalar) and type(default) is self.schema.python_type:
            return  # The common case, without building a model.
        if isinstance(self.schema, Enum) and isinstance(default, enum.Enum):
            raise InvalidConfigError(
                f"The default {default!r} does not fit its field ({self.schema!r}): config is "
                f"text. Write the name: {default.name!r}."
            )
        if holds_env(default) or _names_variables(default):
            return  # Read when the run is set up.
        try:
            bind_value(ConfigField(self.schema), default)
        except InvalidConfigError as error:
            kept = without_secrets(ConfigField(self.schema), default)
            raise InvalidConfigError(
                f"The default {kept!r} does not fit its field ({self.schema!r}):",
                error.problems,
            ) from None


def _names_variables(raw: Any) -> bool:
    if isinstance(raw, dict):
        return "env" in raw or any(map(_names_variables, raw.values()))
    return isinstance(raw, (list, tuple)) and any(map(_names_variables, raw))
