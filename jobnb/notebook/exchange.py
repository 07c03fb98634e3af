"""The folder through which a step and the kernel of its notebook exchange values.

The step writes the inputs, and the kernel the results after its last cell, each as a file of its
own. Nothing of it needs jobnb in the kernel.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cloudpickle

from jobnb.errors import NotebookError, did_you_mean

# Executed in the kernel after the last cell; it imports nothing that the kernel may not have.
_TAKE = """
def _jobnb_take(names, folder, found):
    import os, pickle
    shell = ("In", "Out", "exit", "get_ipython", "open", "quit")
    try:
        import cloudpickle as pickling
    except ImportError:
        pickling = pickle
    for name in names:
        path = os.path.join(folder, "result-" + name)
        if name not in found or os.path.exists(path):
            continue
        try:
            data = pickling.dumps(found[name])
        except Exception as error:
            path, data = path + ".problem", f"{type(error).__name__}: {error}".encode()
        with open(path, "wb") as file:
            file.write(data)
    with open(os.path.join(folder, "names"), "wb") as file:
        own = [name for name in found if not name.startswith("_") and name not in shell]
        pickle.dump(own, file)

"""


class StepFolder:
    """The folder of one step.

    Args:
        folder: The folder; it exists.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def put_input(self, name: str, value: Any) -> Path:
        """Write an input; returns its file.

        Raises:
            NotebookError: If it cannot go to another process.
        """
        return self._write(f"input-{name}", _pickled(value, f"input {name!r}"))

    def put_result(self, name: str, value: Any) -> Path:
        """Write a result, from within the kernel; returns its file.

        Raises:
            NotebookError: If it cannot go to another process.
        """
        return self._write(f"result-{name}", _pickled(value, f"result {name!r}"))

    def taking(self, names: Iterable[str]) -> str:
        """Return the code that hands back the variables of these names in the kernel."""
        where = (list(names), str(self.folder))
        return f"{_TAKE}_jobnb_take(*{where!r}, get_ipython().user_ns)\ndel _jobnb_take"

    def results(self) -> dict[str, Any]:
        """Return all that was handed back, by name.

        Raises:
            NotebookError: If something could not leave the kernel, or not enter this process.
        """
        found = {}
        for path in sorted(self.folder.glob("result-*")):
            name = path.name.removeprefix("result-")
            if name.endswith(".problem"):
                told = path.read_text(encoding="utf-8", errors="replace")
                raise NotebookError(
                    f"The notebook's variable {name.removesuffix('.problem')!r} cannot be handed "
                    f"back: {told}. Hand back a table, numbers or texts."
                )
            found[name] = _unpickled(path, f"result {name!r}")
        return found

    def missing(self, name: str) -> NotebookError:
        """Return the error that a result did not come."""
        path = self.folder / "names"
        known = pickle.loads(path.read_bytes()) if path.exists() else []  # noqa: S301 - its own file
        hint = did_you_mean(name, known)
        near = hint if hint.startswith("Did you mean") else ""
        return NotebookError(
            f"The notebook did not hand back {name!r}: no variable has that name at its end. "
            f"{near or f'Assign {name} in one of its cells.'}"
        )

    def _write(self, name: str, data: bytes) -> Path:
        beside, path = self.folder / f".{name}", self.folder / name
        beside.write_bytes(data)
        return beside.replace(path)


def _pickled(value: Any, what: str) -> bytes:
    try:
        data: bytes = cloudpickle.dumps(value)
    except Exception as error:
        raise NotebookError(
            f"The {what} cannot be sent between a step and its notebook's kernel: "
            f"{type(error).__name__}: {error}. Send a table, numbers or texts."
        ) from error
    return data


def _unpickled(path: Path, what: str) -> Any:
    try:
        return pickle.loads(path.read_bytes())  # noqa: S301 - the notebook's own value
    except Exception as error:
        raise NotebookError(
            f"The {what} of the notebook cannot be read: {type(error).__name__}: {error}. "
            "Is the same library installed in the notebook's kernel and here?"
        ) from error
