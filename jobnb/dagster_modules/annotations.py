"""Dagster's marks of what is public, experimental or deprecated: `dagster._annotations`.

They leave what they mark as it is: whoever calls a library of Dagster's over jobnb is not warned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Marked = TypeVar("Marked")

__all__ = ["deprecated", "mark", "public"]


def public(obj: Marked) -> Marked:
    """Return what is marked, as it is.

    Example:
        >>> public(len) is len
        True
    """
    return obj


def mark(obj: Any = None, **_told: Any) -> Any:
    """Return what is marked, as it is; without it, return a decorator that does so.

    Args:
        obj: What is marked.

    Example:
        >>> mark(len) is len and mark(param="year", breaking_version="2.0")(len) is len
        True
    """
    return public if obj is None else obj


deprecated: Callable[..., Any] = mark
deprecated_param: Callable[..., Any] = mark
experimental: Callable[..., Any] = mark
experimental_param: Callable[..., Any] = mark
suppress_dagster_warnings: Callable[..., Any] = mark
