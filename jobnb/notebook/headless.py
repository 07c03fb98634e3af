"""Execute a notebook without a front end, follow its runs, and write the outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jobnb.errors import NotebookError
from jobnb.notebook.document import check_writable, dump_notebook, read_notebook, write_whole
from jobnb.notebook.outcome import NotebookOutcome, Progress
from jobnb.notebook.outputs import LIMIT
from jobnb.notebook.parameters import inject
from jobnb.notebook.requested_run import RequestedRun, drop_old


def execute_notebook(
    path: str | Path,
    *,
    output: str | Path | None = None,
    html: str | Path | None = None,
    junit: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    allow_extra_parameters: bool = False,
    kernel_name: str | None = None,
    timeout: float | None = None,
    cell_timeout: float | None = None,
    allow_errors: bool = False,
    output_limit: int = LIMIT,
    job: str | None = None,
    selection: str | None = None,
    config: Mapping[str, Any] | None = None,
    partition: str | Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> NotebookOutcome:
    """Execute a notebook in a kernel of its own, in the notebook's folder.

    The outputs are written even if a cell fails. A run that a cell starts is stored in the history
    at `$JOBNB_HOME`, else in `.jobnb` beside the notebook.

    Args:
        path: The notebook, or a `.py` file of cells that begin with `# %%`; it is not changed,
            unless `output` names it too.
        output: The path for the executed notebook.
        html: The path for a page that needs no Jupyter.
        junit: The path for the cells and steps as JUnit XML, which CI systems show as tests.
        parameters: Values to insert after the cell tagged `parameters`.
        allow_extra_parameters: Whether to insert parameters that this cell does not assign, too.
        kernel_name: The kernel; the notebook's own if not given.
        timeout: Seconds for the whole execution.
        cell_timeout: Seconds for each cell.
        allow_errors: Whether cells may fail.
        output_limit: How many characters are kept of what a cell prints on a stream, half of them
            from the beginning and half from the end. Of pictures and other rich outputs a cell
            keeps ten times as much, and at most 1,000.
        job: A job to run in the same kernel after the last cell.
        selection: Assets to materialize after the last cell; with `job`, only these of the job's.
        config: The raw run config of that run.
        partition: The partition of that run; or several, keys and ranges `first...last`.
        tags: Tags of that run.
        progress: Receives the progress.

    Returns:
        The outcome; `success` is true if everything succeeded.

    Raises:
        NotebookError: If the request is invalid: no such notebook or kernel, a bad parameter,
                a path that cannot be written. Nothing was executed then.
    """
    started = time.monotonic()
    source = Path(path)
    requested = RequestedRun(job, selection, config, _one_or_some(partition), dict(tags or {}))
    node = read_notebook(source)
    # Imported here: the notebook libraries are slow to import.
    from jobnb.notebook.cell_execution import Limits, NotebookExecution
    from jobnb.notebook.kernel import choose_kernel, kernel_language

    for target in (output, html, junit):
        if target is not None:
            check_writable(target)
    if output is not None and Path(output).suffix in (".py", ".md"):
        raise NotebookError(f"{output} cannot be written: what was executed is an .ipynb file.")
    language = kernel_language(choose_kernel(node, kernel_name))
    notes = inject(node, parameters or {}, allow_extra=allow_extra_parameters, language=language)
    drop_old(node)
    if requested and language != "python":
        raise NotebookError(
            f"The kernel of {source} is of {language}: {requested.title} needs one of Python. Name "
            "it: --kernel python3."
        )
    if requested:
        requested.refuse_unknown(node)
        node.cells.append(requested.cell())
    outcome = NotebookOutcome(source, node, notes=notes)
    limits = Limits(timeout, cell_timeout, allow_errors, output_limit)
    _run(NotebookExecution(outcome, requested, limits, progress or Progress()), kernel_name)
    outcome.seconds = time.monotonic() - started
    try:
        _write(outcome, output, html, junit)
    finally:
        (progress or Progress()).ended(outcome)
    return outcome


def _one_or_some(partition: str | Sequence[str] | None) -> str | list[str] | None:
    """Return a partition alone, or several."""
    if partition is None or isinstance(partition, str):
        return partition
    return partition[0] if len(partition) == 1 else list(partition)


def _run(execution: Any, kernel_name: str | None) -> None:
    """Wait for the execution, also if an event loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(execution.run(kernel_name))
        return
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, execution.run(kernel_name)).result()


def _write(
    outcome: NotebookOutcome,
    output: str | Path | None,
    html: str | Path | None,
    junit: str | Path | None,
) -> None:
    """Write all requested files, the notebook first."""
    if output is not None:
        write_whole(output, dump_notebook(outcome.notebook))
    if junit is not None:
        from jobnb.notebook.exports import to_junit

        write_whole(junit, to_junit(outcome))
    if html is not None:
        from jobnb.notebook.exports import to_html

        write_whole(html, to_html(outcome.notebook, outcome.path.stem))
