"""A `%%asset` or `%%op` cell as the decorated function that one would write in a module."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterable

from jobnb.notebook.cell_function import CellFunction
from jobnb.notebook.cell_options import key_source

WIDTH = 88


def decorated_source(cell: CellFunction) -> str:
    """Return a cell as a decorated function, and its checks.

    Args:
        cell: The cell.

    Returns:
        Python code, formatted.
    """
    line = cell.line
    arguments = [f"{name}={text}" for name, text in cell.arguments.items()]
    lead = f"@{line.kind}"
    decorator = call(lead, arguments) if arguments else lead
    source = f"{decorator}\n{cell.head(annotated=True)}\n{cell.body.strip(chr(10))}"
    checks = (_check_source(cell, name, text) for name, text in line.checks().items())
    return "\n\n\n".join([source, *checks])


def _check_source(cell: CellFunction, name: str, text: str) -> str:
    line = cell.line
    arguments = [f"asset={key_source(line.key)}", f"description={text!r}"]
    return (
        f"{call('@asset_check', arguments)}\ndef {name}({line.name}):\n"
        f"    return AssetCheckResult(passed=bool({text}))"
    )


def call(name: str, arguments: Iterable[str], indent: str = "") -> str:
    """Return a call, on several lines if it is long.

    Example:
        >>> call("Definitions", ["assets=['a']"])
        'Definitions(assets=["a"])'
    """
    parts = [double_quoted(each) for each in arguments]
    short = f"{indent}{name}({', '.join(parts)})"
    if len(short) <= WIDTH and "\n" not in short:
        return short
    lines = "".join(f"{indent}    {each},\n" for each in parts)
    return f"{indent}{name}(\n{lines}{indent})"


def double_quoted(source: str) -> str:
    """Return code with double quotes around texts where that needs no escape."""
    found = source
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(source).readline))):
        text = token.string
        plain = token.type == tokenize.STRING and text[:1] == "'" and text[:3] != "'''"
        if plain and '"' not in text and "\\" not in text:
            start, end = token.start[1], token.end[1]
            if token.start[0] == 1 and "\n" not in source:
                found = f'{found[:start]}"{text[1:-1]}"{found[end:]}'
    return found
