"""The config that an asset is made with: as it is recorded, and how it differs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.node import NodeDefinition
from jobnb.staleness.tags import CONFIG, CONFIG_VERSION, GIVEN_CONFIG

__all__ = ["config_change", "config_tags", "config_version", "given_config", "takes_config"]

_LONG = 4_000
_MOST = 3
_NOTHING = object()


def takes_config(node: NodeDefinition) -> bool:
    """Whether an op takes config, or one inside of a graph."""
    if isinstance(node, GraphDefinition) and node.config_mapping is None:
        return any(takes_config(each.definition) for each in node.nodes)
    return getattr(node, "config_schema", None) is not None


def config_tags(node: NodeDefinition, given: Any) -> dict[str, str]:
    """What is recorded of the config of an asset.

    Args:
        node: The op or graph that makes it.
        given: The entry of the run config that is for it, secrets by name.
    """
    if not takes_config(node):
        return {}
    text = _json(_complete(node, given))
    tags = {CONFIG_VERSION: config_version(text)}
    said = _json(given) if given else ""
    if len(text) + len(said) <= _LONG:
        tags |= {CONFIG: text} | ({GIVEN_CONFIG: said} if said else {})
    return tags


def config_version(text: str) -> str:
    """The version of a config that is written as JSON."""
    return sha256(text.encode()).hexdigest()[:16]


def given_config(tags: Mapping[str, str]) -> Any:
    """What the run that made an asset gave as its config."""
    return json.loads(tags[GIVEN_CONFIG]) if GIVEN_CONFIG in tags else None


def _complete(node: NodeDefinition, given: Any) -> Any:
    """The config of a node with defaults filled in, in the shape of the run config."""
    from jobnb.config import completed

    entry = given if isinstance(given, Mapping) else {}
    if isinstance(node, GraphDefinition) and node.config_mapping is None:
        ops = entry.get("ops") or {}
        inner = {each.name: each.definition for each in node.nodes}
        return {
            name: _complete(each, ops.get(name))
            for name, each in sorted(inner.items())
            if takes_config(each)
        }
    schema = getattr(node, "config_schema", None)
    return completed(schema, entry.get("config"))


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


# --- in words -------------------------------------------------------------


def config_change(recorded: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What has changed between two configs, in words; a secret is told by its name alone.

    Example:
        >>> config_change({CONFIG: '{"year":2013}'}, {CONFIG: '{"year":2014}'})
        'config changed: year 2013 -> 2014'
    """
    if CONFIG not in recorded or CONFIG not in now:
        return "config changed"
    old, new = json.loads(recorded[CONFIG]), json.loads(now[CONFIG])
    changes = [
        f"{path or 'value'} {_short(before)} -> {_short(after)}"
        for path, before, after in _changes("", old, new)
    ]
    more = f" and {len(changes) - _MOST} more" if len(changes) > _MOST else ""
    return f"config changed: {', '.join(changes[:_MOST])}{more}"


def _changes(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if old == new:
        return
    if not (isinstance(old, dict) and isinstance(new, dict)) or _variable(old) or _variable(new):
        yield path, old, new
        return
    for name in dict.fromkeys((*old, *new)):
        below = f"{path}.{name}" if path else str(name)
        yield from _changes(below, old.get(name, _NOTHING), new.get(name, _NOTHING))


def _variable(value: Any) -> str | None:
    name = value.get("env") if isinstance(value, dict) and len(value) == 1 else None
    return name if isinstance(name, str) else None


def _short(value: Any) -> str:
    if value is _NOTHING:
        return "not given"
    name = _variable(value)
    if name is not None:
        return name if name == "a secret" else f"variable {name}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"
