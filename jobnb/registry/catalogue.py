"""What is known by name: entries that replace each other and remember their cell."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.assets.asset_spec import AssetSpec
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.observable_asset import ObservableAssets
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.registry.cells import Cell
from jobnb.registry.code_hash import code_hash

__all__ = ["Catalogue", "Entry", "kind_of"]

_KINDS: tuple[tuple[type, str], ...] = (
    (AssetsDefinition, "asset"),
    (SourceAsset, "asset"),
    (OpDefinition, "op"),
    (GraphDefinition, "graph"),
    (AssetChecksDefinition, "check"),
    (JobDefinition, "job"),
    (AssetJobDefinition, "job"),
)


@dataclass(eq=False)
class Entry:
    """A definition, and where it was written.

    Attributes:
        kind: asset, check, op, graph, job, schedule or sensor.
        name: Its name or key in words.
        definition: What was written.
        cell: The cell that wrote it, or None outside of cells.
        defined_at: Seconds since the epoch.
    """

    kind: str
    name: str
    definition: Any
    cell: Cell | None
    defined_at: float = field(default_factory=time.time)

    @property
    def code_hash(self) -> str:
        """The hash of its function's code as it is now; empty where there is no one function."""
        node = getattr(self.definition, "node_def", self.definition)
        return code_hash(node.compute_fn) if isinstance(node, OpDefinition) else ""

    @property
    def place(self) -> str:
        """Where it was written, in words: `cell 7`, or a module; empty if nobody knows."""
        if self.cell is not None:
            return f"cell {self.cell.number}" if self.cell.number else "a cell"
        node = getattr(self.definition, "node_def", self.definition)
        module = getattr(getattr(node, "compute_fn", None), "__module__", None) or ""
        return "" if module == "__main__" else module


def kind_of(definition: Any) -> str | None:
    """What a definition is, in a word; None if it is nothing that is catalogued."""
    for cls, kind in _KINDS:
        if isinstance(definition, cls):
            return kind
    for kind in ("schedule", "sensor"):
        if type(definition).__name__.lower().endswith(f"{kind}definition"):
            return kind
    return None


def can_be_known(thing: Any) -> bool:
    """Whether something is a definition that is catalogued, or stands for some."""
    return isinstance(thing, (ObservableAssets, AssetSpec)) or kind_of(thing) is not None


def names_of(definition: Any) -> list[str]:
    """The names or keys under which a definition is known."""
    if isinstance(definition, AssetChecksDefinition):
        return sorted(key.to_user_string() for key in definition.check_keys)
    keys = getattr(definition, "keys", None)
    if isinstance(keys, frozenset):
        return sorted(key.to_user_string() for key in keys)
    key = getattr(definition, "key", None)
    return [key.to_user_string()] if isinstance(key, AssetKey) else [definition.name]


class Catalogue:
    """Definitions by kind and name; a later one of the same name takes the place of an earlier."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}

    def put(self, definition: Any, cell: Cell | None) -> list[str]:
        """Add a definition, or let it take the place of the one of its name."""
        kind = kind_of(definition)
        if kind is None:
            return []
        names = names_of(definition)
        for name in names:
            self._drop(kind, name)
        for name in names:
            self._entries[kind, name] = Entry(kind, name, definition, cell)
        return names

    def holds(self, definition: Any) -> bool:
        """Whether this very object is known under all its names."""
        kind = kind_of(definition)
        found = [self._entries.get((str(kind), name)) for name in names_of(definition)]
        return all(each is not None and each.definition is definition for each in found)

    def _drop(self, kind: str, name: str) -> None:
        """Forget a name; an asset made together with others takes them along."""
        entry = self._entries.pop((kind, name), None)
        if entry is not None:
            for other in names_of(entry.definition):
                found = self._entries.get((kind, other))
                if found is not None and found.definition is entry.definition:
                    del self._entries[kind, other]

    def remove(self, kind: str, name: str) -> bool:
        """Forget a name; tells whether it was known."""
        known = (kind, name) in self._entries
        self._drop(kind, name)
        return known

    def of_cell(self, cell_id: str) -> list[Entry]:
        """What a cell wrote last."""
        return [e for e in self._entries.values() if e.cell is not None and e.cell.id == cell_id]

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """All entries of a kind, in the order of definition."""
        return iter([e for e in self._entries.values() if kind is None or e.kind == kind])

    def by_name(self, kind: str) -> Mapping[str, Entry]:
        """The entries of a kind by name."""
        return {entry.name: entry for entry in self.entries(kind)}

    def definitions(self, kind: str) -> list[Any]:
        """The definitions of a kind, each once."""
        return list({id(e.definition): e.definition for e in self.entries(kind)}.values())

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
