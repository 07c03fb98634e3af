"""`PartitionedConfig`: run config that depends on the partition of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from jobnb.definitions.partitions.dynamic_partitions import DynamicPartitionsDefinition
from jobnb.definitions.partitions.partition import PartitionsDefinition
from jobnb.definitions.partitions.partition_keys import DynamicPartitionsStore, Partition
from jobnb.definitions.partitions.static_partitions import StaticPartitionsDefinition
from jobnb.definitions.plain import check_tags
from jobnb.errors import (
    InvalidDefinitionError,
    InvalidInvocationError,
    PartitionConfigError,
    UnknownPartitionError,
)

ConfigFunction = Callable[..., Any]
TagsFunction = Callable[..., Mapping[str, str]]
Decorator = Callable[[ConfigFunction], "PartitionedConfig"]


class PartitionedConfig:
    """The run config of a job for each partition.

    Args:
        partitions_def: The partitions.
        run_config_for_partition_fn: Returns the run config from a `Partition` (the older way).
        decorated_fn: The decorated function; calling this object calls it.
        tags_for_partition_fn: Returns a run's tags from a `Partition` (the older way).
        run_config_for_partition_key_fn: Returns the run config from a key.
        tags_for_partition_key_fn: Returns a run's tags from a key.

    Raises:
        InvalidDefinitionError: If not exactly one function for the run config is given.

    Example:
        >>> airports = StaticPartitionsDefinition(["JFK", "LGA"])
        >>> config = PartitionedConfig(
        ...     airports,
        ...     run_config_for_partition_key_fn=lambda key: {"ops": {"load": {"config": key}}},
        ... )
        >>> config.get_run_config_for_partition_key("JFK")
        {'ops': {'load': {'config': 'JFK'}}}

    Source: Dagster's `PartitionedConfig`.
    """

    def __init__(
        self,
        partitions_def: PartitionsDefinition,
        run_config_for_partition_fn: Callable[[Partition], Any] | None = None,
        decorated_fn: ConfigFunction | None = None,
        tags_for_partition_fn: Callable[[Partition], Mapping[str, str]] | None = None,
        run_config_for_partition_key_fn: Callable[[str], Any] | None = None,
        tags_for_partition_key_fn: Callable[[str], Mapping[str, str]] | None = None,
    ) -> None:
        if not isinstance(partitions_def, PartitionsDefinition):
            raise InvalidDefinitionError(
                f"A PartitionedConfig needs a PartitionsDefinition, not {partitions_def!r}."
            )
        if (run_config_for_partition_fn is None) == (run_config_for_partition_key_fn is None):
            raise InvalidDefinitionError(
                "A PartitionedConfig needs exactly one of run_config_for_partition_key_fn and "
                "run_config_for_partition_fn."
            )
        if tags_for_partition_fn is not None and tags_for_partition_key_fn is not None:
            raise InvalidDefinitionError(
                "A PartitionedConfig takes tags_for_partition_key_fn or tags_for_partition_fn, "
                "not both."
            )
        self._partitions_def = partitions_def
        self._run_config_for_partition_fn = run_config_for_partition_fn
        self._run_config_for_partition_key_fn = run_config_for_partition_key_fn
        self._tags_for_partition_fn = tags_for_partition_fn
        self._tags_for_partition_key_fn = tags_for_partition_key_fn
        self._decorated_fn = decorated_fn

    @property
    def partitions_def(self) -> PartitionsDefinition:
        """The partitions."""
        return self._partitions_def

    @property
    def run_config_for_partition_fn(self) -> Callable[[Partition], Any] | None:
        """The function from a `Partition` to run config, if there is one."""
        return self._run_config_for_partition_fn

    @property
    def run_config_for_partition_key_fn(self) -> Callable[[str], Any] | None:
        """The function from a key to run config, if there is one."""
        return self._run_config_for_partition_key_fn

    @property
    def tags_for_partition_fn(self) -> Callable[[Partition], Mapping[str, str]] | None:
        """The function from a `Partition` to a run's tags, if there is one."""
        return self._tags_for_partition_fn

    @property
    def tags_for_partition_key_fn(self) -> Callable[[str], Mapping[str, str]] | None:
        """The function from a key to a run's tags, if there is one."""
        return self._tags_for_partition_key_fn

    @property
    def decorated_fn(self) -> ConfigFunction | None:
        """The decorated function, if there is one."""
        return self._decorated_fn

    def get_partition_keys(
        self,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> Sequence[str]:
        """Return the keys of the partitions."""
        return self.partitions_def.get_partition_keys(current_time, dynamic_partitions_store)

    def get_run_config_for_partition_key(self, partition_key: str) -> Any:
        """Return the run config of one partition: a dict or `RunConfig`.

        It is a copy, because a function may reuse one dict.

        Raises:
            UnknownPartitionError: If the time partitions have no such key.
            PartitionConfigError: If the function raises.
        """
        from jobnb.config.run_config import copied

        by_key, by_value = self.run_config_for_partition_key_fn, self.run_config_for_partition_fn
        return copied(self._ask("run config", by_key, by_value, partition_key))

    def get_tags_for_partition_key(
        self, partition_key: str, job_name: str | None = None
    ) -> dict[str, str]:
        """Return the tags of a run for one partition: the function's and the partition's own.

        Raises:
            PartitionConfigError: If the function raises.
        """
        by_key, by_value = self.tags_for_partition_key_fn, self.tags_for_partition_fn
        given = by_key is not None or by_value is not None
        tags = self._ask("tags", by_key, by_value, partition_key) if given else {}
        own = self.partitions_def.get_tags_for_partition_key(partition_key)
        if job_name is not None:
            own["dagster/partition_set"] = f"{job_name}_partition_set"
        return {**check_tags(tags, f"the partition {partition_key!r}"), **own}

    def _ask(
        self,
        what: str,
        by_key: Callable[[str], Any] | None,
        by_value: Callable[[Partition], Any] | None,
        key: str,
    ) -> Any:
        """Call the user's function for a partition."""
        function: Any = by_value if by_key is None else by_key
        asked: Any = (
            Partition(self.partitions_def.value_of(key), key)
            if by_key is None
            else self.partitions_def.typed_key(key)
        )
        try:
            return function(asked)
        except UnknownPartitionError:
            raise
        except Exception as error:
            name = self.name if what == "run config" else _name_of(function)
            raise PartitionConfigError(
                f"The function {name!r} gave no {what} for the partition {key!r}: "
                f"{type(error).__name__}: {error}".rstrip(" :"),
                error,
            ) from error

    @property
    def name(self) -> str:
        """The name of the run config function."""
        return _name_of(
            self._decorated_fn
            or self._run_config_for_partition_key_fn
            or self._run_config_for_partition_fn
        )

    @classmethod
    def from_flexible_config(
        cls, config: Any, partitions_def: PartitionsDefinition
    ) -> PartitionedConfig:
        """Create a `PartitionedConfig` from any form of a job's `config`.

        Raises:
            InvalidDefinitionError: If it is a `PartitionedConfig` with other partitions.
        """
        if not isinstance(config, PartitionedConfig):
            fixed = {} if config is None else config
            return cls(partitions_def, run_config_for_partition_key_fn=lambda _key: fixed)
        if config.partitions_def != partitions_def:
            raise InvalidDefinitionError(
                "The PartitionedConfig has other partitions than partitions_def: leave out "
                "partitions_def, or give both the same."
            )
        return config

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the decorated function itself.

        Raises:
            InvalidInvocationError: If this was not created with a decorator.
        """
        if self._decorated_fn is None:
            raise InvalidInvocationError(
                "Only a PartitionedConfig made with a decorator, such as "
                "@daily_partitioned_config, can be called."
            )
        return self._decorated_fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"PartitionedConfig({self.partitions_def!r})"


def _name_of(function: Any) -> str:
    return str(getattr(function, "__name__", None) or repr(function))


def decorator_for(
    partitions_def: PartitionsDefinition,
    tags_by_value: TagsFunction | None = None,
    tags_by_key: TagsFunction | None = None,
) -> Decorator:
    """Return a decorator for a function that is called with each partition's value."""

    def tags(key: str) -> Mapping[str, str]:
        if tags_by_key is not None:
            return tags_by_key(key)
        return tags_by_value(*partitions_def.arguments_of(key)) if tags_by_value else {}

    tags.__name__ = _name_of(tags_by_key or tags_by_value)

    def decorate(fn: ConfigFunction) -> PartitionedConfig:
        if not callable(fn):
            raise InvalidDefinitionError(f"Put the decorator on a function, not on {fn!r}.")
        return PartitionedConfig(
            partitions_def,
            decorated_fn=fn,
            run_config_for_partition_key_fn=lambda key: fn(*partitions_def.arguments_of(key)),
            tags_for_partition_key_fn=tags if tags_by_key or tags_by_value else None,
        )

    return decorate


def partitioned_config(
    partitions_def: PartitionsDefinition, tags_for_partition_key_fn: TagsFunction | None = None
) -> Decorator:
    """Create a `PartitionedConfig` with a function of a partition key.

    Args:
        partitions_def: The partitions.
        tags_for_partition_key_fn: Returns a run's tags from a key.

    Source: Dagster's `partitioned_config`.
    """

    def decorate(fn: ConfigFunction) -> PartitionedConfig:
        return PartitionedConfig(
            partitions_def,
            decorated_fn=fn,
            run_config_for_partition_key_fn=fn,
            tags_for_partition_key_fn=tags_for_partition_key_fn,
        )

    return decorate


def _one_of(newer: TagsFunction | None, older: TagsFunction | None) -> TagsFunction | None:
    if newer is not None and older is not None:
        raise InvalidDefinitionError(
            "Tags come from tags_for_partition_key_fn or tags_for_partition_fn, not from both. "
            "Keep the first."
        )
    return newer or older


def static_partitioned_config(
    partition_keys: Sequence[str],
    tags_for_partition_fn: TagsFunction | None = None,
    tags_for_partition_key_fn: TagsFunction | None = None,
) -> Decorator:
    """Create a `PartitionedConfig` for a fixed list of keys, with a function of a key.

    Args:
        partition_keys: The keys.
        tags_for_partition_fn: Returns a run's tags from a key (the older name).
        tags_for_partition_key_fn: Returns a run's tags from a key.

    Example:
        >>> @static_partitioned_config(["JFK", "LGA"])
        ... def by_airport(key):
        ...     return {"ops": {"load": {"config": {"origin": key}}}}
        >>> by_airport.get_partition_keys()
        ['JFK', 'LGA']

    Source: Dagster's `static_partitioned_config`.
    """
    tags = _one_of(tags_for_partition_key_fn, tags_for_partition_fn)
    return decorator_for(StaticPartitionsDefinition(partition_keys), tags_by_key=tags)


def dynamic_partitioned_config(
    partition_fn: Callable[[datetime | None], Sequence[str]],
    tags_for_partition_fn: TagsFunction | None = None,
    tags_for_partition_key_fn: TagsFunction | None = None,
) -> Decorator:
    """Create a `PartitionedConfig` for keys from another function, with a function of a key.

    Args:
        partition_fn: Returns the keys, from the current time.
        tags_for_partition_fn: Returns a run's tags from a key (the older name).
        tags_for_partition_key_fn: Returns a run's tags from a key.

    Source: Dagster's `dynamic_partitioned_config`.
    """
    tags = _one_of(tags_for_partition_key_fn, tags_for_partition_fn)
    return decorator_for(DynamicPartitionsDefinition(partition_fn), tags_by_key=tags)
