"""A step that was opened, as cells: its inputs, its code, the definition to mend."""

from __future__ import annotations

import ast
import builtins
import inspect
import json
import linecache
import sys
import textwrap
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from jobnb.definitions.jobs.job_config import run_words
from jobnb.display.environment import attempt
from jobnb.display.text import shorten
from jobnb.errors import JobnbError
from jobnb.execution.debugging import OpenedStep

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.Lambda, ast.ClassDef)
_SAID = ("# %%asset ", "# %%op ")


def step_cells(opened: OpenedStep) -> list[str]:
    """Return the cells of an opened step.

    The first gives the names that its function knows; the second is the body of the function as
    ordinary code, or the plain function and a call where it returns in several places or yields;
    the third is the definition, to be mended; the last goes on from there.

    Of a step that executed a notebook, the cells of the notebook stand between the first and last.

    Args:
        opened: The step.
    """
    if hasattr(opened.function, "code_cells"):
        return _of_notebook(opened, opened.function)
    source = attempt(lambda: _source(opened.function), "")
    tree = _tree(source)
    names = _names_of(tree, opened.function) if tree is not None else set()
    variable = "step" if "step" not in names else "opened_step"
    first = "\n".join(_givens(opened, variable, tree))
    again = [f"{variable}.resume()", *_to_do(opened)]
    if tree is None:
        place = getattr(opened.function, "__module__", "") or "somewhere"
        told = f"# The source of {opened.function!r} is not to be found: mend it in {place}."
        return [first, told, "\n".join(again)]
    definition = _definition(opened, source)
    return [first, _plain(tree, source, opened), definition, "\n".join(again)]


def _of_notebook(opened: OpenedStep, notebook: Any) -> list[str]:
    """Return the notebook's own cells between one that gives its parameters and one that resumes.

    Args:
        opened: The step.
        notebook: Its function, whose `code_cells()` tell the code of each, and whether it is the
            one of the parameters.
    """
    try:
        cells: list[tuple[str, bool]] = notebook.code_cells()
    except JobnbError as error:
        cells = [(f"# {shorten(str(error), 300)}", False)]
    variable = "step" if not any("step" in text for text, _ in cells) else "opened_step"
    defaults = [text for text, has_parameters in cells if has_parameters]
    config = opened.config if isinstance(opened.config, Mapping) else {}
    given = [f"{name} = {variable}.config[{_quoted(name)}]" for name in config]
    if opened.partition is not None:
        given.append(f"partition_key = {variable}.partition  # {opened.partition!r}")
    lines = [*_title(opened), "", _opening(opened, variable), *defaults]
    first = "\n".join([*lines, *_inputs(opened, variable), *given])
    last = f"# Mend it in {notebook.path}, too; then:\n{variable}.resume()"
    return [first, *(text for text, has_parameters in cells if not has_parameters), last]


def _source(function: Any) -> str:
    function = inspect.unwrap(function)
    if own := getattr(function, "cell_source", None):  # a check in a `%%asset` line
        return str(own)
    linecache.checkcache(function.__code__.co_filename)
    return textwrap.dedent(inspect.getsource(function)).rstrip()


