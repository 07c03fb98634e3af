"""A notebook of dagstermill as the function of an op or asset: its kernel knows the step."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobnb.definitions.ops.output import Output
from jobnb.errors import NotebookError
from jobnb.execution.run import RunScope, current_run
from jobnb.execution.worker import told_here, worker_setup_of
from jobnb.notebook.exchange import StepFolder
from jobnb.notebook.notebook_step import NotebookFunction, StepExecution
from jobnb.notebook.parameter_source import input_lines
from jobnb.notebook.parameters import insert
from jobnb.notebook.step_in_kernel import FOLDER_VARIABLE, StepAttempt, ToldByKernel

# Its notebooks import dagster and dagstermill, which mean jobnb while jobnb executes them.
_BEFORE = "from jobnb import dagster_compat\ndagster_compat.install()\ndel dagster_compat"
_CONTEXT = (
    "# Injected parameters\nfrom jobnb import dagstermill_compat as dagstermill\n"
    "context = dagstermill.get_context()"
)
_AFTER = (
    "from jobnb.notebook.step_in_kernel import close_step as _close_step\n"
    "_close_step()\ndel _close_step"
)


@dataclass(eq=False)
class DagstermillFunction(NotebookFunction):
    """Executes a notebook of dagstermill; yields the outputs of its op or asset.

    Args:
        notebook_output: The output that is the executed notebook; None if none is.
        resource_keys: The resources that the notebook reads.
    """

    notebook_output: str | None = None
    resource_keys: Sequence[str] = ()

    def __call__(self, context: Any, **inputs: Any) -> Iterator[Output[Any]]:  # type: ignore[override]
        """Execute it for a step; yields the executed notebook and what it yielded itself."""
        with tempfile.TemporaryDirectory(prefix="jobnb-", ignore_cleanup_errors=True) as folder:
            execution = _DagstermillExecution(self, context, StepFolder(folder))
            done = execution.run(inputs)
            if self.notebook_output is not None:
                yield Output(done.text.encode("utf-8"), self.notebook_output)
            for name in self.results:
                if name in done.results:
                    yield Output(done.results[name], name)
            end = execution.told.end()
        if end is not None:
            raise end


class _DagstermillExecution(StepExecution):
    """One execution, in a kernel that has the step's context."""

    def __init__(self, function: DagstermillFunction, context: Any, exchange: StepFolder) -> None:
        super().__init__(function, context, exchange)
        self.told = ToldByKernel(exchange.folder)
        scope = current_run.get()
        assert scope is not None, "a notebook is executed by a step"
        assert scope.attempt is not None, "a notebook is executed by a step"
        self._scope: RunScope = scope
        self._resource_keys = function.resource_keys

    def _inject(self, node: Any, inputs: Mapping[str, Any], language: str) -> None:
        """Put the context and the inputs in the place of the cell tagged `parameters`.

        Raises:
            NotebookError: If the kernel is not one of Python.
        """
        if language != "python":
            raise NotebookError(
                f"The kernel of {self._function.name!r} is of {language}: only one of Python can "
                "have the context of the step. notebook_op runs it with parameters."
            )
        assert self._scope.attempt is not None
        step, key, mapping_key, retries = self._scope.attempt
        attempt = StepAttempt(
            step.index,
            key,
            mapping_key,
            retries,
            self._resource_keys,
            list(self._function.results),
            step.assets_def is not None,
        )
        self.told.prepare(worker_setup_of(self._scope, None), attempt)
        lines = [_CONTEXT, *input_lines(inputs, self._exchange)]
        insert(node, "\n".join(lines), replaces=True)

    def _results(self) -> dict[str, Any]:
        """Return what it yielded; whether all came that must is told as with any op."""
        return self._exchange.results()

    def _code_around(self) -> tuple[str, str]:
        return _BEFORE, _AFTER

    def _variables(self) -> dict[str, str]:
        """Return what tells the kernel its step, and where this process finds modules."""
        of_python = (sys.prefix, sys.base_prefix)
        own = [str(Path(each).absolute()) for each in sys.path if not each.startswith(of_python)]
        return {
            **super()._variables(),
            FOLDER_VARIABLE: str(self._exchange.folder),
            "PYTHONPATH": os.pathsep.join(own),
        }

    def _pass_on(self) -> None:
        super()._pass_on()
        for event in self.told.events():
            self._scope.append(told_here(self._scope, event))
