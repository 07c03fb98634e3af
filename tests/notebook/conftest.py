"""Notebooks on disk, and kernels that import the jobnb under test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

Cell = str | tuple[str, str]


@pytest.fixture(autouse=True)
def _kernels_find_jobnb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.delenv("JOBNB_HOME", raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a notebook: each cell is source, or (source, tag); `# ` starts a Markdown cell."""

    def write(*cells: Cell, name: str = "nb.ipynb", kernel: str = "python3") -> Path:
        spec = {"name": kernel, "language": "python", "display_name": kernel}
        node = new_notebook(metadata={"kernelspec": spec})
        for cell in cells:
            source, tags = (cell, []) if isinstance(cell, str) else (cell[0], [cell[1]])
            made = new_markdown_cell if source.startswith("# ") else new_code_cell
            node.cells.append(made(source, metadata={"tags": tags} if tags else {}))
        path = tmp_path / name
        nbformat.write(node, path)
        return path

    return write
