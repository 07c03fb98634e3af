"""What was last made of an asset, and what failed: versions and times, not whole events."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["Failed", "Made"]


class Made(msgspec.Struct, frozen=True, gc=False):
    """What is recorded of an asset, or of one of its partitions.

    Attributes:
        storage_id: The number of the event.
        run_id: The run that made it.
        time: When, in seconds since the epoch.
        partition: Which partition.
        tags: The tags of the event: its versions are among them.
    """

    storage_id: int
    run_id: str
    time: float
    partition: str | None
    tags: Mapping[str, str]


class Failed(msgspec.Struct, frozen=True, gc=False):
    """A step of a run that made assets, and failed.

    Attributes:
        step_key: The step.
        run_id: The run.
        time: When, in seconds since the epoch.
        error: The class of what was raised.
    """

    step_key: str
    run_id: str
    time: float
    error: str
