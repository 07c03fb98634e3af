"""Views of definitions with the session's knowledge and history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.display.asset_history import makings
from jobnb.display.asset_views import asset_job_view, asset_view, definitions_view, source_view
from jobnb.display.environment import attempt, has_history, known_session
from jobnb.display.noun_views import doc_line, job_view
from jobnb.display.picture import Mark
from jobnb.display.summaries import AssetSummary, summaries
from jobnb.display.view import View


def session_view(session: Any) -> View:
    """Return all that this kernel knows, and the status of each asset."""
    known: Definitions = session.snapshot()
    keys = [key for each in known.assets for key in each.keys]
    how = summaries(session, keys, [each.key for each in known.source_assets])
    made = {key: each.words for key, each in how.items()} if has_history(session) else {}
    return definitions_view(
        known,
        title="session",
        marks=_marks(how),
        made=made,
        checks={key: each.checks for key, each in how.items() if each.checks},
        parts=_parts(session),
    )


def _parts(session: Any) -> dict[str, str]:
    """Return the ops and graphs that jobs are put together from: noun and first line by name."""
    catalogue = session.catalogue
    return {
        each.name: f"{noun}{doc_line(each.description)}"
        for noun in ("graph", "op")
        for each in catalogue.definitions(noun)
    }


def known_asset_view(definition: AssetsDefinition) -> View:
    """Return an asset among the others that this kernel knows."""
    session = known_session()
    if session is None:
        return asset_view(definition)
    known: Definitions = session.snapshot()
    below = {
        k for each in known.assets if each.dependency_keys & definition.keys for k in each.keys
    }
    how = summaries(session, {*definition.keys, *definition.dependency_keys, *below})
    return asset_view(
        definition,
        around=known.assets,
        sources=known.source_assets,
        marks=_marks(how),
        checks={key: how[key].checks for key in sorted(definition.keys)},
        partitions={key: how[key].partition_words for key in definition.keys},
        stands={key: how[key].words for key in definition.keys if how[key].counts is None},
        past={key: past for key in sorted(definition.keys) if (past := makings(session, key))},
    )


def known_source_view(source: SourceAsset) -> View:
    """Return a source asset, with the checks that this kernel knows of it."""
    session = known_session()
    if session is None:
        return source_view(source)
    how = summaries(session, (), [source.key]).get(source.key)
    return source_view(source, how.checks if how is not None else ())


def _marks(how: Mapping[AssetKey, AssetSummary]) -> dict[str, Mark]:
    return {key.to_user_string(): each.mark for key, each in how.items()}


def known_job_view(job: AssetJobDefinition) -> View:
    """Return an asset job over the kernel's known assets; its selection if there are none."""
    session = known_session()
    known: Definitions | None = session.snapshot() if session is not None else None
    if known is None or not known.assets:
        return asset_job_view(job)
    view = attempt(
        lambda: job_view(
            job.resolve(known.assets, known.source_assets, asset_checks=known.asset_checks),
            session=session,
        ),
        None,
    )
    return asset_job_view(job) if view is None else view
