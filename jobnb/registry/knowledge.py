"""What a session knows: definitions that come and go with the cells that make them."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Self

from traitlets import Int, Unicode
from traitlets.config import Configurable

from jobnb.definitions.assets.assets_definition import AssetsDefinition
from jobnb.definitions.assets.defined_assets import each_asset
from jobnb.definitions.jobs.job_definition import JobDefinition
from jobnb.definitions.keys import AssetKey
from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import InvalidDefinitionError, InvalidSubsetError, did_you_mean
from jobnb.registry.catalogue import Catalogue, Entry, can_be_known, kind_of
from jobnb.registry.cells import Cell, CellWatch

__all__ = ["Knowledge"]


class Knowledge(Configurable):
    """Definitions by name, resources, and where the history is; see `Session`."""

    home = Unicode(
        None, allow_none=True, help="The folder of the history; $JOBNB_HOME or .jobnb if not set."
    ).tag(config=True)
    version = Int(
        0, help="Grows when a cell, or whoever adds and removes, has changed what is known."
    )

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.catalogue = Catalogue()
        self.resources: dict[str, Any] = {}
        self.watch = CellWatch(self._cell_starts, self._cell_done)
        self._executor: Any = None
        self._loggers: dict[str, Any] = {}
        self._brought: dict[tuple[str, str], Cell | None] = {}
        self._defined_now: dict[str | None, set[tuple[str, str]]] = {}

    # --- what comes and goes ----------------------------------------------

    def hear(self, definition: Any, module: str) -> None:
        """Take in a definition that was announced, if it was made in a notebook or script."""
        if module == "__main__":
            self._put(definition)

    def _put(self, definition: Any) -> None:
        if isinstance(definition, Definitions):
            self._put_all(definition)
            return
        for each in each_asset([definition]):
            kind, cell = kind_of(each), self.watch.current
            for name in self.catalogue.put(each, cell):
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
            if not self.catalogue.holds(each):  # it stays with the cell that wrote it
                self._put(each)

    def _bring(self, kind: str, name: str) -> None:
        """Remember which cell's `Definitions` brought a resource, logger or executor."""
        self._brought[kind, name] = self.watch.current
        self._note(kind, name)

    def _take_back(self, kind: str, name: str) -> None:
        del self._brought[kind, name]
        if kind == "executor":
            self._executor = None
        else:
            (self.resources if kind == "resource" else self._loggers).pop(name, None)

    def add(self, *things: Any, resources: Mapping[str, Any] | None = None) -> Self:
        """Make definitions known that were not made in a cell.

        Args:
            *things: Definitions, `Definitions` objects, lists of these, or modules that hold them.
            resources: Resources by key.

        Returns:
            The session itself.

        Raises:
            InvalidDefinitionError: If something is no definition.
        """
        for each in things:
            if isinstance(each, (list, tuple, set, frozenset)):
                self.add(*each)
            elif isinstance(each, ModuleType):
                self._add_module(each)
            elif isinstance(each, Definitions) or can_be_known(each):
                self._put(each)
            else:
                raise InvalidDefinitionError(
                    f"{each!r} is no definition. Add assets, ops, graphs, jobs, schedules, "
                    "sensors, Definitions, or a module of these."
                )
        self.resources.update(resources or {})
        self.version += 1
        return self

    def _add_module(self, module: ModuleType) -> None:
        for value in vars(module).values():
            several = isinstance(value, (list, tuple)) and len(value) > 0
            for each in value if several and all(map(can_be_known, value)) else [value]:
                if isinstance(each, Definitions) or can_be_known(each):
                    self._put(each)

    def remove(self, *names: str) -> Self:
        """Forget definitions by name or key.

        Raises:
            InvalidSubsetError: If one is not known.
        """
        kinds = ("asset", "check", "job", "graph", "op", "schedule", "sensor")
        for name in names:
            removed = [kind for kind in kinds if self.catalogue.remove(kind, name)]
            if not removed:
                known = [entry.name for entry in self.catalogue.entries()]
                hint = did_you_mean(name, known, noun="It knows")
                raise InvalidSubsetError(f"The session knows no {name!r}. {hint}".rstrip())
        self.version += 1
        return self

    def clear(self) -> Self:
        """Forget all definitions and resources; the history stays."""
        self.catalogue.clear()
        self.resources.clear()
        self._loggers.clear()
        self._brought.clear()
        self._executor = None
        self.version += 1
        return self

    def _cell_starts(self, cell: Cell) -> None:
        # What an earlier, failed run of the cell had come to does not count.
        self._defined_now[cell.id] = set()

    def _cell_done(self, cell: Cell) -> None:
        """Forget what the cell had defined before and does not define any more."""
        defined = self._defined_now.pop(cell.id, set())
        before = self.catalogue.of_cell(cell.id)
        for entry in before:
            if (entry.kind, entry.name) not in defined:
                self.catalogue.remove(entry.kind, entry.name)
        for (kind, name), owner in list(self._brought.items()):
            if owner is not None and owner.id == cell.id and (kind, name) not in defined:
                self._take_back(kind, name)
        if defined or before:
            self.version += 1

    def attach(self, shell: Any) -> None:
        """Follow the cells of an IPython shell, and its configuration."""
        self.parent = shell
        self.watch.attach(shell)

    # --- what it knows ----------------------------------------------------

    def snapshot(self) -> Definitions:
        """All definitions as they are now, frozen: cells run later change nothing in it."""
        return Definitions.of(
            assets=self.catalogue.definitions("asset"),
            asset_checks=self.catalogue.definitions("check"),
            jobs=self.catalogue.definitions("job"),
            schedules=self.catalogue.definitions("schedule"),
            sensors=self.catalogue.definitions("sensor"),
            resources=dict(self.resources),
            executor=self._executor,
            loggers=dict(self._loggers),
        )

    @property
    def definitions(self) -> Definitions:
        """All definitions as they are now, frozen."""
        return self.snapshot()

    def entry(self, name: Any) -> Entry:
        """A definition with where it was written: an asset by key, else a job, graph or op.

        Raises:
            InvalidSubsetError: If it is not known.
        """
        text = name if isinstance(name, str) else AssetKey.from_coercible(name).to_user_string()
        for kind in ("asset", "check", "job", "graph", "op", "schedule", "sensor"):
            found = self.catalogue.by_name(kind).get(text)
            if found is not None:
                return found
        known = [entry.name for entry in self.catalogue.entries()]
        hint = did_you_mean(text, known, noun="It knows")
        raise InvalidSubsetError(f"The session knows no {text!r}. {hint}".rstrip())

    def asset(self, key: Any) -> AssetsDefinition:
        """The definition of an asset.

        Raises:
            InvalidSubsetError: If it is not known.
        """
        text = AssetKey.from_coercible(key).to_user_string()
        known = self.catalogue.by_name("asset")
        if text in known:
            definition: AssetsDefinition = known[text].definition
            return definition
        hint = did_you_mean(text, known, noun="It knows")
        raise InvalidSubsetError(f"The session knows no asset {text!r}. {hint}".rstrip())

    def job(self, name: str) -> JobDefinition:
        """The job called so, with the session's assets and resources.

        Raises:
            InvalidSubsetError: If there is none.
        """
        return self.snapshot().get_job_def(name)

    def __repr__(self) -> str:
        counts = [
            f"{len(found)} {kind}{'s' if len(found) > 1 else ''}"
            for kind in ("asset", "check", "job", "graph", "op")
            if (found := self.catalogue.by_name(kind))
        ]
        return f"<session: {', '.join(counts) or 'nothing defined yet'}>"
