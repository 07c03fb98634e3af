"""Widgets without a kernel: their comms go over the sockets of the page's browsers.

A browser asks for the models that it needs, and hears from then on of their changes.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import comm
import msgspec
from comm.base_comm import BaseComm
from ipywidgets import Widget

Send = Callable[[str], None]
"""Sends a text to a browser; from any thread."""

_HELD_BACK = ("_esm", "_css")


class WidgetGroup:
    """The widgets of one address in one browser, which are closed together."""

    def __init__(self) -> None:
        self.models: dict[str, None] = {}

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Keep the widgets that the block creates in this thread."""
        before = _taking.set(self)
        try:
            yield
        finally:
            _taking.reset(before)

    def close(self) -> None:
        """Close all of its widgets, the latest first."""
        models, self.models = list(self.models), {}
        for model in reversed(models):
            widget = widget_of(model)
            if widget is not None:
                widget.close()


_taking: ContextVar[WidgetGroup | None] = ContextVar("shelf", default=None)


class CommBroker:
    """Passes on what widgets tell to the browsers that have asked for them.

    Example:
        >>> exchange = CommBroker()
        >>> heard = []
        >>> with exchange.installed():
        ...     from jobnb.display.widgets.tabbed import Note
        ...
        ...     note = Note(text="one")
        ...     exchange.follow(note.model_id, heard.append)
        ...     note.text = "two"
        ...     note.close()
        >>> '"text":"two"' in heard[0]
        True
    """

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, str]] = {}
        self._followers: dict[str, set[Send]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Make the comms of widgets that are created meanwhile in this process its own."""

        class Comm(_Comm):
            exchange = self

        before = comm.create_comm
        comm.create_comm = Comm
        try:
            yield
        finally:
            comm.create_comm = before

    def follow(self, model: str, send: Send) -> None:
        """Send what changes of a model from now on."""
        with self._lock:
            self._followers.setdefault(model, set()).add(send)

    def leave(self, send: Send) -> None:
        """Send nothing more there."""
        with self._lock:
            for model in [each for each, those in self._followers.items() if send in those]:
                self._followers[model].discard(send)
                if not self._followers[model]:
                    del self._followers[model]

    def forget(self, model: str) -> None:
        """Discard a model that was closed."""
        with self._lock:
            self._followers.pop(model, None)

    def tell(self, model: str, data: Any, buffers: Any) -> None:
        """Send a message of a model to those who follow it."""
        with self._lock:
            followers = list(self._followers.get(model, ()))
        if not followers:
            return
        text = encoded({"model": model, "data": data, "buffers": _texts(buffers)})
        for send in followers:
            send(text)

    def state(self, model: str) -> dict[str, Any]:
        """Return the state of a model; its script and style are told by their addresses.

        Raises:
            KeyError: If it was closed.
        """
        widget = widget_of(model)
        if widget is None:
            raise KeyError(model)
        from ipywidgets.widgets.widget import _remove_buffers

        state, paths, buffers = _remove_buffers(widget.get_state())
        for name, kind in zip(_HELD_BACK, ("js", "css"), strict=True):
            if state.get(name):
                state[name] = self.file(state[name], kind)
        return {"state": state, "buffer_paths": paths, "buffers": _texts(buffers)}

    def file(self, text: str, kind: str) -> str:
        """Return the address of a script or a style sheet, which changes with its content."""
        name = f"{hashlib.sha256(text.encode()).hexdigest()[:20]}.{kind}"
        self.files[name] = (text, "text/javascript" if kind == "js" else "text/css")
        return f"/-/files/{name}"


class _Comm(BaseComm):
    """A comm whose other end is in browsers."""

    exchange: CommBroker

    def __init__(self, *args: Any, **parameters: Any) -> None:
        super().__init__(*args, **parameters)
        shelf = _taking.get()
        if shelf is not None:
            shelf.models[self.comm_id] = None

    def publish_msg(
        self,
        msg_type: str,
        data: Any = None,
        metadata: Any = None,
        buffers: Any = None,
        **keys: Any,
    ) -> None:
        """Pass on a message; the state of a new model is asked for."""
        if msg_type == "comm_msg" and (data or {}).get("method") != "echo_update":
            self.exchange.tell(self.comm_id, data, buffers)
        elif msg_type == "comm_close":
            self.exchange.forget(self.comm_id)


def widget_of(model: str) -> Any:
    """Return the widget of a model, or None."""
    from ipywidgets.widgets.widget import _instances

    return _instances.get(model)


def receive(model: str, data: Any) -> Widget | None:
    """Give a widget a message of a browser; None if it was closed."""
    widget = widget_of(model)
    if widget is None or widget.comm is None:
        return None
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})
    return widget


def encoded(message: Any) -> str:
    """Return a message as JSON that every browser can parse."""
    return msgspec.json.encode(message, enc_hook=str).decode()


def _texts(buffers: Any) -> list[str]:
    return [base64.b64encode(bytes(each)).decode() for each in buffers or ()]
