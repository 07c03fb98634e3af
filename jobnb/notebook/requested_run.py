"""The run that is requested after a notebook's own cells, written as one more cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobnb.errors import NotebookError, did_you_mean
from jobnb.notebook.cell_tags import tags_of
from jobnb.notebook.definition_code import DefinedNames
from jobnb.notebook.parameters import literal
from jobnb.notebook.remote import RUN_MIME

RUN_TAG = "jobnb-run"


@dataclass(frozen=True)
class RequestedRun:
    """A run to start once all cells have been executed.

    Attributes:
        job: The job's name; if None, the assets of `selection` are materialized.
        selection: An asset selection.
        config: The raw run config.
        partition: The partition to run for; or several, keys and ranges `first...last`.
        tags: Tags of the run.
    """

    job: str | None = None
    selection: str | None = None
    config: Mapping[str, Any] | None = None
    partition: str | Sequence[str] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self:
            return
        for name in ("config", "partition", "tags"):
            if getattr(self, name):
                raise NotebookError(
                    f"{name.capitalize()} was given, but nothing to run with it: name a job or a "
                    "selection of assets too."
                )

    def __bool__(self) -> bool:
        return self.job is not None or self.selection is not None

    @property
    def title(self) -> str:
        """The job or selection, in words."""
        if self.job is not None:
            return f"the job {self.job!r}"
        return f"the assets {self.selection!r}"

    def refuse_unknown(self, node: Any) -> None:
        """Raise now if no cell of the notebook can define the job or asset.

        Only if that is certain: code that builds or imports names has to run first.

        Raises:
            NotebookError: If the notebook has no such job or asset.
        """
        code = [cell.source for cell in node.cells if cell.cell_type == "code"]
        told = DefinedNames(code)
        plain = re.fullmatch(r"[+*]*(\w+)[+*]*", self.selection or "")
        wanted = [("job", self.job)] + ([("asset", plain[1])] if plain else [])
        for noun, name in wanted:
            if name is not None and told.is_sure and name not in told.words:
                hint = did_you_mean(name, (word for word in told.words if word.isidentifier()))
                near = hint if hint.startswith("Did you mean") else ""
                raise NotebookError(
                    f"No cell of the notebook defines the {noun} {name!r}. {near}".rstrip()
                )

    def source(self) -> str:
        """Return the code of the cell that starts it."""
        given = {
            "job": self.job,
            "selection": self.selection,
            "config": self.config,
            "partition": self.partition,
            "tags": self.tags,
        }
        said = {name: value for name, value in given.items() if value}
        arguments = [f"    {name}={literal(value, name)}," for name, value in said.items()]
        return "\n".join(["from jobnb.notebook.remote import run", "", "run(", *arguments, ")"])

    def cell(self) -> Any:
        """Return the cell, tagged so that the next execution replaces it."""
        import nbformat

        return nbformat.v4.new_code_cell(source=self.source(), metadata={"tags": [RUN_TAG]})


def drop_old(node: Any) -> None:
    """Remove the cell that an earlier execution inserted into the notebook."""
    node.cells = [cell for cell in node.cells if RUN_TAG not in tags_of(cell)]


def summary_in(outputs: Iterable[Any]) -> dict[str, Any] | None:
    """Return the run's summary among the outputs of its cell."""
    for output in outputs:
        data = output.get("data") or {}
        if RUN_MIME in data:
            return dict(data[RUN_MIME])
    return None
