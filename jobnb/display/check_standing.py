"""How the checks of assets stand: what each said last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from jobnb.definitions.checks.asset_check import AssetCheckKey, AssetCheckSpec
from jobnb.definitions.keys import AssetKey
from jobnb.display.attempt import attempt
from jobnb.display.moments import has_history, moment
from jobnb.display.picture import NO_CHECKS, Checks, Status
from jobnb.display.run_marks import check_count, check_word

__all__ = ["CheckStanding", "check_standings"]


class CheckStanding(msgspec.Struct, frozen=True):
    """How one check stands.

    Attributes:
        name: Its name.
        word: `passed`, `failed`, `warned`, or `never run`.
        counts: The same as a count.
        time: When it last ran, in seconds since the epoch.
        run_id: The run that it ran in.
        blocking: Whether what is made from its asset waits for it.
        description: What it says must hold.
        said: What it said.
        partition: The partition that it looked at.
        metadata: What it told, as JSON.
    """

    name: str
    word: str = "never run"
    counts: Checks = NO_CHECKS
    time: float | None = None
    run_id: str = ""
    blocking: bool = False
    description: str = ""
    said: str = ""
    partition: str = ""
    metadata: dict[str, Any] = {}

    @property
    def status(self) -> Status:
        """The state whose colour and sign it is shown with."""
        return self.counts.status if self.counts.count else Status.NONE

    @property
    def when(self) -> str:
        """When it last ran."""
        return "" if self.time is None else moment(self.time)

    @property
    def words(self) -> str:
        """What it said, when, and of which partition, on one line."""
        of = f"partition {self.partition}" if self.partition else ""
        return ", ".join(filter(None, (self.word, of, self.when, self.said)))


def check_standings(
    session: Any, keys: Collection[AssetKey]
) -> dict[AssetKey, tuple[CheckStanding, ...]]:
    """How the checks of these assets stand; only of assets that have checks.

    The history is asked once, and only if there are checks and there is a history.
    """
    specs: dict[AssetKey, dict[AssetCheckKey, AssetCheckSpec]] = defaultdict(dict)
    for spec in _specs(session):
        if spec.asset_key in keys:
            specs[spec.asset_key][spec.key] = spec
    if not specs:
        return {}
    latest: Any = {}
    if has_history(session):
        read = session.instance.get_latest_asset_check_evaluations
        latest = attempt(lambda: read(sorted(specs)), latest)
    return {
        key: tuple(_standing(spec, latest.get(spec.key)) for spec in own.values())
        for key, own in specs.items()
    }


def _specs(session: Any) -> Iterator[AssetCheckSpec]:
    for kind in ("asset", "check"):
        for each in session.catalogue.definitions(kind):
            yield from getattr(each, "check_specs", ())


def _standing(spec: AssetCheckSpec, entry: Any) -> CheckStanding:
    about = (spec.description or "").strip()
    if entry is None:
        return CheckStanding(spec.name, blocking=spec.blocking, description=about)
    event = entry.dagster_event
    return CheckStanding(
        spec.name,
        check_word(event),
        check_count(event),
        entry.timestamp,
        entry.run_id,
        spec.blocking,
        about,
        event.description or "",
        event.partition or "",
        dict(event.metadata),
    )
