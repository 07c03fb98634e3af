"""Texts as values: what an environment variable holds is text, whatever is due."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobnb.config.nodes import NOTHING

__all__ = ["as_scalar"]

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
