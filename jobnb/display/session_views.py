"""How things look with what the session and its history know of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jobnb.definitions.asset_job import AssetJobDefinition
from jobnb.definitions.assets_definition import AssetsDefinition
from jobnb.definitions.definitions import Definitions
from jobnb.definitions.keys import AssetKey
from jobnb.display.asset_views import asset_job_view, asset_view, definitions_view
from jobnb.display.attempt import attempt
from jobnb.display.noun_views import doc_line, job_view
from jobnb.display.picture import Mark, Status
from jobnb.display.view import View

__all__ = [
    "has_history",
    "known_asset_view",
    "known_job_view",
    "made_marks",
    "moment",
    "session_view",
]


def session_view(session: Any) -> View:
    """All that this kernel knows, and when each asset was last made."""
    known: Definitions = session.snapshot()
    times = _made(session, [key for each in known.assets for key in each.keys])
    made = {key: moment(time) for key, time in times.items()}
    parts = _parts(session)
    return definitions_view(known, title="session", marks=made_marks(times), made=made, parts=parts)


def _parts(session: Any) -> dict[str, str]:
    """The ops and graphs that jobs are put together from: noun and first line by name."""
    catalogue = session.catalogue
    return {
        each.name: f"{noun}{doc_line(each.description)}"
        for noun in ("graph", "op")
        for each in catalogue.definitions(noun)
    }


def known_asset_view(definition: AssetsDefinition) -> View:
    """An asset among the others that this kernel knows."""
    session = _session()
    if session is None:
        return asset_view(definition)
    known: Definitions = session.snapshot()
    times = _made(session, {*definition.keys, *definition.dependency_keys})
    return asset_view(
        definition, around=known.assets, sources=known.source_assets, marks=made_marks(times)
    )


def known_job_view(job: AssetJobDefinition) -> View:
    """An asset job over the assets that this kernel knows; its selection where there are none."""
    session = _session()
    known: Definitions | None = session.snapshot() if session is not None else None
    if known is None or not known.assets:
        return asset_job_view(job)
    view = attempt(lambda: job_view(job.resolve(known.assets, known.source_assets)), None)
    return asset_job_view(job) if view is None else view


def _session() -> Any:
    """The session of this kernel, if there is one; a look at something does not make one."""
    module = sys.modules.get("jobnb.registry.session")
    return attempt(module.current_session, None) if module is not None else None


def _made(session: Any, keys: Iterable[AssetKey]) -> Mapping[AssetKey, float]:
    """When each asset was last made, in seconds since the epoch; nothing without a history."""
    if not has_history(session):
        return {}
    return attempt(lambda: _last_times(session.instance, list(keys)), {})


def has_history(session: Any) -> bool:
    """Whether there is a history: a look at something does not make its folder."""
    home = getattr(session, "home", None) or os.environ.get("JOBNB_HOME") or ".jobnb"
    return Path(home).expanduser().exists()


def _last_times(instance: Any, keys: list[AssetKey]) -> dict[AssetKey, float]:
    latest = instance.get_latest_materialization_events(keys)
    return {key: entry.timestamp for key, entry in latest.items() if entry is not None}


def made_marks(times: Mapping[AssetKey, float]) -> dict[str, Mark]:
    """The marks of assets that have been made."""
    return {
        key.to_user_string(): Mark(Status.SUCCEEDED, f"made {moment(time)}")
        for key, time in times.items()
    }


def moment(time: float) -> str:
    """A time as people here read it; short for today."""
    moment, now = datetime.fromtimestamp(time).astimezone(), datetime.now().astimezone()
    same_day = moment.date() == now.date()
    return moment.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M")
