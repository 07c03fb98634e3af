"""`RunConfig`: the config of a whole run, as typed classes or plain dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from jobnb.config.plain import plain, plain_model
from jobnb.errors import InvalidConfigError

SECTIONS = ("loggers", "resources", "ops", "execution")


class RunConfig:
    """The config of a run: one part for each of its ops, resources and loggers.

    Args:
        ops: `Config` objects (or plain dictionaries) by the name of the op or asset.
        resources: The same by resource key.
        loggers: The same by logger name.
        execution: The executor's config.

    Example:
        >>> from jobnb.config import Config
        >>> class Load(Config):
        ...     year: int
        >>> RunConfig(ops={"load": Load(year=2013)}).to_config_dict()["ops"]
        {'load': {'config': {'year': 2013}}}

    Source: Dagster's `RunConfig`.
    """

    __slots__ = ("execution", "loggers", "ops", "resources")

    def __init__(
        self,
        ops: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        loggers: Mapping[str, Any] | None = None,
        execution: Mapping[str, Any] | None = None,
    ) -> None:
        self.ops = dict(ops or {})
        self.resources = dict(resources or {})
        self.loggers = dict(loggers or {})
        self.execution = execution if execution is not None else {}

    def to_config_dict(self) -> dict[str, Any]:
        """Return the plain dictionary, ready for JSON and YAML; secrets appear by name.

        `Config` objects are written with their defaults; fields that are None are left out.

        Raises:
            InvalidConfigError: If a value cannot be written as JSON.
        """
        made: dict[str, Any] = plain(
            {
                "loggers": _section(self.loggers),
                "resources": _section(self.resources),
                "ops": _section(self.ops),
                "execution": _entry(self.execution),
            },
            whole=True,
        )
        return made

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RunConfig):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in SECTIONS)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        given = [f"{name}={getattr(self, name)!r}" for name in SECTIONS if getattr(self, name)]
        return f"RunConfig({', '.join(given)})"


CoercibleToRunConfig = Mapping[str, Any] | RunConfig | None


def raw_config(value: Any) -> dict[str, Any]:
    """Return any form of config as a plain dictionary.

    Args:
        value: A mapping, a `RunConfig`, a `Config` object, or None for no config.

    Raises:
        InvalidConfigError: If it is none of these, or cannot be written as JSON.

    Example:
        >>> raw_config(None)
        {}
    """
    if value is None:
        return {}
    if isinstance(value, RunConfig):
        return value.to_config_dict()
    if isinstance(value, BaseModel):
        return plain_model(value)
    if isinstance(value, Mapping):
        made: dict[str, Any] = plain(value, whole=True)
        return made
    raise InvalidConfigError(
        f"Config must be a RunConfig, a Config object or a dictionary, not {value!r}."
    )


def copied(config: Any) -> Any:
    """Copy a config's mappings and lists; the values in them are not copied."""
    if isinstance(config, RunConfig):
        return RunConfig(**{name: copied(getattr(config, name)) for name in SECTIONS})
    if isinstance(config, Mapping):
        return {key: copied(inner) for key, inner in config.items()}
    return [copied(inner) for inner in config] if isinstance(config, list) else config


def _section(entries: Any) -> Any:
    if isinstance(entries, BaseModel):
        return {"config": entries}
    if not isinstance(entries, Mapping):
        return entries
    return {name: _entry(entry) for name, entry in entries.items()}


def _entry(entry: Any) -> Any:
    """Return the config of one op or resource; a `Config` object goes under `config`."""
    if isinstance(entry, BaseModel):
        return {"config": entry}
    if isinstance(entry, Mapping) and isinstance(entry.get("ops"), Mapping):
        return {**entry, "ops": _section(entry["ops"])}
    return entry
