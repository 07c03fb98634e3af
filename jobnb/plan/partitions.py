"""Whether a run's partition key is one of its job's."""

from __future__ import annotations

from jobnb.definitions.dynamic_partitions import DynamicPartitionsDefinition
from jobnb.definitions.job_definition import JobDefinition
from jobnb.errors import InvalidDefinitionError, UnknownPartitionError

__all__ = ["check_partition"]


def check_partition(job: JobDefinition, partition_key: str) -> None:
    """See that the job has the partition.

    Raises:
        InvalidDefinitionError: If the job has no partitions.
        UnknownPartitionError: If it has no such partition; the nearest is named.
    """
    partitions_def = job.partitions_def
    if partitions_def is None:
        raise InvalidDefinitionError(
            f"The job {job.name!r} has no partitions, but the partition {partition_key!r} is asked "
            "for. Leave it out, or give the job a partitions_def or a PartitionedConfig."
        )
    if isinstance(partitions_def, DynamicPartitionsDefinition) and partitions_def.name:
        return  # the instance that runs it keeps the keys
    try:
        partitions_def.validate_partition_key(partition_key)
    except UnknownPartitionError as error:
        raise UnknownPartitionError(f"The job {job.name!r}: {error}") from None
