"""The catalogue: definitions by kind and name, and the cells that define them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from sys import _getframe
from types import FrameType, ModuleType
from typing import Any

from traitlets import HasTraits, Int

from jobnb.definitions.assets.asset_job import AssetJobDefinition
from jobnb.definitions.assets.asset_spec import AssetSpec
from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.observable_asset import ObservableAssets
from jobnb.definitions.assets.source_asset import SourceAsset
from jobnb.definitions.checks.asset_checks_definition import AssetChecksDefinition
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey, CoercibleToAssetKey
from jobnb.definitions.locations.definitions import Definitions, each_asset
from jobnb.definitions.ops.graph_definition import GraphDefinition
from jobnb.definitions.ops.op import OpDefinition
from jobnb.errors import InvalidDefinitionError, InvalidSubsetError, did_you_mean


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a notebook, at one execution.

    Attributes:
        id: What stays the same when the cell is run again; its text's hash where the front end
            sends no id.
        number: The number in its brackets, 0 if it has none.
        source_hash: The hash of its text.
    """

    id: str
    number: int
    source_hash: str

    def __str__(self) -> str:
        return f"cell [{self.number}]" if self.number else "a cell"


class CellWatch:
    """Follows the cells of an IPython shell.

    Args:
        on_start: Called with a cell before it runs.
        on_done: Called with a cell that ran without an error, when it is done.

    Attributes:
        done: The cell that was done last, with or without an error.
    """

    def __init__(self, on_start: Callable[[Cell], None], on_done: Callable[[Cell], None]) -> None:
        self._running: list[Cell] = []  # a cell can run another one
        self._on_start = on_start
        self._on_done = on_done
        self._shell: Any = None
        self.done: Cell | None = None

    @property
    def is_attended(self) -> bool:
        """Whether a person may have sent the cells: nbclient and others answer no questions.

        Such clients run a notebook for its outputs, which should be only what the cells display.
        """
        kernel = getattr(self._shell, "kernel", None)
        return self._shell is not None and bool(getattr(kernel, "_allow_stdin", True))

    @property
    def current(self) -> Cell | None:
        """The cell that runs now; None between cells."""
        return self._running[-1] if self._running else None

    def attach(self, shell: Any) -> None:
        """Follow this shell; doing it again changes nothing."""
        if self._shell is shell:
            return
        self.detach()
        self._shell = shell
        if _is_running():
            self._running.append(_running_cell(shell))
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)

    def detach(self) -> None:
        """Stop following."""
        if self._shell is not None:
            self._shell.events.unregister("pre_run_cell", self._before)
            self._shell.events.unregister("post_run_cell", self._after)
            self._shell = None
            self._running.clear()

    def _before(self, info: Any) -> None:
        digest = sha1((info.raw_cell or "").encode(), usedforsecurity=False).hexdigest()
        number = _next_number(self._shell) if info.store_history else 0
        cell = Cell(getattr(info, "cell_id", None) or digest, number, digest)
        self._running.append(cell)
        self._on_start(cell)

    def _after(self, result: Any) -> None:
        if not self._running:
            return
        cell = self.done = self._running.pop()
        if result.success:
            self._on_done(cell)


def _is_running() -> bool:
    """Whether a cell runs now: it is what imports jobnb, and may define things itself."""
    frame: FrameType | None = _getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "IPython.core.interactiveshell":
            return True
        frame = frame.f_back
    return False


def _inputs(shell: Any) -> list[str]:
    """Return the texts of the cells so far, at their numbers; empty where no history is kept."""
    history = getattr(shell, "history_manager", None)
    return list(getattr(history, "input_hist_raw", None) or ())


def _next_number(shell: Any) -> int:
    """Return the number of the cell that is about to run.

    Its text is not among the inputs yet, whereas `execution_count` is counted up before or after
    this moment, depending on the version of IPython.
    """
    return len(_inputs(shell)) or int(shell.execution_count)


def _running_cell(shell: Any) -> Cell:
    """Return the cell that runs already when the watch is attached, as far as it can be told."""
    texts = _inputs(shell) or [""]
    digest = sha1(str(texts[-1]).encode(), usedforsecurity=False).hexdigest()
    number = len(texts) - 1 or shell.execution_count
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell_id = (parent.get("metadata") or {}).get("cellId")
    return Cell(cell_id or digest, number, digest)


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
        from jobnb.code.reader import code_hash  # not for code that is loaded once

        return code_hash(node.compute_fn) if isinstance(node, OpDefinition) else ""

    @property
    def place(self) -> str:
        """The place of its code, as `cell 7` or a module; empty if unknown."""
        if self.cell is not None:
            return f"cell {self.cell.number}" if self.cell.number else "a cell"
        node = getattr(self.definition, "node_def", self.definition)
        module = getattr(getattr(node, "compute_fn", None), "__module__", None) or ""
        return "" if module == "__main__" else module


def kind_of(definition: Any) -> str | None:
    """Name the kind of a definition; None if it is nothing that is catalogued."""
    for cls, kind in _KINDS:
        if isinstance(definition, cls):
            return kind
    for kind in ("schedule", "sensor"):
        if type(definition).__name__.lower().endswith(f"{kind}definition"):
            return kind
    return None


