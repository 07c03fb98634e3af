"""How assets stand, read from the history: made when and with what, or failed since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.display.attempt import attempt
from jobnb.display.metadata import entry_text
from jobnb.display.picture import Mark, Status
from jobnb.display.session_views import has_history, moment
from jobnb.events import AssetPlanned, EventType, StepFailed
from jobnb.state import RunStatus

__all__ = ["Standing", "standings"]

_LATEST_RUNS = 20


class Standing(msgspec.Struct, frozen=True):
    """How one asset stands.

    Attributes:
        status: `NONE` if it was never made, else whether its last attempt succeeded.
        made: When it was last made, in seconds since the epoch.
        run_id: The run that made it, or failed to.
        error: What kind of error the last attempt failed with.
        metadata: What is known of what was made: label and text.
    """

    status: Status = Status.NONE
    made: float | None = None
    run_id: str = ""
    error: str = ""
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def mark(self) -> Mark:
        """What its card shows."""
        if self.status is Status.FAILED:
            return Mark(self.status, self.error)
        return Mark(self.status, f"made {moment(self.made)}") if self.made else Mark()


NEVER = Standing()


def standings(session: Any, keys: Iterable[AssetKey]) -> dict[AssetKey, Standing]:
    """How each asset stands; without a history, as if none was ever made."""
    wanted = list(keys)
    found = dict.fromkeys(wanted, NEVER)
    if has_history(session):
        nothing: dict[AssetKey, Standing] = {}
        found |= attempt(lambda: _read(session.instance, wanted), nothing)
    return found


def _read(instance: Any, keys: list[AssetKey]) -> dict[AssetKey, Standing]:
    made = {
        key: _made(entry)
        for key, entry in instance.get_latest_materialization_events(keys).items()
        if entry is not None
    }
    nothing: dict[AssetKey, Standing] = {}
    return made | attempt(lambda: _failed(instance, set(keys), made), nothing)


def _made(entry: Any) -> Standing:
    event = entry.dagster_event
    shown = tuple((label, entry_text(value)) for label, value in event.metadata.items())
    return Standing(Status.SUCCEEDED, entry.timestamp, entry.run_id, metadata=shown)


def _failed(
    instance: Any, keys: Collection[AssetKey], made: Mapping[AssetKey, Standing]
) -> dict[AssetKey, Standing]:
    """The assets whose last attempt failed; only the latest runs are looked at."""
    found: dict[AssetKey, Standing] = {}
    seen: set[AssetKey] = set()
    for run in instance.get_runs(limit=_LATEST_RUNS):
        if run.status is not RunStatus.FAILURE:
            continue
        for key, failure in _failures(instance, run.run_id):
            before = made.get(key, NEVER)
            if key in keys and key not in seen and failure.time > (before.made or 0.0):
                found[key] = msgspec.structs.replace(
                    before,
                    status=Status.FAILED,
                    run_id=run.run_id,
                    error=failure.error.cls_name,
                )
            seen.add(key)
    return found


def _failures(instance: Any, run_id: str) -> Iterable[tuple[AssetKey, StepFailed]]:
    kinds = {EventType.ASSET_MATERIALIZATION_PLANNED, EventType.STEP_FAILURE}
    events = [entry.dagster_event for entry in instance.all_logs(run_id, kinds)]
    failed = {event.step_key: event for event in events if isinstance(event, StepFailed)}
    for event in events:
        if isinstance(event, AssetPlanned) and event.step_key in failed:
            yield AssetKey(event.asset), failed[event.step_key]
