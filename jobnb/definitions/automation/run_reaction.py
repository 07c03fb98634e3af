"""The reaction of a run status sensor to one run."""

from __future__ import annotations

from typing import Any

import msgspec


class RunReaction(msgspec.Struct, frozen=True):
    """The reaction of a run status sensor to one run.

    Attributes:
        dagster_run: The run.
        error: What its function raised, in words; None if nothing.
        run_status: The status that it was called for.

    Source: Dagster's `DagsterRunReaction`.
    """

    dagster_run: Any
    error: str | None = None
    run_status: str | None = None
