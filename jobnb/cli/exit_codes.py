"""The exit codes of all commands: the one list of them."""

from __future__ import annotations

SUCCESS, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130

_MEANINGS = {
    SUCCESS: "it is done",
    FAILED: "it was tried and failed: a cell, a run, a check of definitions",
    REFUSED: "it cannot be done as it was asked for; nothing was changed",
    INTERRUPTED: "it was interrupted (Ctrl-C, SIGTERM)",
}


def epilog() -> str:
    """Return what `jobnb --help` reports exit codes.

    >>> print(epilog().splitlines()[1])
    Exit codes:
    """
    lines = [f"  {code:<4} {meaning}" for code, meaning in _MEANINGS.items()]
    return "\n".join(["\b", "Exit codes:", *lines])
