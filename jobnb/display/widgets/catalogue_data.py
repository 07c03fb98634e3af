"""The rows of the catalogue: assets, jobs, parts and resources as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.definitions.ops.inout import DEFAULT_GROUP
from jobnb.display.asset_pictures import asset_kind, asset_type, made_with, source_kind
from jobnb.display.asset_views import counts_words
from jobnb.display.automation_times import launching_rows
from jobnb.display.check_views import checks_words
from jobnb.display.noun_views import doc_line, resource_words
from jobnb.display.picture import Status
from jobnb.display.summaries import NEVER, AssetSummary
from jobnb.display.text import moment, shorten

Row = dict[str, Any]
_WORDS = {Status.NONE: "never made", Status.SUCCEEDED: "fresh", Status.FAILED: "failed"}


def contents(session: Any, known: Definitions) -> dict[str, Any]:
    """Return all but the assets: counts in words, jobs, ops and graphs, automation, resources."""
    return {
        "counts": counts_words(known),
        "jobs": [_job(job) for job in known.jobs],
        "parts": list(_parts(session)),
        "automation": list(_automation(known)),
        "resources": [
            {"name": name, "words": [str(word) for word in resource_words(value) if word]}
            for name, value in known.resources.items()
        ],
    }


def asset_rows(known: Definitions, summaries: Mapping[AssetKey, AssetSummary]) -> list[Row]:
    """Return one row per asset, by group in the order of definition; sources at the end."""
    rows = [
        {
            "key": key.to_user_string(),
            "group": definition.group_names_by_key.get(key, DEFAULT_GROUP),
            "kind": asset_kind(key, definition),
            "type": asset_type(key, definition),
            "together": [] if definition.can_subset else made_with(key, definition),
            "doc": _first_line(definition.descriptions_by_key.get(key)),
            **summary_json(summaries.get(key, NEVER)),
        }
        for definition in known.assets
        for key in sorted(definition.keys)
    ]
    rows.sort(key=lambda row: str(row["group"]))
    return rows + [
        _source(source, summaries.get(source.key, NEVER)) for source in known.source_assets
    ]


def _source(source: Any, summary: AssetSummary) -> Row:
    return {
        "key": source.key.to_user_string(),
        "group": source.group_name,
        "kind": source_kind(source),
        "type": "",
        "doc": _first_line(source.description),
        "status": "none",
        "word": "source",
        "made": "",
        "checks": _checks(summary),
        "source": True,
    }


def summary_json(summary: AssetSummary) -> Row:
    """Return the status of an asset, as its row shows it."""
    counts = summary.counts
    word = counts.words if counts else _WORDS.get(summary.status, summary.status.value)
    why = "" if counts else summary.error or "; ".join(summary.reasons[:1])
    return {
        "status": summary.status.value,
        "word": f"{word}: {why}" if why else word,
        "more": summary.partition_words,
        "made": moment(summary.made) if summary.made else "",
        "time": summary.made,
        "checks": _checks(summary),
    }


def _checks(summary: AssetSummary) -> Row | None:
    """Return the last results of an asset's checks: a state, a short word, and details in words."""
    if not summary.checks:
        return None
    counts = summary.check_counts
    return {
        "status": counts.status.value if counts.count else "none",
        "short": counts.short if counts.count else "not checked",
        "noun": "check" if counts.count == 1 else "checks",
        "words": "checks: " + checks_words(summary.checks),
        "names": [each.name for each in summary.checks],
    }


def _job(job: Any) -> Row:
    about_assets = getattr(job, "selection", None) is not None or getattr(job, "asset_layer", None)
    return {
        "name": job.name,
        "noun": "asset job" if about_assets else "job",
        "doc": _first_line(job.description),
    }


def _parts(session: Any) -> Iterator[Row]:
    """Iterate over the ops and graphs that jobs are put together from."""
    for noun in ("graph", "op"):
        for entry in session.catalogue.entries(noun):
            cell = str(entry.cell) if entry.cell else ""
            doc = _first_line(entry.definition.description)
            yield {"name": entry.name, "noun": noun, "doc": doc, "cell": cell}


def _automation(known: Definitions) -> Iterator[Row]:
    for noun, name, cron in launching_rows(known):
        yield {"name": name, "noun": noun, "doc": cron}


def _first_line(description: str | None) -> str:
    return shorten(doc_line(description).removeprefix(" - "), 120)
