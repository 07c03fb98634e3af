"""The session: all that this kernel knows, and the short way to run it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jobnb.definitions import doors
from jobnb.definitions.announce import listen
from jobnb.registry.running import Running

__all__ = ["Session", "current_session", "session"]


class Session(Running):
    """What this kernel knows: definitions by name, resources, and where the history is.

    Definitions made in a notebook (in `__main__`) come here by themselves; those of a module
    are added with `add`. Running a cell again replaces what it defined and forgets what it no
    longer defines.

    Example:
        >>> from jobnb import asset
        >>> from jobnb.registry.session import Session
        >>> @asset
        ... def orders():
        ...     return [1, 2]
        >>> from jobnb import Instance
        >>> session = Session()
        >>> session.add(orders).materialize("orders", instance=Instance.ephemeral()).success
        True
    """

    def backfill(
        self,
        selection: Any = None,
        partitions: Any = None,
        *,
        only_missing: bool = False,
        only_failed: bool = False,
        stale_only: bool = False,
        tags: Mapping[str, str] | None = None,
        max_parallel: int = 1,
        config: Any = None,
        instance: Any = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Any:
        """Make many partitions in the background, each asset after what it is made from.

        Of a job, by name or as such, it runs each partition once: see `JobDefinition.backfill`.

        An asset's `backfill_policy` says how many partitions one run makes; without one, each is
        made in a run of its own. Assets with other partitions than those that are asked for make
        what belongs to these, by their partition mappings.

        Args:
            selection: A job or its name, else which assets, as in `launch`.
            partitions: A key, some keys, a `PartitionKeyRange` or a subset; all if absent.
            only_missing: Only those that were never made.
            only_failed: Only those whose last run failed.
            stale_only: Only those that are stale, missing or failed, and what is made from these.
            tags: Tags of its runs.
            max_parallel: How many runs go side by side.
            config: A `RunConfig` or dict.
            instance: Where the history is kept; that of the session if absent.
            resources: Resources by key, in place of those of the session.

        Returns:
            A `Backfill`: it can be observed, waited for, awaited, canceled and resumed.

        Raises:
            UnknownPartitionError: If no asset has these partitions; nothing has run then.
            InvalidSubsetError: If there is no such asset.
            InvalidInvocationError: If more than one of `only_missing`, `only_failed` and
                `stale_only` is asked for, or `max_parallel` is below 1.

        Example:
            >>> from jobnb import Instance, StaticPartitionsDefinition, asset
            >>> @asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
            ... def letters(context):
            ...     return context.partition_key
            >>> backfill = Session().add(letters).backfill(instance=Instance.ephemeral())
            >>> backfill.wait().status
            'COMPLETED'
        """
        __tracebackhide__ = True
        return doors.backfill_session(
            self,
            selection,
            partitions,
            only_missing=only_missing,
            only_failed=only_failed,
            stale_only=stale_only,
            tags=tags,
            max_parallel=max_parallel,
            config=config,
            instance=instance,
            resources=resources,
        )

    def resume_backfill(
        self,
        backfill_id: str,
        *,
        max_parallel: int = 1,
        instance: Any = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Any:
        """Go on with a backfill that was canceled, interrupted, or failed in part.

        What it has not made since it began is tried again, with the assets as they are now.

        Args:
            backfill_id: The id of the backfill, as `instance.get_backfills()` tells.
            max_parallel: How many runs go side by side.
            instance: Where the history is kept; that of the session if absent.
            resources: Resources by key, in place of those of the session.

        Returns:
            A `Backfill` with the same id.

        Raises:
            InvalidSubsetError: If there is no such backfill.
            InvariantViolationError: If it goes on, here or in another process.
        """
        __tracebackhide__ = True
        return doors.resume_backfill(
            self, backfill_id, max_parallel=max_parallel, instance=instance, resources=resources
        )

    def launchpad(self, target: Any = None) -> Any:
        """The form for a run's config, with a button that launches it.

        Args:
            target: A job or its name, else which assets to make, as in `launch`.

        Returns:
            A `Launchpad`; asked for again, it is the same and still holds what was typed.
        """
        return doors.open_session_launchpad(self, target)

    @classmethod
    @contextmanager
    def capture(cls) -> Iterator[Session]:
        """While it lasts, what is defined goes to a session of its own."""
        captured = cls()
        _active.append(captured)
        try:
            yield captured
        finally:
            _active.remove(captured)


def current_session() -> Session:
    """The session that definitions go to now: the kernel's, or one that captures."""
    return _active[-1]


def _hear(definition: Any, module: str) -> None:
    _active[-1].hear(definition, module)


session = Session()
_active = [session]
listen(_hear)
