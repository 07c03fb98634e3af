"""Parameters: values inserted into a notebook before it runs.

The convention is papermill's: a cell tagged `parameters` holds the defaults, and a cell tagged
`injected-parameters` right after it holds the values of this execution.
"""

from __future__ import annotations

import ast
import keyword
import math
from collections.abc import Mapping
from textwrap import indent
from typing import Any

from jobnb.errors import JobnbError, NotebookError, did_you_mean
from jobnb.notebook.cell_tags import tags_of
from jobnb.notebook.definition_code import plain_source
from jobnb.notebook.kernel_languages import assignments

DEFAULTS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"


def parse_parameter(name: str, text: str) -> Any:
    """Parse a value given on the command line as YAML, so that `3` is a number.

    Args:
        name: The parameter, for the error.
        text: What was typed. Quote it inside to keep a text: `'"3"'`.

    Returns:
        A text, number, truth value, None, list or dict.

    Raises:
        NotebookError: If it is no YAML.

    Example:
        >>> parse_parameter("year", "2013"), parse_parameter("on", "2013-01-05")
        (2013, '2013-01-05')
        >>> parse_parameter("origins", "[JFK, LGA]")
        ['JFK', 'LGA']
    """
    from jobnb.config.yaml import load_yaml

    if not text.strip():
        return text
    try:
        return load_yaml("value:\n" + indent(text, "  "))["value"]
    except JobnbError as error:
        reason = str(error).removeprefix("The YAML cannot be read: ")
        raise NotebookError(
            f"The value of the parameter {name!r} is no YAML ({reason.rstrip('.')}). "
            "Quote it to pass it as text."
        ) from error


def inject(
    node: Any,
    parameters: Mapping[str, Any],
    *,
    allow_extra: bool = False,
    language: str = "python",
) -> list[str]:
    """Insert values into a notebook, in a cell right after its defaults.

    A cell that an earlier execution inserted is replaced. Without parameters the notebook is not
    changed.

    Args:
        node: The notebook; it is changed.
        parameters: The values by name.
        allow_extra: Whether to insert names that the cell of the defaults does not assign, too.
        language: The language of the kernel; what its defaults are is known of Python only.

    Returns:
        One sentence for each parameter that the notebook does not seem to know.

    Raises:
        NotebookError: If a name is no Python name, a value has no Python literal, or the notebook
            has no such parameter.
    """
    if not parameters:
        return []
    if language != "python":
        insert(node, assignments(language, parameters))
        return []
    source = _assignments(parameters)
    warnings, is_sure = _unknown(node, parameters)
    if warnings and is_sure and not allow_extra:
        raise NotebookError(
            "\n".join([*warnings, "--allow-extra-parameters puts in what is not known, too."])
        )
    insert(node, source)
    return warnings


def insert(node: Any, source: str, *, replaces: bool = False) -> None:
    """Insert a cell right after the defaults, where an earlier execution may have put one.

    Args:
        node: The notebook; it is changed.
        source: The code of the cell.
        replaces: Whether it takes the place of the defaults.
    """
    import nbformat

    node.cells = [cell for cell in node.cells if INJECTED_TAG not in tags_of(cell)]
    cell = nbformat.v4.new_code_cell(source=source, metadata={"tags": [INJECTED_TAG]})
    place = _place(node.cells)
    is_default = place > 0 and DEFAULTS_TAG in tags_of(node.cells[place - 1])
    node.cells[place - (replaces and is_default) : place] = [cell]


def _assignments(parameters: Mapping[str, Any]) -> str:
    lines = [f"{checked(name)} = {literal(value, name)}" for name, value in parameters.items()]
    return "\n".join(["# Parameters", *lines])


def checked(name: str) -> str:
    """Return the name of a parameter.

    Raises:
        NotebookError: If it is no Python name.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise NotebookError(
            f"{name!r} cannot be a parameter: a parameter's name is a Python name, as 'year'."
        )
    return name


def literal(value: Any, name: str = "value") -> str:
    """Return a value as a Python expression.

    Raises:
        NotebookError: If it holds anything but texts, numbers, booleans, None, lists and dicts.

    Example:
        >>> literal({"years": [2013, None], "share": float("inf")})
        "{'years': [2013, None], 'share': float('inf')}"
    """
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        inner = ", ".join(literal(part, name) for part in value)
        return f"[{inner}]"
    if isinstance(value, Mapping):
        pairs = (f"{literal(key, name)}: {literal(part, name)}" for key, part in value.items())
        return "{" + ", ".join(pairs) + "}"
    raise NotebookError(
        f"The parameter {name!r} is of type {type(value).__name__}; give texts, numbers, truth "
        "values, None, lists or dicts."
    )


def _place(cells: list[Any]) -> int:
    """Return the index right after the defaults; without any, before the first code cell."""
    for index, cell in enumerate(cells):
        if DEFAULTS_TAG in tags_of(cell):
            return index + 1
    code = (index for index, cell in enumerate(cells) if cell.cell_type == "code")
    return next(code, len(cells))


def _unknown(node: Any, parameters: Mapping[str, Any]) -> tuple[list[str], bool]:
    """Return a sentence for each unknown name, and whether it is certain that it is unused."""
    defaults = [cell for cell in node.cells if DEFAULTS_TAG in tags_of(cell)]
    if not defaults:
        names = ", ".join(map(repr, parameters))
        return [
            f"The notebook has no cell tagged {DEFAULTS_TAG!r}, so it has no parameter {names}."
        ], True
    try:
        parts = [part for cell in defaults for part in ast.walk(_parsed(cell.source))]
    except SyntaxError:
        return [f"The cell tagged {DEFAULTS_TAG!r} is no Python that can be read."], False
    stored = (p.id for p in parts if isinstance(p, ast.Name) and isinstance(p.ctx, ast.Store))
    known = sorted(set(stored))
    told = [
        f"The notebook has no parameter {name!r}. "
        f"{did_you_mean(name, known, noun='Its parameters are')}".rstrip()
        for name in parameters
        if name not in known
    ]
    return told, not any(isinstance(part, ast.alias) and part.name == "*" for part in parts)


def _parsed(source: str) -> ast.Module:
    return ast.parse(plain_source(source))
