"""The text shown when the pointer is over a card: documentation, type, group, config, cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.display.config_fields import field_rows
from jobnb.display.environment import attempt, known_session
from jobnb.display.palette import WORDS
from jobnb.display.picture import Card, Status
from jobnb.display.summaries import AssetSummary
from jobnb.display.text import moment, shorten

About = Callable[[str], list[tuple[str, str]]]
_MOST_MEMBERS = 12


def about_card(card: Card, more: About | None = None) -> dict[str, Any]:
    """Return the facts of a card, as the front end shows them.

    Args:
        card: The card.
        more: Tells label and text of facts, by the key of the card.
    """
    facts = list(_own(card))
    if more is not None and not card.members:
        facts += attempt(lambda: more(card.key), [])
    doc = "" if card.members else card.tooltip
    return {"doc": doc, "facts": [[label, text] for label, text in facts if text]}


def held_words(statuses: Iterable[Status]) -> str:
    """Describe how many of the cards in a folded one have which status.

    Example:
        >>> held_words([Status.FAILED, Status.SUCCEEDED, Status.SUCCEEDED, Status.NONE])
        '2 succeeded, 1 failed, 1 other'
    """
    counts = Counter(WORDS[status] or "other" for status in statuses)
    if set(counts) == {"other"}:
        return ""
    return ", ".join(f"{many:,} {word}" for word, many in counts.most_common())


def _own(card: Card) -> list[tuple[str, str]]:
    if card.members:
        shown = ", ".join(card.members[:_MOST_MEMBERS])
        left = len(card.members) - _MOST_MEMBERS
        return [("holds", f"{shown} and {left:,} more" if left > 0 else shown)]
    facts = [("kind", card.kind), ("type", card.subtitle), ("in", " › ".join(card.group))]
    return facts if card.key == card.title else [("key", card.key), *facts]


Facts = list[tuple[str, str]]
_MOST_FIELDS = 8
_MOST_CHECKS = 8
_MOST_NOTES = 5


def asset_facts(
    assets: Mapping[AssetKey, AssetsDefinition],
    summaries: Mapping[AssetKey, AssetSummary],
    session: Any = None,
) -> About:
    """Return the facts of an asset's card.

    Args:
        assets: The definition of each asset.
        summaries: The status of each; read again when asked, so it may change.
        session: Knows the cells.
    """

    def tell(name: str) -> Facts:
        key = AssetKey.from_user_string(name)
        definition = assets.get(key)
        return [
            *(_definition_facts(key, definition) if definition is not None else []),
            *_made_facts(summaries.get(key)),
            *_code_facts(summaries.get(key)),
            *_check_facts(summaries.get(key)),
            *_cell_facts(session, "asset", name),
        ]

    return tell


def _definition_facts(key: AssetKey, definition: AssetsDefinition) -> Facts:
    partitions = definition.partitions_def
    return [
        ("config", _config(definition.node_def)),
        ("owners", ", ".join(definition.owners_by_key.get(key) or ())),
        ("partitions", shorten(repr(partitions), 120) if partitions is not None else ""),
    ]


def _check_facts(summary: AssetSummary | None) -> Facts:
    """Return the last results of the checks, one per line."""
    checks = summary.checks if summary is not None else ()
    lines = [f"{each.name}: {shorten(each.words, 100)}" for each in checks[:_MOST_CHECKS]]
    left = len(checks) - _MOST_CHECKS
    return [("checks", "\n".join([*lines, *([f"… {left} more"] if left > 0 else [])]))]


def _made_facts(summary: AssetSummary | None) -> Facts:
    told = summary.partition_words if summary is not None else ""
    if summary is None or summary.made is None:
        return [("last made", "never"), ("partitions made", told)]
    return [
        ("partitions made", told),
        ("stale", "\n".join(summary.reasons)),
        ("last made", f"{moment(summary.made)}, run {summary.run_id[:8]}"),
        *((label, shorten(text, 80)) for label, text in summary.metadata[:6]),
    ]


def _code_facts(summary: AssetSummary | None) -> Facts:
    """Return what the code version does not cover, by kind."""
    notes = summary.notes if summary is not None else ()
    found: dict[str, list[str]] = {}
    for note in notes:
        found.setdefault(note.kind, []).append(shorten(note.words, 120))
    return [
        (kind, "\n".join([*lines[:_MOST_NOTES], *(["…"] if len(lines) > _MOST_NOTES else [])]))
        for kind, lines in found.items()
    ]


def op_facts(graph: GraphDefinition, session: Any = None) -> About:
    """Return the facts of an op's card in the picture of a graph."""

    def tell(name: str) -> Facts:
        node = _node(graph, name)
        if node is None:
            return []
        return [("config", _config(node)), *_cell_facts(session, "op", node.name)]

    return tell


def _node(graph: GraphDefinition, path: str) -> OpDefinition[..., Any] | None:
    """Return the op at a path as `load.read`."""
    found: Any = graph
    for part in path.split("."):
        nodes = {node.name: node.definition for node in getattr(found, "nodes", ())}
        found = nodes.get(part)
    return found if isinstance(found, OpDefinition) else None


def _config(node: Any) -> str:
    """Return the config fields, one a line."""
    schema = attempt(lambda: node.config_schema if isinstance(node, OpDefinition) else None, None)
    rows = field_rows(schema) if schema is not None else []
    lines = [
        f"{row.path}: {shorten(row.kind, 60)}"
        + (" (required)" if row.required else f" = {row.default}" if row.default else "")
        for row in rows[:_MOST_FIELDS]
    ]
    left = len(rows) - _MOST_FIELDS
    return "\n".join([*lines, *([f"… {left} more"] if left > 0 else [])])


def _cell_facts(session: Any, kind: str, name: str) -> Facts:
    session = session or known_session()
    if session is None:
        return []
    entry = session.catalogue.by_name(kind).get(name)
    cell = entry.cell if entry is not None else None
    return [("written in", str(cell))] if cell is not None else []
