"""A notebook as the function of an op or asset: executed in a kernel of its own."""

from __future__ import annotations

import asyncio
import os
import queue
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from jobnb.code.version import PYTHON, CodeHash
from jobnb.definitions.metadata_values import MetadataValue
from jobnb.definitions.user_events import Failure
from jobnb.errors import NotebookError
from jobnb.execution.stopping import here
from jobnb.notebook.cell_tags import tags_of
from jobnb.notebook.code_cells import plain_cells
from jobnb.notebook.exchange import StepFolder
from jobnb.notebook.outcome import CellOutcome, NotebookOutcome, Progress
from jobnb.notebook.parameter_source import parameter_source
from jobnb.notebook.parameters import insert
from jobnb.notebook.requested_run import RequestedRun, drop_old
from jobnb.storage.executed_notebook import ExecutedNotebook
from jobnb.storage.value_paths import safe_name

KERNEL_TAG = "jobnb/kernel"
"""The tag of a run that names the kernel of its notebooks."""
_TURN = 0.1  # seconds between two looks at how far it is


@dataclass(eq=False)
class NotebookFunction:
    """Executes a notebook; the function of the op or asset that it is.

    Args:
        name: The name of the op or asset.
        path: The notebook's file.
        results: The variables that it hands back.
        kernel: The kernel's name; the notebook's own if None.
        defaults: Its parameters as they were when it was defined; `...` if they are computed.
    """

    name: str
    path: Path
    results: Sequence[str] = ()
    kernel: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.__name__ = self.__qualname__ = self.name
        self.__doc__ = None

    def code_hash(self) -> str:
        """Return the hash of the code in its cells, as the file has them now."""
        try:
            _, cells = plain_cells(self.path)
        except NotebookError as error:
            return str(CodeHash(PYTHON, sha256(str(error).encode()).hexdigest()[:10]))
        code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        text = "\0".join(source.strip() for source in code if source.strip())
        return str(CodeHash(PYTHON, sha256(text.encode("utf-8", "replace")).hexdigest()[:10]))

    def code_cells(self) -> list[tuple[str, bool]]:
        """Return the code of its cells, and whether one is the cell of the parameters.

        Raises:
            NotebookError: If it cannot be read, or is not Python.
        """
        metadata, cells = plain_cells(self.path)
        spec = metadata.get("kernelspec") or {}
        language = str(spec.get("language") or "python")
        if language.lower() != "python":
            raise NotebookError(f"The cells of {self.path} are {language}: they do not run here.")
        code = [cell for cell in cells if cell["cell_type"] == "code" and cell["source"].strip()]
        place = next((each for each in code if "parameters" in tags_of(each)), None)
        return [(each["source"], each is place) for each in code]

    def __call__(self, context: Any, **inputs: Any) -> ExecutedNotebook:
        """Execute it for a step; returns the executed notebook with its results."""
        with tempfile.TemporaryDirectory(prefix="jobnb-", ignore_cleanup_errors=True) as folder:
            return StepExecution(self, context, StepFolder(folder)).run(inputs)


