"""Parameters in the language of a kernel: an assignment for each, as papermill writes them.

Kernels of Python take any value. Those of other languages take texts, numbers, truth values and,
but for a shell, lists and dicts of these; they hand nothing back.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jobnb.errors import NotebookError


class Language(NamedTuple):
    """How a language writes values.

    Args:
        assign: How a variable gets a value.
        words: How None, True and False are written.
        variable: Reads a variable of the environment.
        text: Writes a text.
        group: Writes a list; None where the language has none.
        pairs: Writes names and values; None where the language has none.
    """

    assign: str
    words: Mapping[Any, str]
    variable: str
    text: Callable[[str], str]
    group: str | None = None
    pairs: tuple[str, str] | None = None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _julia_text(text: str) -> str:
    return _quoted(text).replace("$", "\\$")


LANGUAGES: Mapping[str, Language] = {
    "bash": Language("{}={}", {None: "''", True: "true", False: "false"}, '"${}"', shlex.quote),
    "julia": Language(
        "{} = {}",
        {None: "nothing", True: "true", False: "false"},
        'ENV["{}"]',
        _julia_text,
        "[{}]",
        ("Dict({})", "{} => {}"),
    ),
    "r": Language(
        "{} = {}",
        {None: "NULL", True: "TRUE", False: "FALSE"},
        'Sys.getenv("{}")',
        _quoted,
        "list({})",
        ("list({})", "{} = {}"),
    ),
}
"""The languages beside Python that parameters can be written in."""
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)


def assignments(
    language: str, values: Mapping[str, Any], variables: Mapping[str, str] | None = None
) -> str:
    """Return the code that gives a notebook its values.

    Args:
        language: The language of the kernel, in lower case.
        values: The values by name.
        variables: By name, the variables of the environment that hold a value.

    Raises:
        NotebookError: If the language is not known here, or cannot express one of the values.

    Example:
        >>> print(assignments("bash", {"year": 2013, "who": "it's me"}))
        # Parameters
        year=2013
        who='it'"'"'s me'
    """
    known = LANGUAGES.get(language)
    if known is None:
        raise NotebookError(
            f"The kernel's language is {language}: parameters and inputs can be given to Python, "
            f"{', '.join(sorted(LANGUAGES))}. Leave them out, or choose another kernel: "
            "kernel=... or the run's tag jobnb/kernel."
        )
    lines = []
    for name, value in values.items():
        if not _NAME.fullmatch(name):
            raise NotebookError(f"{name!r} cannot be a parameter: {language} has no such names.")
        source = (variables or {}).get(name)
        text = known.variable.format(source) if source else _written(known, language, name, value)
        lines.append(known.assign.format(name, text))
    return "\n".join(["# Parameters", *lines])


def _written(known: Language, language: str, name: str, value: Any) -> str:
    if value is None or isinstance(value, bool):
        return known.words[value]
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    if isinstance(value, str):
        return known.text(value)
    if isinstance(value, (list, tuple)) and known.group is not None:
        return known.group.format(
            ", ".join(_written(known, language, name, part) for part in value)
        )
    if isinstance(value, Mapping) and known.pairs is not None:
        whole, pair = known.pairs
        parts = (
            pair.format(known.text(str(key)), _written(known, language, name, part))
            for key, part in value.items()
        )
        return whole.format(", ".join(parts))
    raise NotebookError(
        f"The parameter {name!r} is a {type(value).__name__}, which a kernel of {language} cannot "
        "be given. Give texts, numbers or truth values, or the path of a file."
    )
