"""Parse the keys of time partitions: the inverse of `strftime`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cached_property

_TOKEN = re.compile(r"%[-_0^#]?[A-Za-z%]|[^%]+|%")
_SHORT_FOR = {
    "F": "%Y-%m-%d",
    "T": "%H:%M:%S",
    "D": "%m/%d/%y",
    "R": "%H:%M",
    "r": "%I:%M:%S %p",
    "c": "%a %b %e %H:%M:%S %Y",
    "x": "%m/%d/%y",
    "X": "%H:%M:%S",
}
_SAME_AS = {"e": "d", "k": "H", "l": "I", "P": "p", "h": "b"}
_WIDTHS = {"Y": 4, "G": 4, "j": 3, "f": 6, "u": 1, "w": 1, **dict.fromkeys("mdHIMSyUWVC", 2)}
_WORDS = {
    **dict.fromkeys("AaBbp", r"[^\W\d_]+\.?"),
    "z": r"(?:[+-]\d{2}:?\d{2}(?::?\d{2}(?:\.\d+)?)?|Z)?",
    "Z": r"[\w+:-]*?",
    "s": r"-?\d+",
}


class KeyFormat:
    """Parses what a `strftime` format has written, also where `strptime` cannot.

    A directive may occur several times, or repeat what another one says. The caller checks that
    the result formats to the same text.

    Args:
        fmt: The format.
    """

    def __init__(self, fmt: str) -> None:
        self.fmt = fmt

    @cached_property
    def _tokens(self) -> list[tuple[str, str]]:
        """The directives, each with its pattern, and the texts between them."""
        long = re.sub(r"%%|%([FTDRrcxX])", lambda m: _SHORT_FOR.get(m[1], m[0]), self.fmt)
        first: dict[str, int] = {}
        found = []
        for number, text in enumerate(_TOKEN.findall(long), 1):
            name, pattern = _token(text)
            if name and first.setdefault(text, number) != number:
                pattern = rf"\{first[text]}"  # Cached.
            found.append((name, pattern))
        return found

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("".join(f"({each})" for _, each in self._tokens))

    def read(self, key: str) -> datetime | None:
        """Return the time of a key, in a zone if the key names it; None if it does not fit.

        Raises:
            ValueError: If it is no time.
            OverflowError: If it is too far away.
        """
        found = self._pattern.fullmatch(key)
        if found is None:
            return self._loosely(key)
        told: dict[str, str] = {}
        for (name, _), text in zip(self._tokens, found.groups(), strict=True):
            if name and text.strip():
                told.setdefault(name, text.strip())
        if "s" in told:
            return datetime.fromtimestamp(int(told["s"]), UTC)
        needed = {name: text for name, text in told.items() if name not in _superfluous(told)}
        wanted = "\n".join(f"%{name}" for name in needed)
        return datetime.strptime("\n".join(needed.values()), wanted)  # noqa: DTZ007

    def _loosely(self, key: str) -> datetime | None:
        """Parse a key that `strftime` would not write this way, for hints."""
        try:
            return datetime.strptime(key, self.fmt)  # noqa: DTZ007
        except re.error:  # A directive that occurs twice.
            return None


def _token(text: str) -> tuple[str, str]:
    if text == "%%":
        return "", "%"
    name = text[-1]
    if not text.startswith("%") or text == "%":
        return "", re.escape(text)
    name = _SAME_AS.get(name, name)
    if name in _WORDS:
        return name, _WORDS[name]
    if name not in _WIDTHS:
        return "", re.escape(text)
    width = _WIDTHS[name]
    loose = text[1] in "-_" or text[-1] in "ekl"
    return name, rf" *\d{{1,{width}}}" if loose else rf"\d{{{width}}}"


def _superfluous(told: dict[str, str]) -> set[str]:
    """Return the directives that repeat others; `strptime` takes only one way to name a day."""
    names = told.keys()
    unread = {"Z", "C"}
    if "H" in names:
        unread |= {"I", "p"}
    if "Y" in names:
        unread.add("y")
    months = [name for name in told if name in "mbB"]
    unread.update(months[1:])
    weeks = set("UWuwaA")
    if months and "d" in names:
        return unread | weeks | set("GVj")
    if "j" in names:
        return unread | weeks | set("GV") | set(months)
    if {"G", "V"} <= names:
        return unread | set("YyUW")
    return unread | {"G", "V"}
