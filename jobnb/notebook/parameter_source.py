"""The code that gives a notebook its config and inputs, and the config that its defaults ask for.

Plain values stand in the code as they are; all else is read from a file of the step. A config value
that names a variable of the environment is read from there, so that no secret is written down.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from jobnb.notebook.cell_tags import tags_of
from jobnb.notebook.definition_code import plain_source
from jobnb.notebook.exchange import StepFolder
from jobnb.notebook.kernel_languages import assignments
from jobnb.notebook.parameters import DEFAULTS_TAG, checked, literal

_LONGEST = 2_000
_PLAIN = (type(None), bool, int, float, str)


def parameter_source(
    config: Mapping[str, Any],
    raw: Mapping[str, Any],
    inputs: Mapping[str, Any],
    exchange: StepFolder,
    language: str = "python",
) -> str:
    """Return the code of the cell that gives a notebook its values; empty if there are none.

    Args:
        config: The config, by parameter.
        raw: The config as it was given, by parameter.
        inputs: The inputs, by name.
        exchange: Where inputs are written that no code can express.
        language: The language of the kernel.

    Raises:
        NotebookError: If a name is no name there, or a value cannot go to the kernel.
    """
    told = {n: value for n, value in inputs.items() if value is not None or n not in config}
    if language != "python":
        held = {name: given["env"] for name, given in raw.items() if _is_variable(given)}
        values = {**config, **told}
        return assignments(language, values, held) if values else ""
    lines = [
        f"{checked(name)} = {_secret(raw.get(name), value) or literal(value, name)}"
        for name, value in config.items()
    ]
    lines += input_lines(told, exchange)
    return "\n".join(["# Parameters", *lines]) if lines else ""


def input_lines(inputs: Mapping[str, Any], exchange: StepFolder) -> list[str]:
    """Return the lines of code that give a notebook its inputs.

    Args:
        inputs: The inputs, by name.
        exchange: Where inputs are written that no code can express.

    Raises:
        NotebookError: If a name is no Python name, or a value cannot go to the kernel.
    """
    read = [name for name, value in inputs.items() if not _is_plain(value)]
    lines = ["import pathlib, pickle"] if read else []
    for name, value in inputs.items():
        if name in read:
            path = exchange.put_input(checked(name), value)
            code = f"pickle.loads(pathlib.Path({str(path)!r}).read_bytes())"
            lines.append(f"{name} = {code}  # {_words(value)}")
        else:
            lines.append(f"{checked(name)} = {literal(value, name)}")
    return lines


def _secret(given: Any, value: Any) -> str:
    """Return the code that reads a value from the environment; empty if it was given itself."""
    if not _is_variable(given) or isinstance(value, Mapping):
        return ""
    code = f"__import__('os').environ[{given['env']!r}]"
    return code if isinstance(value, str) else f"{type(value).__name__}({code})"


def _is_variable(given: Any) -> bool:
    return isinstance(given, Mapping) and list(given) == ["env"]


def _is_plain(value: Any) -> bool:
    """Whether code can express a value, shortly and with its type."""
    return _is_exact(value) and len(repr(value)) <= _LONGEST


def _is_exact(value: Any) -> bool:
    if type(value) is list:
        return len(value) <= _LONGEST and all(map(_is_exact, value))
    if type(value) is dict:
        return len(value) <= _LONGEST and all(
            _is_exact(part) for pair in value.items() for part in pair
        )
    return type(value) in _PLAIN


def _words(value: Any) -> str:
    shape = getattr(value, "shape", None)
    known = isinstance(shape, tuple) and all(isinstance(size, int) for size in shape)
    return f"{type(value).__name__}{f', {shape}' if known else ''}"


def defaults_of(cells: list[Any]) -> dict[str, Any]:
    r"""Return the parameters of a notebook, with their defaults where these are plain.

    Args:
        cells: Its cells, as plain data.

    Returns:
        What the cells tagged `parameters` assign; `...` where the value is computed.

    Example:
        >>> cell = {"source": "year = 2013\nday = today()", "metadata": {"tags": ["parameters"]}}
        >>> defaults_of([cell])
        {'year': 2013, 'day': Ellipsis}
    """
    found: dict[str, Any] = {}
    for cell in cells:
        if DEFAULTS_TAG not in tags_of(cell):
            continue
        try:
            tree = ast.parse(plain_source(cell["source"]))
        except SyntaxError:
            continue  # A kernel of another language, perhaps.
        for statement in tree.body:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            if isinstance(statement, ast.AnnAssign) and statement.value is not None:
                targets = [statement.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    found[target.id] = _value_of(statement.value)  # type: ignore[attr-defined]
    return found


def _value_of(expression: ast.expr) -> Any:
    try:
        value = ast.literal_eval(expression)
    except (ValueError, TypeError, SyntaxError, MemoryError):
        return ...
    return value if _is_exact(value) else ...


def schema_of(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config schema of a notebook's parameters: each with its default and its type.

    Args:
        defaults: The parameters; `...` where the default is computed in the notebook.
    """
    return {name: _field(value) for name, value in defaults.items()}


def _field(value: Any) -> Any:
    from jobnb.config import BoolSource, Field, IntSource, Permissive, StringSource

    if value is ...:
        return Field(Any, is_required=False, description="Computed by the notebook if not given.")
    if value is None:
        return Field(Any, is_required=False)
    if isinstance(value, dict):
        return Field(Permissive(), default_value=value)
    if isinstance(value, list):
        kinds = {type(part) for part in value}
        kind = kinds.pop() if len(kinds) == 1 else None
        return Field([kind] if kind in (bool, int, float, str) else list, default_value=value)
    sources = {bool: BoolSource, int: IntSource, str: StringSource}
    return Field(sources.get(type(value), type(value)), default_value=value)
