"""How many partitions one run of a backfill makes."""

from __future__ import annotations

import msgspec

from jobnb.errors import InvalidDefinitionError

__all__ = ["BackfillPolicy"]


class BackfillPolicy(msgspec.Struct, frozen=True):
    """How many partitions of an asset one run of a backfill makes.

    Args:
        max_partitions_per_run: At most so many; None: all of them in one run.

    Raises:
        InvalidDefinitionError: If it is no positive number.

    Example:
        >>> BackfillPolicy.single_run().max_partitions_per_run is None
        True
        >>> BackfillPolicy.multi_run(max_partitions_per_run=10)
        BackfillPolicy(max_partitions_per_run=10)

    Source: Dagster's `BackfillPolicy`.
    """

    max_partitions_per_run: int | None = 1

    def __post_init__(self) -> None:
        """See that the number is one."""
        most = self.max_partitions_per_run
        if most is not None and (type(most) is not int or most < 1):
            raise InvalidDefinitionError(
                f"A run makes one partition at least: max_partitions_per_run={most!r} does not do. "
                "Give a positive number, or use BackfillPolicy.single_run()."
            )

    @staticmethod
    def single_run() -> BackfillPolicy:
        """One run makes all partitions; it finds them in `context.partition_keys`."""
        return BackfillPolicy(None)

    @staticmethod
    def multi_run(max_partitions_per_run: int = 1) -> BackfillPolicy:
        """Several runs, each for at most so many partitions."""
        return BackfillPolicy(max_partitions_per_run)
