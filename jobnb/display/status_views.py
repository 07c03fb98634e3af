"""Views of the status of assets: missing, stale and why, fresh, failed."""

from __future__ import annotations

from jobnb.display.html import Html, badge, code, header, join, table, tag
from jobnb.display.palette import SIGNS
from jobnb.display.summaries import SHOWN_AS
from jobnb.display.text import counted, moment, table_text
from jobnb.display.view import View
from jobnb.staleness.causes import AssetStatus, AssetStatuses, StaleStatus

_MOST_ROWS, _MOST_NOTES = 300, 30


def status_view(status: AssetStatus) -> View:
    """Return the view of one asset's status, with the reasons."""
    name = status.key.to_user_string() + (f"[{status.partition}]" if status.partition else "")
    made = f"made {moment(status.made)}" if status.made else "never made"
    why = [tag("li", reason) for reason in status.reasons if reason != made]
    html = join(
        [
            header(name, "asset", SHOWN_AS[status.status], made),
            tag("ul", *why) if why else None,
            _notes(list(map(str, status.notes))),
        ]
    )
    text = "\n".join([status.line, *map(str, status.notes)])
    return View(f"status of {name}", text, html)


def statuses_view(statuses: AssetStatuses) -> View:
    """Return the view of several assets' status, one on a line."""
    notes = [
        f"{key.to_user_string()}: {note}" for key, each in statuses.blind.items() for note in each
    ]
    if not statuses:
        words = statuses.empty
        html = join([tag("p", words), _notes(notes)])
        return View("status", "\n".join([words, *notes]), html)
    shown = list(statuses.values())[:_MOST_ROWS]
    left = len(statuses) - len(shown)
    more = f"… {counted(left, 'more asset')}" if left else ""
    titles = ["asset", "status", "made", "why"]
    counts = ", ".join(
        f"{count} {each.value}"
        for each in StaleStatus
        if (count := sum(status.status is each for status in statuses.values()))
    )
    html = join(
        [
            header("assets", note=counts),
            table(titles, [_cells(each) for each in shown]),
            tag("div", more, css="jn-muted") if more else None,
            _notes(notes),
        ]
    )
    lines = [counts, table_text(titles, [_words(each) for each in shown]), more, *notes]
    return View("status", "\n".join(line for line in lines if line), html)


def _notes(notes: list[str]) -> Html | None:
    """Return what the versions of code do not cover; it makes nothing stale."""
    shown = [tag("li", note) for note in notes[:_MOST_NOTES]]
    left = len(notes) - len(shown)
    shown += [tag("li", f"… {counted(left, 'more note')}")] if left else []
    return tag("ul", *shown, css="jn-muted") if shown else None


def _cells(status: AssetStatus) -> list[Html | str]:
    name, word, made, why = _words(status)
    sign = SHOWN_AS[status.status]
    is_sign = SIGNS[sign] and status.word == status.status.value
    return [code(name), badge(sign) if is_sign else word, made, why]


def _words(status: AssetStatus) -> list[str]:
    name = status.key.to_user_string() + (f"[{status.partition}]" if status.partition else "")
    made = moment(status.made) if status.made else ""
    if status.word != status.status.value:
        return [name, status.word, made, ""]
    sign = SIGNS[SHOWN_AS[status.status]]
    return [name, f"{sign} {status.word}".strip(), made, "; ".join(status.reasons)]
