"""Views of checks: one with its last results, and those of assets as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.checks.asset_check import AssetCheckKey, AssetCheckSpec
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.display.config_fields import fields_html
from jobnb.display.environment import attempt, history_of, known_session
from jobnb.display.html import EMPTY, Html, badge, code, header, join, pairs, table, tabs, tag
from jobnb.display.metadata import json_metadata, metadata_html
from jobnb.display.noun_views import doc_html, doc_line, op_resources, words
from jobnb.display.picture import NO_CHECKS, Status
from jobnb.display.run_marks import check_status, check_word
from jobnb.display.summaries import CheckSummary, check_summaries
from jobnb.display.text import counted, moment, shorten
from jobnb.display.view import View
from jobnb.events import AssetCheckEvaluated
from jobnb.markdown import plain

if TYPE_CHECKING:
    from jobnb.storage.records import EventLogRecord

_LATELY = 20
_MOST_ROWS = 300


def own_checks(definition: AssetsDefinition) -> dict[AssetKey, list[CheckSummary]]:
    """Return the checks that an asset's function evaluates itself, as never run."""
    found: dict[AssetKey, list[CheckSummary]] = {}
    for spec in definition.check_specs:
        own = CheckSummary(
            spec.name, blocking=spec.blocking, description=plain(spec.description or "")
        )
        found.setdefault(spec.asset_key, []).append(own)
    return found


def checks_words(checks: Sequence[CheckSummary]) -> str:
    """Describe the status of an asset's checks on one line, with the number never run."""
    never = sum(each.time is None for each in checks)
    told = sum((each.counts for each in checks), NO_CHECKS).words
    return ", ".join(filter(None, (told, f"{never} never run" if never else "")))


def checks_html(checks: Mapping[AssetKey, Sequence[CheckSummary]]) -> Html:
    """Return checks with their last results; with the assets if there are several."""
    several = sum(bool(own) for own in checks.values()) > 1
    rows = [
        [
            *([code(key.to_user_string())] if several else []),
            code(each.name),
            badge(each.status, each.word) if each.status is not Status.NONE else each.word,
            each.when,
            "blocking" if each.blocking else "",
            join([shorten(each.said or each.description, 400), _facts(each.metadata)], " "),
        ]
        for key, own in checks.items()
        for each in own
    ]
    titles = [*(["asset"] if several else []), "check", "", "last run", "", ""]
    left = len(rows) - _MOST_ROWS
    more = tag("div", f"… {counted(left, 'more check')}", css="jn-muted") if left > 0 else None
    return join([table(titles, rows[:_MOST_ROWS]), more]) if rows else EMPTY


def _facts(metadata: Mapping[str, Any]) -> Html:
    return metadata_html(dict(metadata)) if metadata else EMPTY


def check_view(definition: AssetChecksDefinition) -> View:
    """Return the view of a check: its asset, condition, whether it blocks, and last result."""
    specs = definition.check_specs
    session = known_session()
    title = ", ".join(each.key.to_user_string() for each in specs)
    html = join(
        [
            header(specs[0].name if len(specs) == 1 else definition.name, _noun(specs)),
            doc_html(definition.description),
            pairs(_about(definition)),
            tabs(
                [
                    ("Checks", _stand(session, specs) if len(specs) > 1 else EMPTY),
                    ("Lately", _lately(session, specs[0]) if len(specs) == 1 else EMPTY),
                    ("Config", fields_html(attempt(lambda: definition.op.config_schema, None))),
                    ("Resources", words(op_resources(definition))),
                    ("Metadata", join(_metadata(specs))),
                ],
                open_=1,
            ),
        ]
    )
    text = "\n".join(_lines(definition, session))
    return View(f"{_noun(specs)} {title}", text, html)


def _noun(specs: Sequence[AssetCheckSpec]) -> str:
    return "asset check" if len(specs) == 1 else "asset checks"


def _about(definition: AssetChecksDefinition) -> dict[str, Any]:
    checked = [key.to_user_string() for key in sorted(definition.asset_keys)]
    others = definition.dependency_keys - definition.asset_keys
    facts: dict[str, Any] = {"checks": words(checked[:_LATELY])}
    if others:
        facts["also needs"] = words(key.to_user_string() for key in sorted(others))
    blocking = [each.name for each in definition.check_specs if each.blocking]
    if blocking:
        all_block = len(blocking) == len(definition.check_specs)
        which = "yes" if all_block else ", ".join(blocking)
        facts["blocking"] = f"{which}: what is made from the asset waits for it"
    return facts


def _metadata(specs: Iterable[AssetCheckSpec]) -> list[Html]:
    return [metadata_html(json_metadata(each.metadata)) for each in specs if each.metadata]


def _stand(session: Any, specs: Sequence[AssetCheckSpec]) -> Html:
    return checks_html(_summary(session, specs))


def _summary(session: Any, specs: Sequence[AssetCheckSpec]) -> dict[AssetKey, list[CheckSummary]]:
    """Return the status of checks from the session; without one, as never run."""
    names = {each.key for each in specs}
    found: dict[AssetKey, list[CheckSummary]] = {}
    if session is not None:
        for key, own in check_summaries(session, {each.asset_key for each in specs}).items():
            found[key] = [each for each in own if AssetCheckKey(key, each.name) in names]
    for spec in specs:
        known = found.setdefault(spec.asset_key, [])
        if spec.name not in {each.name for each in known}:
            known.append(CheckSummary(spec.name, blocking=spec.blocking))
    return found


def _lately(session: Any, spec: AssetCheckSpec) -> Html:
    """Return the results of the check in its last runs."""
    instance = history_of(session) if session is not None else None
    if instance is None:
        return EMPTY
    read = instance.get_asset_check_evaluation_records
    nothing: Sequence[EventLogRecord] = ()
    records = attempt(lambda: read(spec.key, limit=_LATELY), nothing)
    entries = [each.event_log_entry for each in records]
    rows = [
        [
            badge(check_status(event), check_word(event)),
            moment(event.time),
            event.partition or "",
            code(entry.run_id[:8]),
            join([shorten(plain(event.description or ""), 400), _facts(event.metadata)], " "),
        ]
        for entry in entries
        if isinstance(event := entry.dagster_event, AssetCheckEvaluated)
    ]
    return table(["", "when", "partition", "run", ""], rows) if rows else EMPTY


def _lines(definition: AssetChecksDefinition, session: Any) -> Iterable[str]:
    specs = definition.check_specs
    name = specs[0].key.to_user_string() if len(specs) == 1 else definition.name
    yield f"{_noun(specs)} {name}{doc_line(definition.description)}"
    for key, own in _summary(session, specs).items():
        for each in own:
            block = " (blocking)" if each.blocking else ""
            yield f"  {key.to_user_string()}:{each.name}{block}: {each.words}"
