"""Texts as values: what an environment variable holds is text, whatever is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from jobnb.config.nodes import NOTHING

__all__ = ["as_scalar", "near"]

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0", ""}


def as_scalar(text: str, kinds: tuple[type, ...]) -> Any:
    """The text as the first of the kinds that can read it, or NOTHING.

    >>> as_scalar("7", (int, str)), as_scalar("False", (bool,))
    (7, False)
    """
    for kind in kinds:
        value = _READERS[kind](text.strip() if kind is not str else text)
        if value is not NOTHING:
            return value
    return NOTHING


def near(name: str, known: Iterable[str]) -> list[str]:
    """The names that a mistyped one may mean, upper and lower case alike.

    >>> near("PASWORD", ["user", "password"])
    ['password']
    """
    by_look = {each.lower(): each for each in known}
    return [by_look[look] for look in get_close_matches(name.lower(), by_look)]


def _integer(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return NOTHING


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return NOTHING


def _truth(text: str) -> Any:
    if text.lower() in _TRUE:
        return True
    return False if text.lower() in _FALSE else NOTHING


_READERS: dict[type, Callable[[str], Any]] = {int: _integer, float: _number, bool: _truth, str: str}
