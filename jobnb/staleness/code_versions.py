"""The version of the code that makes an asset: the one given, else the hash of its function."""

from __future__ import annotations

from typing import Any

from jobnb.code.reader import CodeReader
from jobnb.code.version import CodeHash, CodeNote
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.node import NodeDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.plan.select import graph_without

__all__ = ["CodeVersions", "code_change"]


class CodeVersions:
    """Code versions as they are now: functions that several assets use are read once.

    Of an asset made by a graph, all ops inside and their wiring count, but for those that only
    check what it makes. Resources do not, but for
    the classes of one's own that a parameter is annotated with: a resource is how the outside is
    reached, and another host or token makes no other data. Who wants it to count, gives
    `code_version`.
    """

    def __init__(self) -> None:
        self._reader = CodeReader()
        self._known: dict[int, tuple[NodeDefinition, str]] = {}

    def of(self, assets: AssetsDefinition, key: AssetKey) -> tuple[str, bool]:
        """The version of the code that makes one of the assets, and whether somebody gave it."""
        given = _given_version(assets, key)
        return (given, True) if given is not None else (self._hash(assets), False)

    def notes(self, assets: AssetsDefinition, key: AssetKey) -> tuple[CodeNote, ...]:
        """What the version of an asset's code does not tell; nothing if somebody gave it."""
        if _given_version(assets, key) is not None:
            return ()
        return self._reader.notes(_read(assets))

    def _hash(self, assets: AssetsDefinition) -> str:
        node = assets.node_def
        found = self._known.get(id(node))
        if found is None:
            found = self._known[id(node)] = (node, self._reader.version(_read(assets)))
        return found[1]


def _read(assets: AssetsDefinition) -> Any:
    """The function that makes assets, or the part of a graph that does."""
    node = assets.node_def
    if isinstance(node, OpDefinition):
        return node.function.fn
    checks = assets.check_specs_by_output_name
    return graph_without(node, checks) if checks and isinstance(node, GraphDefinition) else node


def _given_version(assets: AssetsDefinition, key: AssetKey) -> str | None:
    """The version that somebody gave: a promise that the same version makes the same value."""
    node = assets.node_def
    if isinstance(node, OpDefinition) and len(node.given_outs) == 1:  # as it mostly is
        (out,) = node.given_outs.values()
        return out.code_version or node.version
    return assets.code_versions_by_key.get(key)


def code_change(recorded: str, now: str, place: str) -> str:
    """What has changed between two code versions, in words.

    Args:
        recorded: The version that made the asset.
        now: The version that is defined.
        place: Where it is defined, as `cell 7`; empty if nobody knows.

    Example:
        >>> code_change("v1", "v2", "cell 7")
        "code version changed in cell 7: 'v1' -> 'v2'"
        >>> code_change("py311-0123456789", "py311-0123456789-2.9876543210", "cell 7")
        'what the code in cell 7 uses changed'
    """
    old, new = CodeHash.read(recorded), CodeHash.read(now)
    where = f" in {place}" if place else ""
    if old is None or new is None:
        from_to = f"{_given(recorded, old)} -> {_given(now, new)}"
        return f"code version changed{where}: {from_to}"
    if old.python != new.python:
        return f"made with {_python(old)}, this is {_python(new)}"
    if old.own != new.own:
        return f"code changed{where}"
    if old.used and old.reading != new.reading:
        return f"made by another version of jobnb, which read what the code{where} uses differently"
    return f"what the code{where} uses changed"


def _given(text: str, found: CodeHash | None) -> str:
    return repr(text) if found is None else "none given"


def _python(version: CodeHash) -> str:
    digits = version.python.removeprefix("py")
    return f"Python {digits[0]}.{digits[1:]}"
