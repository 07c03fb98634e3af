"""`ExecutedNotebook`: the value of a notebook that ran as an op or asset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jobnb.errors import NotebookError, did_you_mean


class ExecutedNotebook:
    """A notebook that ran as a step: its text with all outputs, and the results it handed back.

    Args:
        text: The executed notebook, as an `.ipynb` file has it.
        path: The file that was executed.
        results: What it handed back, by name.
        kernel: The kernel that executed it.

    Example:
        >>> done = ExecutedNotebook('{"cells": []}', "sales.ipynb", {"total": 3})
        >>> done["total"], done.title
        (3, 'sales')
    """

    def __init__(
        self,
        text: str,
        path: str = "",
        results: Mapping[str, Any] | None = None,
        kernel: str = "",
    ) -> None:
        self.text = text
        self.path = path
        self.results = dict(results or {})
        self.kernel = kernel

    def __getitem__(self, name: str) -> Any:
        """Return one of the results.

        Raises:
            NotebookError: If it handed back no result of that name.
        """
        try:
            return self.results[name]
        except KeyError:
            hint = did_you_mean(name, self.results, noun="Its results are")
            raise NotebookError(
                f"The notebook {self.path or self.title!r} handed back no result {name!r}. "
                + (hint or "Name the variables to hand back: results=[...].")
            ) from None

    @property
    def title(self) -> str:
        """The name of its file, without the ending."""
        return Path(self.path).stem or "notebook"

    @property
    def cells(self) -> list[dict[str, Any]]:
        """Its cells as plain data, their sources and outputs as text."""
        cells: list[dict[str, Any]] = json.loads(self.text)["cells"]
        return [{**cell, "source": _joined(cell.get("source", ""))} for cell in cells]

    def outputs(self) -> Iterator[dict[str, Any]]:
        """Iterate over the outputs of all cells, in order, as plain data."""
        for cell in self.cells:
            yield from cell.get("outputs", [])

    def save(self, path: str | Path) -> Path:
        """Write it as an `.ipynb` file, which Jupyter opens.

        Args:
            path: The file.

        Returns:
            The file.
        """
        target = Path(path)
        target.write_text(self.text, encoding="utf-8")
        return target

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExecutedNotebook) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # its results may be of any kind

    def __repr__(self) -> str:
        code = sum(cell["cell_type"] == "code" for cell in self.cells)
        results = f", results: {', '.join(self.results)}" if self.results else ""
        return f"ExecutedNotebook({self.title!r}, {code} code cells{results})"


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
