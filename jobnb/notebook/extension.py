"""What an IPython shell gets: rich reprs, a session that follows its cells, cells with names."""

from __future__ import annotations

from typing import Any

__all__ = ["load", "unload"]


def load(shell: Any) -> None:
    """Attach to a shell; doing it again changes nothing."""
    from jobnb.display.install import install
    from jobnb.execution.trace import file_namers
    from jobnb.registry.session import session

    install(shell)
    session.attach(shell)
    if not any(isinstance(namer, _CellNamer) for namer in file_namers):
        file_namers.append(_CellNamer(shell))


def unload(shell: Any) -> None:
    """Take the rich reprs away."""
    from jobnb.display.install import uninstall

    uninstall(shell)


class _CellNamer:
    """Calls the file that stands for a cell `cell [3]`."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def __call__(self, filename: str) -> str | None:
        names = getattr(self._shell.compile, "_filename_map", {})
        number = names.get(filename)
        return f"cell [{number}]" if number else None
