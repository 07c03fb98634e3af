"""`ExecutedNotebook`: the value of a notebook that ran as an op or asset."""

from __future__ import annotations

import json
import pickle
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jobnb.errors import NotebookError, did_you_mean

_KEPT = "executed"  # below `jobnb` in the metadata of a stored notebook
_OURS = "only_stored"  # there, if the notebook itself has nothing below `jobnb`
_MOST = 4_000_000
"""Bytes of results, packed, that a stored notebook holds; with more it would not open any more."""


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

    def stored_text(self) -> str | None:
        """Return it as one `.ipynb` file that has all of it, its results in the metadata.

        Returns:
            The text; None where the results are too large for that, or it is no plain notebook.
        """
        import cloudpickle

        packed = zlib.compress(cloudpickle.dumps(self.results))
        node = json.loads(self.text)
        own = node["metadata"].get("jobnb", {_OURS: True})
        if len(packed) > _MOST or _dumped(node) != self.text or _KEPT in own:
            return None
        kept = {
            "kernel": self.kernel,
            "path": self.path,
            "results": b64encode(packed).decode("ascii"),
        }
        node["metadata"]["jobnb"] = {**own, _KEPT: kept}
        return _dumped(node)

    @classmethod
    def of_stored(cls, text: str) -> ExecutedNotebook:
        """Return what `stored_text` wrote."""
        node = json.loads(text)
        own = node["metadata"]["jobnb"]
        kept = own.pop(_KEPT)
        if own.get(_OURS):
            del node["metadata"]["jobnb"]
        packed = zlib.decompress(b64decode(kept["results"]))
        results = pickle.loads(packed)  # noqa: S301 - a stored value, as all are
        return cls(_dumped(node), kept["path"], results, kept["kernel"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExecutedNotebook) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # its results may be of any kind

    def __repr__(self) -> str:
        code = sum(cell["cell_type"] == "code" for cell in self.cells)
        results = f", results: {', '.join(self.results)}" if self.results else ""
        return f"ExecutedNotebook({self.title!r}, {code} code cells{results})"


def _dumped(node: dict[str, Any]) -> str:
    """Return a notebook as nbformat writes it."""
    return json.dumps(node, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
