"""Import a Python module as a notebook: a cell for each definition, with its comments."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobnb.errors import NotebookError
from jobnb.notebook.code_cells import python_text
from jobnb.notebook.document import new_notebook
from jobnb.notebook.module_imports import ImportedName, imported_by, with_imports
from jobnb.notebook.module_statements import Statement, statements_of, trailing_comments

_RULE = re.compile(r"#?[\s#=*~_-]{3,}$")
_TITLE = re.compile(r"#\s*[-=#*~]{2,}\s*(?P<title>.*?\w.*?)\s*[-=#*~]*$")


@dataclass
class ImportedNotebook:
    """A module as a notebook.

    Attributes:
        node: The notebook.
        problems: What will not work in a notebook, in sentences.
    """

    node: Any
    problems: list[str] = field(default_factory=list)


def import_module_text(source: str, name: str = "module.py") -> ImportedNotebook:
    r"""Convert a Python module to a notebook.

    Each definition has a cell of its own; what else stands together shares one. Comments that
    stand alone become Markdown, and imports of Dagster become imports of jobnb.

    Args:
        source: The module's code.
        name: Its name in errors.

    Raises:
        NotebookError: If it is no Python.

    Example:
        >>> made = import_module_text("# --- Load ---\n\nx = 1\ndef f():\n    return x\n")
        >>> [(cell.cell_type, cell.source) for cell in made.node.cells]
        [('markdown', '## Load'), ('code', 'x = 1'), ('code', 'def f():\n    return x')]
    """
    try:
        statements = statements_of(source)
    except SyntaxError as error:
        raise NotebookError(f"{name}, line {error.lineno}: {error.msg}.") from error
    cells = [("markdown", text) for text in _lead(source, statements)]
    cells.extend(_cells(statements))
    cells.extend(_comment_cells(trailing_comments(source)))
    return ImportedNotebook(new_notebook(cells), list(_problems(statements, name)))


def import_module_file(path: str | Path) -> ImportedNotebook:
    """Convert the file of a Python module to a notebook; see `import_module_text`.

    Raises:
        NotebookError: If it cannot be read, or is no Python.
    """
    return import_module_text(python_text(Path(path)), Path(path).name)


def _lead(source: str, statements: list[Statement]) -> Iterator[str]:
    """Take the module's docstring from the statements, as Markdown."""
    tree = ast.parse(source)
    text = ast.get_docstring(tree, clean=False)
    if text is None:
        return
    above = statements[0].above
    del statements[0]
    if above:
        yield _markdown(above)
    first, _, rest = inspect.cleandoc(text).partition("\n")
    yield "\n".join([f"# {first.rstrip('.')}", *([rest] if rest.strip() else [])])


def _cells(statements: Iterable[Statement]) -> Iterator[tuple[str, str]]:
    together: list[str] = []
    were_imports = False
    for each in statements:
        text = with_imports(each.text, ImportedName.from_dagster)
        alone = each.is_definition or isinstance(each.node, (ast.If, ast.For, ast.While, ast.Try))
        if together and (each.above or alone or were_imports != each.is_import):
            yield "code", "\n".join(together)
            together = []
        yield from _comment_cells(each.above)
        together.append(text)
        were_imports = each.is_import
        if alone:
            yield "code", text
            together = []
    if together:
        yield "code", "\n".join(together)


def _comment_cells(text: str) -> Iterator[tuple[str, str]]:
    """Iterate over the cells of comments that stand alone: Markdown, or code that is left out."""
    for block in re.split(r"\n\s*\n", text) if text else ():
        yield ("code", block) if _is_code(block) else ("markdown", _markdown(block))


def _bare(line: str) -> str:
    return re.sub(r"^\s*#+ ?", "", line).rstrip()


def _is_code(block: str) -> bool:
    """Whether comments are code that somebody left out."""
    try:
        body = ast.parse("\n".join(map(_bare, block.splitlines()))).body
    except (SyntaxError, ValueError):
        return False
    words = (ast.Name, ast.Constant, ast.Tuple, ast.BinOp, ast.Attribute, ast.UnaryOp, ast.Compare)
    return bool(body) and not all(
        isinstance(each, ast.AnnAssign)
        or (isinstance(each, ast.Expr) and isinstance(each.value, words))
        for each in body
    )


def _markdown(block: str) -> str:
    lines = block.splitlines()
    kept = [line for line in lines if not _RULE.match(line.strip())]
    ruled = len(kept) < len(lines)
    found = []
    for number, line in enumerate(kept):
        titled = _TITLE.match(line.strip())
        if titled is not None:
            found.append(f"## {titled['title']}")
        elif ruled and number == 0:
            found.append(f"## {_bare(line).strip()}")
        else:
            found.append(re.sub(r"^\s*# ?", "", line).rstrip())
    return "\n".join(found).strip()


def _problems(statements: Iterable[Statement], name: str) -> Iterator[str]:
    for each in statements:
        if "__file__" in each.reads:
            yield (
                f"`{each.first_line}` of {name} reads `__file__`, which a notebook does not have. "
                "Write Path.cwd() for its folder."
            )
        for node in ast.walk(each.node):
            for found in imported_by(node) if isinstance(node, ast.stmt) else ():
                yield from _problem_of_import(found, name)


def _problem_of_import(found: ImportedName, name: str) -> Iterator[str]:
    if found.module.startswith("."):
        yield (
            f"{name} imports {found.gives!r} from {found.module!r}, which a notebook cannot. "
            "Write the whole name of the module."
        )
    converted = found.from_dagster()
    if converted.module.partition(".")[0] == "dagster":
        what = found.name or found.module
        yield f"{name} imports {what!r} from {found.module!r}, which jobnb does not offer."
