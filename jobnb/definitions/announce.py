"""Announce new definitions to whoever keeps a catalog, such as the session."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

Listener = Callable[[Any, str], None]

_listeners: list[Listener] = []
_unheard: list[tuple[Any, str]] = []


def announce(definition: Any, module: str) -> None:
    """Call the listeners with a `definition` that code of `module` created."""
    if _listeners:
        for listener in _listeners:
            listener(definition, module)
    elif module == "__main__":
        # Kept for later listeners: a script may define first and use the session afterwards.
        _unheard.append((definition, module))


def announce_from_caller(definition: Any) -> None:
    """Announce a definition for the module that called into jobnb."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith("jobnb."):
            announce(definition, module)
            return
        frame = frame.f_back


def listen(listener: Listener) -> None:
    """Call `listener(definition, module)` for each definition, including all so far."""
    _listeners.append(listener)
    waiting, _unheard[:] = list(_unheard), []
    for definition, module in waiting:
        listener(definition, module)
