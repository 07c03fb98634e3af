"""The past materializations of an asset: metadata, plots of its numbers, runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from jobnb.definitions.keys import AssetKey
from jobnb.display.environment import attempt, history_of
from jobnb.display.html import EMPTY, Html, code, join, table, tag
from jobnb.display.metadata import entry_text, metadata_html
from jobnb.display.text import moment, shorten

if TYPE_CHECKING:
    from jobnb.storage.instance import Instance

Points = list[tuple[float, float]]
_MOST_READ, _MOST_SHOWN, _MOST_PLOTS = 200, 10, 8
_WIDE, _HIGH, _EDGE = 240, 48, 5


class PastMaterialization(msgspec.Struct, frozen=True):
    """One materialization of an asset.

    Attributes:
        time: When, in seconds since the epoch.
        run_id: The run that materialized it.
        partition: The partition; empty if the asset has none.
        metadata: The metadata, in its JSON form.
    """

    time: float
    run_id: str
    partition: str
    metadata: Mapping[str, Any]


def makings(session: Any, key: AssetKey) -> list[PastMaterialization]:
    """Return the last materializations of an asset, the latest first; none without a history."""
    instance = history_of(session)
    nothing: list[PastMaterialization] = []
    return attempt(lambda: _read(instance, key), nothing) if instance is not None else nothing


def _read(instance: Instance, key: AssetKey) -> list[PastMaterialization]:
    from jobnb.events import EventType
    from jobnb.storage.records import EventRecordsFilter

    wanted = EventRecordsFilter(EventType.ASSET_MATERIALIZATION, asset_key=key)
    return [
        PastMaterialization(
            record.timestamp,
            record.run_id,
            record.partition_key or "",
            getattr(record.event_log_entry.dagster_event, "metadata", {}),
        )
        for record in instance.get_event_records(wanted, limit=_MOST_READ)
    ]


def plots(past: Sequence[PastMaterialization]) -> dict[str, Points]:
    """Return the numbers in the metadata over time, oldest first, if there are at least two."""
    found: dict[str, Points] = {}
    for making in reversed(past):
        for label, entry in making.metadata.items():
            number = _number(entry)
            if number is not None:
                found.setdefault(str(label), []).append((making.time, number))
    told = [(label, points) for label, points in found.items() if len(points) > 1]
    return dict(told[:_MOST_PLOTS])


def _number(entry: Any) -> float | None:
    """Return the number of a metadata entry; None if it is no finite number."""
    if not isinstance(entry, Mapping) or entry.get("type") not in ("int", "float"):
        return None
    value = attempt(lambda: float(entry["value"]), None)
    return value if value is not None and isfinite(value) else None


def past_parts(past: Sequence[PastMaterialization]) -> list[tuple[str, Html]]:
    """Return the parts of a page for past materializations: metadata, plots, runs."""
    if not past:
        return []
    return [
        ("Last metadata", metadata_html(past[0].metadata) if past[0].metadata else EMPTY),
        ("Metadata over time", join([_plot(*each) for each in plots(past).items()])),
        ("Runs", _runs(past)),
    ]


def _runs(past: Sequence[PastMaterialization]) -> Html:
    parted = any(making.partition for making in past)
    rows = [
        [moment(each.time), code(each.run_id[:8]), *([each.partition] if parted else [])]
        for each in past[:_MOST_SHOWN]
    ]
    return table(["made", "run", *(["partition"] if parted else [])], rows)


def _plot(label: str, points: Points) -> Html:
    """Draw a line through the numbers, with the last of them."""
    low, high = min(y for _, y in points), max(y for _, y in points)
    began, ended = points[0][0], points[-1][0]
    line = " ".join(
        f"{_between(x, began, ended, _WIDE):.1f},{_HIGH - _between(y, low, high, _HIGH):.1f}"
        for x, y in points
    )
    x, y = line.rpartition(" ")[2].split(",")
    words = f"{label}: {_short(low)} to {_short(high)}, last {_short(points[-1][1])}"
    drawn = tag(
        "svg",
        tag("polyline", points=line, css="jn-plot-line"),
        tag("circle", cx=x, cy=y, r="3", css="jn-plot-last"),
        viewBox=f"0 0 {_WIDE} {_HIGH}",
        width=str(_WIDE),
        height=str(_HIGH),
        role="img",
        aria_label=shorten(words, 200),
    )
    said = tag("figcaption", tag("strong", shorten(label, 60)), f" {_short(points[-1][1])}")
    span = tag("div", f"{_short(low)} to {_short(high)}, {len(points)} times", css="jn-muted")
    return tag("figure", said, drawn, span, css="jn-plot")


def _short(number: float) -> str:
    whole = number.is_integer() and abs(number) < 1e15
    return entry_text(
        {"type": "int" if whole else "float", "value": int(number) if whole else number}
    )


def _between(value: float, low: float, high: float, room: int) -> float:
    """Return where a number is between two others, with some room at both ends."""
    share = 0.5 if high == low else value / (high - low) - low / (high - low)
    return _EDGE + share * (room - 2 * _EDGE)
