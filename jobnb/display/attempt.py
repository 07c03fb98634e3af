"""Run code that may raise, because displaying something must never raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def attempt(look: Callable[[], T], otherwise: T) -> T:
    """Return the result of `look`, or `otherwise` if it raises.

    Example:
        >>> attempt(lambda: 1 // 0, -1)
        -1
    """
    try:
        return look()
    except Exception:  # noqa: BLE001 - reprs, annotations and descriptors of users raise anything
        return otherwise
