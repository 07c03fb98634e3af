"""How things look with what the session and its history know of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.display.asset_views import asset_job_view, asset_view, definitions_view
from jobnb.display.attempt import attempt
from jobnb.display.moments import has_history
from jobnb.display.noun_views import doc_line, job_view
from jobnb.display.picture import Mark
from jobnb.display.standing import Standing, standings
from jobnb.display.view import View

__all__ = [
    "known_asset_view",
    "known_job_view",
    "session_view",
]


def session_view(session: Any) -> View:
    """All that this kernel knows, and how each asset stands."""
    known: Definitions = session.snapshot()
    how = standings(session, [key for each in known.assets for key in each.keys])
    made = {key: each.words for key, each in how.items()} if has_history(session) else {}
    parts = _parts(session)
    return definitions_view(known, title="session", marks=_marks(how), made=made, parts=parts)


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
    how = standings(session, {*definition.keys, *definition.dependency_keys})
    return asset_view(
        definition, around=known.assets, sources=known.source_assets, marks=_marks(how)
    )


def _marks(how: Mapping[AssetKey, Standing]) -> dict[str, Mark]:
    return {key.to_user_string(): each.mark for key, each in how.items()}


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