class StepExecution:
    """One execution of a notebook, for one attempt at a step.

    Args:
        function: The notebook's function.
        context: The context of the step.
        exchange: The folder of the step.
    """

    def __init__(self, function: NotebookFunction, context: Any, exchange: StepFolder) -> None:
        self._function, self._context, self._exchange = function, context, exchange
        self._progress: queue.SimpleQueue[tuple[int, int, str]] = queue.SimpleQueue()

    def run(self, inputs: Mapping[str, Any]) -> ExecutedNotebook:
        """Execute it.

        Raises:
            Failure: If a cell failed; the notebook as far as it came is kept.
        """
        from jobnb.notebook.document import dump_notebook, read_notebook
        from jobnb.notebook.kernel import choose_kernel, kernel_language

        node = read_notebook(self._function.path)
        drop_old(node)
        kernel = choose_kernel(
            node, self._context.run_tags.get(KERNEL_TAG) or self._function.kernel
        )
        self._inject(node, inputs, kernel_language(kernel))
        outcome = NotebookOutcome(self._function.path, node)
        try:
            self._execute(outcome, kernel)
        except BaseException:
            self._keep(dump_notebook(node))
            raise
        if not outcome.success:
            raise self._failure(outcome, self._keep(dump_notebook(node)))
        path, results = str(self._function.path), self._results()
        return ExecutedNotebook(dump_notebook(node), path, results, kernel)

    def _inject(self, node: Any, inputs: Mapping[str, Any], language: str) -> None:
        """Insert the config and the inputs after the cell tagged `parameters`.

        Raises:
            NotebookError: If the kernel's language cannot take them, or hand results back.
        """
        if self._function.results and language != "python":
            raise NotebookError(
                f"The kernel of {self._function.name!r} is of {language}: only one of Python can "
                f"hand back {', '.join(map(repr, self._function.results))}. Write a file and read "
                "it downstream, or choose a kernel of Python."
            )
        config = self._context.bound_step.config or {}
        if hasattr(config, "model_dump"):
            config = config.model_dump()
        if not isinstance(config, Mapping):
            raise NotebookError(
                f"The config of the notebook {self._function.name!r} is {config!r}: give fields "
                "by name, which become its parameters."
            )
        raw, defaults = self._raw_config(), self._function.defaults
        # What is a default is left to the notebook, whose cell may have been edited since.
        values = {
            name: value
            for name, value in config.items()
            if name in raw or name not in defaults or value != defaults[name]
        }
        if "partition_key" in defaults and self._context.has_partition_key:
            values.setdefault("partition_key", self._context.partition_key)
        source = parameter_source(values, raw, inputs, self._exchange, language)
        if source:
            insert(node, source)

    def _raw_config(self) -> Mapping[str, Any]:
        """Return its config as it was given, which names variables of the environment."""
        place: Any = self._context.run_config.get("ops") or {}
        for name in str(self._context.op_handle).split("."):
            place = place.get(name, {}) if isinstance(place, Mapping) else {}
            place = place.get("ops", place) if "ops" in place else place
        raw = place.get("config") if isinstance(place, Mapping) else None
        return raw if isinstance(raw, Mapping) else {}

    def _results(self) -> dict[str, Any]:
        results = self._exchange.results()
        for name in self._function.results:
            if name not in results:
                raise self._exchange.missing(name)
        return results

    # --- the kernel -----------------------------------------------------------------

    def _execute(self, outcome: NotebookOutcome, kernel: str) -> None:
        """Execute it in a thread of its own, and log its progress meanwhile."""
        from jobnb.notebook.cell_execution import BackgroundWork, Limits, NotebookExecution

        aside = BackgroundWork(self._variables(), *self._code_around())
        execution = NotebookExecution(
            outcome, RequestedRun(), Limits(), _Cells(self._progress), aside
        )
        thread = _Thread(execution, kernel)
        thread.start()
        try:
            while not thread.ended.wait(_TURN):
                self._pass_on()
        except BaseException:
            here().hold(self._give_up, execution, thread)
            raise
        self._pass_on()
        if thread.error is not None:
            raise thread.error

    def _code_around(self) -> tuple[str, str]:
        """Return the code to execute before the first and after the last cell."""
        names = self._function.results
        return "", self._exchange.taking(names) if names else ""

    def _variables(self) -> dict[str, str]:
        home = self._context.instance.home
        return {} if home is None else {"JOBNB_HOME": str(Path(home).absolute())}

    @staticmethod
    def _give_up(execution: Any, thread: _Thread) -> None:
        """Interrupt the running cell, and end the kernel."""
        execution.stop()
        thread.join()

    def _pass_on(self) -> None:
        """Log what cells have ended since the last look, and report the progress."""
        while not self._progress.empty():
            number, cells, words = self._progress.get()
            self._context.log.debug("Cell %d of %d: %s", number, cells, words)
            if cells:
                self._context.report_progress(number, cells, "cells")

    # --- what is kept of a failure ----------------------------------------------------

    def _keep(self, text: str) -> Path:
        """Write the notebook as far as it came, where the run's values are."""
        context = self._context
        folder = Path(context.instance.storage_directory(), context.run_id)
        folder = folder / safe_name(context.step_key)
        folder.mkdir(parents=True, exist_ok=True)
        again = f"-{context.retry_number}" if context.retry_number else ""
        path = folder / f"{safe_name(self._function.path.stem)}{again}.ipynb"
        beside = path.with_name(f".{path.name}-{os.getpid()}")
        marked = ExecutedNotebook(text, str(self._function.path)).stored_text()
        beside.write_text(marked or text, encoding="utf-8")  # with the mark it can be pruned
        beside.replace(path)
        return path

    @staticmethod
    def _failure(outcome: NotebookOutcome, kept: Path) -> Failure:
        """Return the error of the step: what the failed cell raised."""
        cell = outcome.failed_cell
        error = cell.error if cell is not None else None
        trace = f"\n{error.traceback}" if error is not None and error.traceback else ""
        place = {"cell": f"[{cell.number}] {cell.label}"} if cell is not None else {}
        return Failure(
            f"{outcome.problem}{trace}\nThe notebook as far as it came: {kept}",
            {**place, "notebook": MetadataValue.notebook(kept)},
        )


class _Thread(threading.Thread):
    """Executes a notebook in an event loop of its own."""

    def __init__(self, execution: Any, kernel: str) -> None:
        super().__init__(name="jobnb notebook", daemon=True)
        self._execution, self._kernel = execution, kernel
        self.ended = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._execution.run(self._kernel))
        except BaseException as error:  # noqa: BLE001 - it is raised where the step waits
            self.error = error
        finally:
            self.ended.set()


class _Cells(Progress):
    """Counts the cells; the step passes the counts on from its own thread."""

    def __init__(self, told: queue.SimpleQueue[tuple[int, int, str]]) -> None:
        self._told, self._cells = told, 0

    def began(self, name: str, cells: int) -> None:
        """Handle the start of the notebook."""
        self._cells = cells
        self._told.put((0, cells, name))

    def cell_ended(self, cell: CellOutcome) -> None:
        """Handle the end of a cell."""
        self._told.put((cell.number, self._cells, f"{cell.label} {cell.status.value}"))
