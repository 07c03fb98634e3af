"""The recorded hash of code: the Python version, the code itself, what it uses."""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

PYTHON = f"py{sys.version_info.major}{sys.version_info.minor}"
"""Which Python compiled the code; hashes of different ones do not compare."""
_HASH = re.compile(r"([0-9]+\.)?[0-9a-f]{10}")
READING = "2"
"""Which way of reading what code uses; hashes of different ones do not compare."""


class CodeNote(NamedTuple):
    """A note on what a code version does not cover.

    Attributes:
        kind: `not followed`: a change there is not noticed. `not counted`: the code changes it
            itself. `edited since imported`: a module whose file is not what is loaded.
        words: Its subject.
    """

    kind: str
    words: str

    @property
    def is_blind(self) -> bool:
        """Whether a change elsewhere may go unnoticed."""
        return self.kind != "not counted"

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


class CodeHash(NamedTuple):
    """A code version as it is recorded.

    Attributes:
        python: The Python version that compiled it.
        own: The hash of the function itself.
        used: The hash of the values, functions and classes that it uses, after the version of the
            reader and a dot; empty if there are none.
    """

    python: str
    own: str
    used: str = ""

    def __str__(self) -> str:
        return f"{self.python}-{self.own}-{self.used}" if self.used else f"{self.python}-{self.own}"

    @classmethod
    def read(cls, text: str) -> CodeHash | None:
        """Parse a recorded version; None for a version that the user gave.

        Example:
            >>> CodeHash.read("py311-0123456789"), CodeHash.read("v1")
            (CodeHash(python='py311', own='0123456789', used=''), None)
        """
        parts = text.split("-")
        ours = len(parts) in (2, 3) and parts[0].startswith("py") and parts[0][2:].isdigit()
        return cls(*parts) if ours and all(map(_HASH.fullmatch, parts[1:])) else None

    @property
    def reading(self) -> str:
        """The version of the reader; `1` is that of jobnb's first versions."""
        reading, dot, _ = self.used.partition(".")
        return reading if dot else "1"