def can_be_known(thing: Any) -> bool:
    """Return whether something is a definition that is cataloged, or expands to some."""
    return isinstance(thing, (ObservableAssets, AssetSpec)) or kind_of(thing) is not None


def names_of(definition: Any) -> list[str]:
    """List the names or keys under which a definition is catalogued."""
    if isinstance(definition, AssetChecksDefinition):
        return sorted(key.to_user_string() for key in definition.check_keys)
    keys = getattr(definition, "keys", None)
    if isinstance(keys, frozenset):
        return sorted(key.to_user_string() for key in keys)
    key = getattr(definition, "key", None)
    return [key.to_user_string()] if isinstance(key, AssetKey) else [definition.name]


_ALL_KINDS = ("asset", "check", "job", "graph", "op", "schedule", "sensor")


class Catalogue(HasTraits):
    """Definitions by kind and name; a later one of the same name replaces an earlier one.

    Attributes:
        version: Grows when a cell, or whoever adds and removes, has changed what is known.
        cells_done: How many cells were run without an error.
        resources: Resources by key.
        watch: Tells which cell runs now.
    """

    version = Int(0)
    cells_done = Int(0)

    def __init__(self) -> None:
        super().__init__()
        self.resources: dict[str, Any] = {}
        self.watch = CellWatch(self._cell_starts, self._cell_done)
        self._entries: dict[tuple[str, str], Entry] = {}
        self._executor: Any = None
        self._loggers: dict[str, Any] = {}
        self._last: tuple[dict[str, Any], Definitions] | None = None
        self._brought: dict[tuple[str, str], Cell | None] = {}
        self._defined_now: dict[str | None, set[tuple[str, str]]] = {}

    # --- what comes and goes ----------------------------------------------

    def hear(self, definition: Any, module: str) -> None:
        """Add a definition that was announced, if it was made in a notebook or script."""
        if module == "__main__":
            self.take(definition)

    def take(self, definition: Any) -> None:
        """Add a definition, or all those of a `Definitions`."""
        if isinstance(definition, Definitions):
            self._put_all(definition)
            return
        for each in each_asset([definition]):
            kind, cell = kind_of(each), self.watch.current
            for name in self.put(each, cell):
                self._note(str(kind), name)

    def _note(self, kind: str, name: str) -> None:
        cell = self.watch.current
        self._defined_now.setdefault(cell.id if cell else None, set()).add((kind, name))

    def _put_all(self, definitions: Definitions) -> None:
        if definitions.executor is not None:
            self._executor = definitions.executor
            self._bring("executor", "")
        for key, resource in definitions.resources.items():
            self.resources[key] = resource
            self._bring("resource", key)
        for name, logger in definitions.loggers.items():
            self._loggers[name] = logger
            self._bring("logger", name)
        for each in (
            *definitions.assets,
            *definitions.source_assets,
            *definitions.asset_checks,
            *definitions.jobs,
            *definitions.schedules,
            *definitions.sensors,
        ):
            if not self.holds(each):  # it stays with the cell that wrote it
                self.take(each)

    def _bring(self, kind: str, name: str) -> None:
        """Record the cell whose `Definitions` contains a resource, logger or executor."""
        self._brought[kind, name] = self.watch.current
        self._note(kind, name)

    def _take_back(self, kind: str, name: str) -> None:
        del self._brought[kind, name]
        if kind == "executor":
            self._executor = None
        else:
            (self.resources if kind == "resource" else self._loggers).pop(name, None)

    def add(self, *things: Any, resources: Mapping[str, Any] | None = None) -> None:
        """Add definitions that were not made in a cell; see `Session.add`."""
        self._add_all(things)
        self.resources.update(resources or {})
        self.version += 1

    def _add_all(self, things: Iterable[Any]) -> None:
        for each in things:
            if isinstance(each, (list, tuple, set, frozenset)):
                self._add_all(each)
            elif isinstance(each, ModuleType):
                self._add_module(each)
            elif isinstance(each, Definitions) or can_be_known(each):
                self.take(each)
            else:
                raise InvalidDefinitionError(
                    f"{each!r} is no definition. Add assets, ops, graphs, jobs, schedules, "
                    "sensors, Definitions, or a module of these."
                )

    def _add_module(self, module: ModuleType) -> None:
        for value in vars(module).values():
            several = isinstance(value, (list, tuple)) and len(value) > 0
            for each in value if several and all(map(can_be_known, value)) else [value]:
                if isinstance(each, Definitions) or can_be_known(each):
                    self.take(each)

    def remove(self, *names: CoercibleToAssetKey) -> None:
        """Remove definitions by name or key; see `Session.remove`."""
        for name in map(_in_words, names):
            if not [kind for kind in _ALL_KINDS if self._remove(kind, name)]:
                raise self._unknown(name)
        self.version += 1

    def clear(self) -> None:
        """Remove all definitions and resources."""
        self._entries.clear()
        self.resources.clear()
        self._loggers.clear()
        self._brought.clear()
        self._executor = None
        self.version += 1

    def _cell_starts(self, cell: Cell) -> None:
        # What an earlier, failed run of the cell had come to does not count.
        self._defined_now[cell.id] = set()

    def _cell_done(self, cell: Cell) -> None:
        """Remove the earlier definitions of a cell that its last execution did not repeat."""
        defined = self._defined_now.pop(cell.id, set())
        before = self.of_cell(cell.id)
        for entry in before:
            if (entry.kind, entry.name) not in defined:
                self._remove(entry.kind, entry.name)
        for (kind, name), owner in list(self._brought.items()):
            if owner is not None and owner.id == cell.id and (kind, name) not in defined:
                self._take_back(kind, name)
        if defined or before:
            self.version += 1
        self.cells_done += 1

    # --- what is known ----------------------------------------------------

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
        """Remove a name; an asset of a multi-asset takes the others along."""
        entry = self._entries.pop((kind, name), None)
        if entry is not None:
            for other in names_of(entry.definition):
                found = self._entries.get((kind, other))
                if found is not None and found.definition is entry.definition:
                    del self._entries[kind, other]

    def _remove(self, kind: str, name: str) -> bool:
        known = (kind, name) in self._entries
        self._drop(kind, name)
        return known

    def of_cell(self, cell_id: str) -> list[Entry]:
        """Return the definitions of a cell's last execution."""
        return [e for e in self._entries.values() if e.cell is not None and e.cell.id == cell_id]

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """Iterate over all entries of a kind, in the order of definition."""
        return iter([e for e in self._entries.values() if kind is None or e.kind == kind])

    def by_name(self, kind: str) -> Mapping[str, Entry]:
        """Return the entries of a kind by name."""
        return {entry.name: entry for entry in self.entries(kind)}

    def definitions(self, kind: str) -> list[Any]:
        """Return the definitions of a kind, each once."""
        return list({id(e.definition): e.definition for e in self.entries(kind)}.values())

    def snapshot(self) -> Definitions:
        """Return all definitions as they are now, frozen: cells run later change nothing in it."""
        parts = {
            "assets": self.definitions("asset"),
            "asset_checks": self.definitions("check"),
            "jobs": self.definitions("job"),
            "schedules": self.definitions("schedule"),
            "sensors": self.definitions("sensor"),
            "resources": dict(self.resources),
            "executor": self._executor,
            "loggers": dict(self._loggers),
        }
        # As long as nothing changes it is the same one: what was planned of it is kept with it.
        if self._last is None or not _are_same(self._last[0], parts):
            self._last = parts, Definitions.of(**parts)
        return self._last[1]

    def asset(self, key: CoercibleToAssetKey) -> AssetsDefinition:
        """Return the definition of an asset.

        Raises:
            InvalidSubsetError: If it is not known.
        """
        text = AssetKey.from_coercible(key).to_user_string()
        known = self.by_name("asset")
        if text in known:
            definition: AssetsDefinition = known[text].definition
            return definition
        hint = did_you_mean(text, known, noun="It knows")
        raise InvalidSubsetError(f"The session knows no asset {text!r}. {hint}".rstrip())

    @property
    def words(self) -> str:
        """The number of definitions of each kind, in words."""
        counts = [
            f"{len(found)} {kind}{'s' if len(found) > 1 else ''}"
            for kind in ("asset", "check", "job", "graph", "op")
            if (found := self.by_name(kind))
        ]
        return ", ".join(counts) or "nothing defined yet"

    def entry(self, name: Any) -> Entry:
        """Return a definition with where it was written: an asset by key, else a job, graph or op.

        Raises:
            InvalidSubsetError: If it is not known.
        """
        text = _in_words(name)
        for kind in _ALL_KINDS:
            found = self.by_name(kind).get(text)
            if found is not None:
                return found
        raise self._unknown(text)

    def _unknown(self, name: str) -> InvalidSubsetError:
        known = [entry.name for entry in self.entries()]
        hint = did_you_mean(name, known, noun="It knows")
        return InvalidSubsetError(f"The session knows no {name!r}. {hint}".rstrip())

    def place_of(self, key: Any) -> str:
        """Return the place of an asset's code, as `cell 7` or a module; empty if unknown."""
        entry = self.by_name("asset").get(AssetKey.from_coercible(key).to_user_string())
        return entry.place if entry is not None else ""

    def __len__(self) -> int:
        return len(self._entries)


def _in_words(name: CoercibleToAssetKey) -> str:
    """Return a name as it is, and the key of an asset in words."""
    return name if isinstance(name, str) else AssetKey.from_coercible(name).to_user_string()


def _are_same(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether these are the very same definitions, under the same names and in the same order."""
    return all(_flat(before[name]) == _flat(each) for name, each in now.items())


def _flat(several: Any) -> list[Any]:
    """Return the names and identities of what is in a list or dict."""
    if isinstance(several, dict):
        return [(name, id(each)) for name, each in several.items()]
    return list(map(id, several)) if isinstance(several, list) else [id(several)]
