"""The hash of code as it is recorded: which Python compiled it, the code itself, what it uses."""

from __future__ import annotations

import sys
from typing import NamedTuple

__all__ = ["PYTHON", "CodeHash"]

PYTHON = f"py{sys.version_info.major}{sys.version_info.minor}"
"""Which Python compiled the code; hashes of different ones do not compare."""


class CodeHash(NamedTuple):
    """A code version as it is recorded.

    Attributes:
        python: Which Python compiled it.
        own: The hash of the function itself.
        used: The hash of the values, functions and classes that it uses; empty if there are none.
    """

    python: str
    own: str
    used: str = ""

    def __str__(self) -> str:
        return f"{self.python}-{self.own}-{self.used}" if self.used else f"{self.python}-{self.own}"

    @classmethod
    def read(cls, text: str) -> CodeHash | None:
        """The hash that a recorded version is; None for a version that somebody gave.

        Example:
            >>> CodeHash.read("py311-0123456789"), CodeHash.read("v1")
            (CodeHash(python='py311', own='0123456789', used=''), None)
        """
        parts = text.split("-")
        ours = len(parts) in (2, 3) and parts[0].startswith("py") and parts[0][2:].isdigit()
        hexes = all(len(p) == 10 and set(p) <= set("0123456789abcdef") for p in parts[1:])
        return cls(*parts) if ours and hexes else None