def _tree(source: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the function that a source is; None if it is something else, as a lambda."""
    try:
        found = ast.parse(source).body
    except SyntaxError:
        return None
    return found[0] if len(found) == 1 and isinstance(found[0], _FUNCTIONS) else None


def _names_of(tree: ast.AST, function: Any) -> set[str]:
    """Return the names in a function that are its own, its inputs or the notebook's."""
    named = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
    return named | set(inspect.signature(function).parameters)


# --- what is given --------------------------------------------------------------


def _title(opened: OpenedStep) -> Iterator[str]:
    """Iterate over the lines that tell which step it is."""
    run = opened.run
    words = run_words(run.job_name, (key.to_user_string() for key in run.asset_selection or ()))
    error = opened.error
    how = f", which failed: {error.cls_name}: {error.message}" if error is not None else ""
    yield f"# Step {opened.key!r} of {words}{shorten(how, 200)}"
    yield from (f"# {shorten(note, 300)}" for note in opened.notes)
    yield "import jobnb"


def _opening(opened: OpenedStep, variable: str) -> str:
    run_id = _quoted(opened.run.run_id)
    return f"{variable} = jobnb.session.debug({run_id}, {_quoted(opened.key)})"


def _inputs(opened: OpenedStep, variable: str) -> Iterator[str]:
    for name in opened.input_names:
        if name in opened.missing:
            yield f"# {opened.missing[name]}"
            yield f"{name} = ..."
        else:
            yield f"{name} = {variable}.inputs[{_quoted(name)}]"


def _givens(opened: OpenedStep, variable: str, tree: Any) -> Iterator[str]:
    """Iterate over the lines that give the names of the function's parameters."""
    yield from _title(opened)
    yield from _imports(opened.function, tree)
    yield ""
    yield _opening(opened, variable)
    yield from _inputs(opened, variable)
    op = opened.op
    if not op.is_decorated:
        yield f"context, inputs = {variable}.context, {variable}.inputs"
        return
    takes = op.function
    if takes.config_name is not None and takes.config_name not in op.given_ins:
        yield f"{takes.config_name} = {variable}.config"
    if takes.context_name is not None:
        yield f"{takes.context_name} = {variable}.context"
    for name in takes.resource_names:
        yield f"{name} = {variable}.resources[{_quoted(name)}]"
    if opened.partition is not None:
        yield f"partition = {variable}.partition  # {opened.partition!r}"
    closed = inspect.getclosurevars(inspect.unwrap(opened.function)).nonlocals
    for name in closed:
        yield f"{name} = inspect.getclosurevars({variable}.function).nonlocals[{_quoted(name)}]"


def _imports(function: Any, tree: Any) -> Iterator[str]:
    """Iterate over the imports that a function of another module needs here."""
    function = inspect.unwrap(function)
    if inspect.getclosurevars(function).nonlocals:
        yield "import inspect"
    module = function.__module__
    if tree is None or module in (None, "__main__"):
        return
    known = function.__globals__
    used = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
    used -= set(inspect.signature(function).parameters)
    names = sorted(each for each in used if each in known and not hasattr(builtins, each))
    if names:
        yield f"from {module} import {', '.join(names)}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# --- its code -------------------------------------------------------------------


def _plain(tree: ast.FunctionDef | ast.AsyncFunctionDef, source: str, opened: OpenedStep) -> str:
    """Return the body as ordinary code; the plain function and its call where that cannot be."""
    lines = source.splitlines()
    body = [each for each in tree.body if not _is_docstring(each, tree)]
    if _runs_as_it_stands(body) and body and body[0].lineno > tree.lineno:
        first = body[0].lineno - 1
        text = lines[first:]
        last = body[-1]
        if isinstance(last, ast.Return):
            value = "None" if last.value is None else ast.get_source_segment(source, last.value)
            shown = f"result = {value}" if "\n" not in str(value) else f"result = ({value})"
            kept = "\n".join(lines[first : last.lineno - 1])
            return f"{textwrap.dedent(kept)}\n{textwrap.dedent(shown)}\nresult".lstrip("\n")
        return textwrap.dedent("\n".join(text))
    function = "\n".join(lines[tree.lineno - 1 :])
    given = ", ".join(f"{name}={name}" for name in inspect.signature(opened.function).parameters)
    if not opened.op.is_decorated:
        given = "context, inputs"
    call = f"{'await ' if isinstance(tree, ast.AsyncFunctionDef) else ''}{tree.name}({given})"
    yields = any(isinstance(e, (ast.Yield, ast.YieldFrom)) for e in _own(tree.body))
    return f"{function}\n\n\nresult = {f'list({call})' if yields else call}\nresult"


def _is_docstring(statement: ast.stmt, tree: Any) -> bool:
    return statement is tree.body[0] and ast.get_docstring(tree, clean=False) is not None


def _runs_as_it_stands(body: list[ast.stmt]) -> bool:
    """Whether statements mean the same outside of a function, but for a last `return`."""
    inside = list(_own(body))
    returns = [each for each in inside if isinstance(each, ast.Return)]
    bound = (ast.Yield, ast.YieldFrom, ast.Nonlocal, ast.Global)
    return (
        all(each is body[-1] for each in returns)
        and not any(isinstance(each, bound) for each in inside)
        and not any(  # Two statements of one line, or one that shares its lines with the head.
            later.lineno <= (earlier.end_lineno or 0) for earlier, later in pairwise(body)
        )
    )


def _own(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Iterate over the nodes of statements, without those of functions and classes inside."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)


def _definition(opened: OpenedStep, source: str) -> str:
    """Return the definition as it was written: a decorated function, or a whole `%%asset` cell."""
    if not any(mark in source.partition("\n")[0] for mark in _SAID):
        return source
    return attempt(lambda: _cell_text(opened.function.__code__.co_filename), "") or source


def _cell_text(filename: str) -> str:
    """Return the whole cell that has this name in tracebacks, as it was typed."""
    shell = sys.modules["IPython"].get_ipython()
    number = shell.compile._filename_map[filename]
    return str(shell.history_manager.input_hist_raw[number]).rstrip()


def _to_do(opened: OpenedStep) -> Iterator[str]:
    """Tell that a job or asset holds the op that it was composed of."""
    holder = opened.composed
    if holder is not None:
        yield f"# Before the next launch of {holder}, run its own cell again, too: it holds"
        yield f"# the {opened.op.name!r} that it was composed of."
