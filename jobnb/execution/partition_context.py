"""The part of a step's context that knows its partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.partitions.partition_keys import PartitionKeyRange
from jobnb.errors import InvariantViolationError
from jobnb.execution.asset_context import AssetContext

if TYPE_CHECKING:
    from jobnb.definitions.partitions.partition import PartitionsDefinition
    from jobnb.plan.partitions import RunPartitions


class PartitionContext(AssetContext):
    """The part of a context that knows the partitions of the run."""

    # --- those of the run ------------------------------------------------

    @property
    def _partitions(self) -> RunPartitions | None:
        return self._run.plan.partitions

    def _required(self, what: str) -> RunPartitions:
        partitions = self._partitions
        if partitions is None:
            argument = "partition_key" if self._run.in_process else "partition"
            raise InvariantViolationError(
                f"{self._key!r} asks for {what}, but the run is for no partition. "
                f'Run it with {argument}="...".'
            )
        return partitions

    @property
    def has_partitions(self) -> bool:
        """Whether the run is for a partition or several."""
        return self._partitions is not None

    @property
    def has_partition_key(self) -> bool:
        """Whether the run is for one partition."""
        return self._partitions is not None and self._partitions.single is not None

    @property
    def has_partition_key_range(self) -> bool:
        """Whether the run is for several partitions."""
        return self._partitions is not None and self._partitions.single is None

    @property
    def partition_key(self) -> str:
        """The partition of the run; of several dimensions, a `MultiPartitionKey`.

        Raises:
            InvariantViolationError: If it is for none, or for several.
        """
        partitions = self._required("the partition key")
        if partitions.single is None:
            raise InvariantViolationError(
                f"{self._key!r} asks for the partition key, but the run is for "
                f"{len(partitions.keys)} partitions, {partitions.keys[0]!r} to "
                f"{partitions.keys[-1]!r}. Use context.partition_keys, or make each partition in "
                "a run of its own with session.backfill() or `jobnb job backfill`."
            )
        return partitions.single

    @property
    def multi_partition_key(self) -> Any:
        """The partition of the run, by dimension.

        Raises:
            InvariantViolationError: If its partitions have no dimensions.
        """
        key = self.partition_key
        if not hasattr(key, "keys_by_dimension"):
            raise InvariantViolationError(
                f"{self._key!r} asks for the key of several dimensions, but {key!r} has one only. "
                "Use context.partition_key."
            )
        return key

    @property
    def partition_keys(self) -> list[str]:
        """The partitions of the run, in order."""
        return list(self._required("the partition keys").keys)

    @property
    def partition_key_range(self) -> PartitionKeyRange:
        """The first and last partition of the run."""
        return self._required("the range of partitions").ends

    @property
    def asset_partition_key_range(self) -> PartitionKeyRange:
        """Dagster's older name for `partition_key_range`."""
        return self.partition_key_range

    @property
    def partition_time_window(self) -> Any:
        """From the start of the run's first partition to the end of its last.

        Raises:
            InvariantViolationError: If the partitions are no time windows.
        """
        keys = self._required("the time window").keys
        return self._window(self._run_partitions_def(), keys)

    def _run_partitions_def(self) -> Any:
        assets_def = self._step.assets_def
        own = assets_def.partitions_def if assets_def else None
        known = self._partitions.definition if self._partitions is not None else None
        return own or known or self._run.plan.job.partitions_def

    def _window(self, definition: Any, keys: tuple[str, ...]) -> Any:
        find = getattr(definition, "time_window_for_partition_key", None)
        if find is None:
            raise InvariantViolationError(
                f"{self._key!r} asks for a time window, but its partitions are not time windows."
            )
        if not keys:
            raise InvariantViolationError(
                f"{self._key!r} asks for a time window, but there is no partition in it."
            )
        first, last = find(keys[0]), find(keys[-1])
        return type(first)(first.start, last.end)

    # --- those of an output ----------------------------------------------

    def asset_partitions_def_for_output(self, output_name: str = "result") -> PartitionsDefinition:
        """Return the partitions definition of an output's asset.

        Raises:
            InvariantViolationError: If it is not.
        """
        key, definition = self._output_partitions(output_name)
        if definition is None:
            raise self._unpartitioned(key)
        return definition

    def _output_partitions(self, output_name: str) -> tuple[AssetKey, PartitionsDefinition | None]:
        key = self.asset_key_for_output(output_name)
        assert self._step.assets_def is not None
        return key, self._step.assets_def.partitions_def

    def _unpartitioned(self, key: AssetKey) -> InvariantViolationError:
        return InvariantViolationError(
            f"{self._key!r} asks for the partitions of {key.to_user_string()!r}, which has none. "
            "Give it a partitions_def."
        )

    def asset_partition_keys_for_output(self, output_name: str = "result") -> list[str]:
        """Return the partitions of the asset that an output makes."""
        self.asset_partitions_def_for_output(output_name)
        return self.partition_keys

    def asset_partition_key_for_output(self, output_name: str = "result") -> str:
        """Return the partition of the asset that an output makes."""
        self.asset_partitions_def_for_output(output_name)
        return self.partition_key

    def asset_partition_key_range_for_output(
        self, output_name: str = "result"
    ) -> PartitionKeyRange:
        """Return the first and last partition of the asset that an output makes."""
        self.asset_partitions_def_for_output(output_name)
        return self.partition_key_range

    def asset_partitions_time_window_for_output(self, output_name: str = "result") -> Any:
        """Return the time that the partitions of the asset that an output makes are about."""
        definition = self.asset_partitions_def_for_output(output_name)
        return self._window(definition, self._required("the time window").keys)

    # --- those of an input -----------------------------------------------

    def asset_partitions_def_for_input(self, input_name: str) -> PartitionsDefinition:
        """Return the partitions definition of an input's asset.

        Raises:
            InvariantViolationError: If it is not.
        """
        key = self.asset_key_for_input(input_name)
        definition = self._run.partition_reader.definition_of(key)
        if definition is None:
            raise self._unpartitioned(key)
        return definition

    def _input_keys(self, input_name: str) -> tuple[str, ...]:
        self.asset_partitions_def_for_input(input_name)
        key = self.asset_key_for_input(input_name)
        return self._run.partition_reader.keys_for(self._step, key, self._partitions) or ()

    def asset_partition_keys_for_input(self, input_name: str) -> list[str]:
        """Return the partitions of the asset that an input takes, by its partition mapping."""
        return list(self._input_keys(input_name))

    def asset_partition_key_for_input(self, input_name: str) -> str:
        """Return the partition of the asset that an input takes.

        Raises:
            InvariantViolationError: If it takes none, or several.
        """
        keys = self._input_keys(input_name)
        if len(keys) != 1:
            raise InvariantViolationError(
                f"The input {input_name!r} of {self._key!r} takes {len(keys)} partitions. "
                "Use context.asset_partition_keys_for_input."
            )
        return keys[0]

    def asset_partition_key_range_for_input(self, input_name: str) -> PartitionKeyRange:
        """Return the first and last partition of the asset that an input takes.

        Raises:
            InvariantViolationError: If it takes none.
        """
        keys = self._input_keys(input_name)
        if not keys:
            raise InvariantViolationError(
                f"The input {input_name!r} of {self._key!r} takes no partition."
            )
        return PartitionKeyRange(keys[0], keys[-1])

    def asset_partitions_time_window_for_input(self, input_name: str | None = None) -> Any:
        """Return the time that the partitions of the asset that an input takes are about."""
        if input_name is None:
            input_name = self._only_input()
        definition = self.asset_partitions_def_for_input(input_name)
        return self._window(definition, self._input_keys(input_name))

    def _only_input(self) -> str:
        names = [each.name for each in self._step.inputs if each.asset_key is not None]
        if len(names) == 1:
            return names[0]
        raise InvariantViolationError(
            f"{self._key!r} has {len(names)} asset inputs. Say which one is meant."
        )
