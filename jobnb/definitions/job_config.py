"""The `config` of a job, in any of its forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.definitions.partitioned_config import PartitionedConfig
from jobnb.errors import InvalidDefinitionError

__all__ = ["readable_config"]


def readable_config(config: Any, name: str) -> Any:
    """The config as a dict, a `ConfigMapping` or a `PartitionedConfig`.

    Raises:
        InvalidDefinitionError: If it is none of what a job takes.
    """
    if config is None or isinstance(config, PartitionedConfig):
        return config
    from jobnb.config import ConfigMapping, RunConfig, raw_config

    if isinstance(config, ConfigMapping):
        return config
    if isinstance(config, (RunConfig, Mapping)):
        return raw_config(config)
    raise InvalidDefinitionError(
        f"The config of the job {name!r} is {config!r}. Give a RunConfig, a dict, "
        "a ConfigMapping or a PartitionedConfig."
    )
