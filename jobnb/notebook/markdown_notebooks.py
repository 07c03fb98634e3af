"""Notebooks written as Markdown: jupytext's Markdown form, and MyST's.

Fences of Python are code cells, all else is Markdown:

    ```python tags=["explore"]
    orders.plot()
    ```

    ```{code-cell} ipython3
    :tags: [explore]
    orders.plot()
    ```
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from jobnb.errors import NotebookError
from jobnb.notebook.cell_tags import percent_tags

_LANGUAGES = frozenset(("python", "python3", "ipython", "ipython3", "py"))
_HEADER = re.compile(r"\A---[ \t]*\n(.*?)\n(---|\.\.\.)[ \t]*(\n|\Z)", re.DOTALL)
_REGION = re.compile(r"[ \t]*<!-- #(?P<ends>end)?(?:region|md|raw)\b.*-->[ \t]*$")
_TAGS_LINE = re.compile(r"^:tags:[ \t]*(\[.*\])[ \t]*$")


def node_of(metadata: dict[str, Any], parts: Iterable[dict[str, Any]]) -> Any:
    """Return a notebook of plain data, an `nbformat.NotebookNode`.

    Args:
        metadata: Its metadata.
        parts: Its cells.
    """
    from nbformat import v4

    make: dict[str, Any] = {
        "code": v4.new_code_cell,
        "markdown": v4.new_markdown_cell,
        "raw": v4.new_raw_cell,
    }
    cells = [make[part["cell_type"]](part["source"], metadata=part["metadata"]) for part in parts]
    spec = metadata.get("kernelspec")
    if spec is not None:  # The format wants both, which headers written by hand seldom have.
        name = spec.get("name", "python3")
        metadata = {**metadata, "kernelspec": {"name": name, "display_name": name, **spec}}
    return v4.new_notebook(cells=cells, metadata=metadata)


def markdown_cells(text: str, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    r"""Return the metadata and the cells of a notebook written as Markdown, as plain data.

    Args:
        text: The Markdown.
        name: How messages call it.

    Raises:
        NotebookError: If it has no fence of Python, or its header is no YAML.

    Example:
        >>> _, cells = markdown_cells("# Shop\n\n```python\nx = 1\n```\n", "shop.md")
        >>> [(cell["cell_type"], cell["source"]) for cell in cells]
        [('markdown', '# Shop'), ('code', 'x = 1')]
    """
    metadata, body = without_header(text, name)
    cells = list(_cells(body))
    if not any(cell["cell_type"] == "code" for cell in cells):
        raise NotebookError(
            f"{name} has no code: begin a fence with ```python, or name an .ipynb file."
        )
    return metadata, cells


def without_header(text: str, name: str) -> tuple[dict[str, Any], str]:
    """Return the notebook's metadata from the YAML header, and what follows it.

    Args:
        text: The Markdown.
        name: How messages call it.

    Raises:
        NotebookError: If the header is no YAML.
    """
    header = _HEADER.match(text)
    if header is None:
        return {}, text
    import yaml

    try:
        told = yaml.safe_load(header[1])
    except yaml.YAMLError as error:
        raise NotebookError(f"The header of {name} is no YAML: {error}") from error
    whole = told if isinstance(told, dict) else {}
    own = whole.get("jupyter", whole)
    kept = own if isinstance(own, dict) else {}
    found = {key: kept[key] for key in ("kernelspec", "jobnb") if isinstance(kept.get(key), dict)}
    return found, text[header.end() :]


def _cells(body: str) -> Iterator[dict[str, Any]]:
    from markdown_it import MarkdownIt

    lines, last = body.splitlines(), 0
    protected = _protected(lines)

    def words(end: int) -> Iterator[dict[str, Any]]:
        between = "\n".join(
            line
            for line in lines[last:end]
            if not _REGION.match(line) and not line.startswith("+++")
        ).strip("\n")
        if between.strip():
            yield {"cell_type": "markdown", "source": between, "metadata": {}}

    for token in MarkdownIt("commonmark").parse(body):
        if token.type != "fence" or token.level or token.map is None:
            continue
        language, about = _language(token.info)
        is_code = language in _LANGUAGES and ".noeval" not in about and 'active="' not in about
        if not is_code or token.map[0] in protected:
            continue
        yield from words(token.map[0])
        last = token.map[1]
        source, tags = _code(token.content, about, is_myst=token.info.startswith("{"))
        about_it = {"tags": tags} if tags else {}
        yield {"cell_type": "code", "source": source, "metadata": about_it}
    yield from words(len(lines))


def _protected(lines: list[str]) -> set[int]:
    """Return the numbers of the lines between region markers: a fence in a text is no code."""
    found, inside = set(), False
    for number, line in enumerate(lines):
        marker = _REGION.match(line)
        if marker is not None:
            inside = not marker["ends"]
        elif inside:
            found.add(number)
    return found


def _language(info: str) -> tuple[str, str]:
    """Return the language of a fence, and what stands behind it."""
    first, _, rest = info.strip().partition(" ")
    if first in ("{code-cell}", "{code}"):
        language, _, about = rest.strip().partition(" ")
        return (language or "python").lower(), about
    return first.lower(), rest


def _code(content: str, about: str, *, is_myst: bool) -> tuple[str, list[str]]:
    """Return the code of a fence and its tags."""
    tags, lines = percent_tags(about), content.splitlines()
    while is_myst and lines and lines[0].startswith(":"):
        option = _TAGS_LINE.match(lines.pop(0))
        if option is not None:
            tags += re.findall(r"[\w.-]+", option[1])
    if is_myst and lines and lines[0].strip() == "---" and "---" in lines[1:]:
        end = lines.index("---", 1)
        tags += _yaml_tags("\n".join(lines[1:end]))
        lines = lines[end + 1 :]
    return "\n".join(lines).strip("\n"), tags


def _yaml_tags(text: str) -> list[str]:
    import yaml

    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError:
        return []
    tags = told.get("tags") if isinstance(told, dict) else None
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
