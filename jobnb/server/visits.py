"""A browser at the page: where it is, its widgets, and what it asks."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from jobnb.registry.session import Session
from jobnb.server.comms import CommBroker, Send, WidgetGroup, encoded, receive, widget_of
from jobnb.server.console import Console, ConsoleView, said
from jobnb.server.gate import ReadWriteLock

READ_ONLY = "This page only shows: it was started with --read-only."
# What a view may be asked where nothing may be changed; all else is refused.
READS = frozenset(
    {
        "about", "checks", "choices", "cell", "code", "compare", "complete_yaml", "config",
        "decisions", "detail", "fold", "keep_up", "log", "marks", "open", "outputs", "page",
        "partitions", "preview", "refresh", "reveal", "select", "show", "show_rich",
        "slowest_path", "standing", "steps", "tags", "ticks",
        # of a form, which nothing can be launched from
        "discard_yaml", "edit", "executor", "load_preset", "load_run", "partition", "remove_extra",
        "reset", "scaffold", "tag", "yaml",
    }
)  # fmt: skip
_MOST_SHELVES = 8
_ABSENCE = 600.0  # seconds that what a browser has typed is kept for, once it is gone


class Visit:
    """One tab of one browser; its messages are handled one after the other.

    Args:
        session: What is shown.
        exchange: Passes on what widgets tell.
        gate: Is shared while a message is handled.
        read_only: Whether nothing can be changed.
    """

    def __init__(
        self,
        session: Session,
        exchange: CommBroker,
        gate: ReadWriteLock,
        *,
        read_only: bool = False,
    ) -> None:
        self.id = secrets.token_urlsafe(18)
        self.read_only = read_only
        self.left = 0.0
        self._console = Console(session, self._go, read_only=read_only)
        self._exchange, self._gate = exchange, gate
        self._send: Send | None = None
        self._shelves: OrderedDict[str, tuple[WidgetGroup, ConsoleView]] = OrderedDict()
        self._turn = threading.RLock()

    # --- coming and going -------------------------------------------------------

    def come(self, send: Send) -> None:
        """Send to this socket from now on."""
        with self._turn:
            self._tell({"over": True})  # another tab, or the same one, which has gone
            self.leave(self._send)
            self._send, self.left = send, 0.0

    def leave(self, send: Send | None) -> None:
        """Note that a socket is closed; what was typed is kept for a while."""
        if send is None or send is not self._send:
            return
        self._exchange.leave(send)
        self._send, self.left = None, time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the browser has been away for long."""
        return self.left > 0 and time.monotonic() - self.left > _ABSENCE

    def end(self) -> None:
        """Close all of its widgets."""
        with self._gate.shared(), self._turn:
            self._drop()

    def renew(self) -> None:
        """Show all again, from changed definitions; what was typed stays."""
        with self._turn:
            self._drop()
        self._tell({"again": True})

    def notice(self, text: str) -> None:
        """Tell the browser something, or take it back if it is empty."""
        self._tell({"notice": text})

    def _drop(self) -> None:
        while self._shelves:
            _close(*self._shelves.popitem(last=False)[1])

    # --- what the browser sends ---------------------------------------------------

    def handle(self, message: dict[str, Any], send: Send) -> None:
        """Handle a message; an answer goes to the socket that asked, also if it has failed.

        Args:
            message: What the browser has sent.
            send: Sends to the socket that it came from.
        """
        kinds: dict[str, Callable[..., Any]] = {
            "go": self._at,
            "model": self._model,
            "find": self._console.find,
        }
        with self._gate.shared(), self._turn:
            if "tell" in message:
                self._heard(message["tell"], message.get("data"))
                return
            if send is not self._send:
                # The page was loaded anew meanwhile, and counts what it asks from one again: it
                # would take this answer for that to a question of its own.
                return
            number, kind = message.get("id"), str(message.get("ask"))
            try:
                value = kinds[kind](str(message.get("with", "")))
            except Exception as error:  # noqa: BLE001 - users' code may stand behind it
                self._tell({"answer": number, "error": said(error)})
            else:
                self._tell({"answer": number, "value": value})

    def _at(self, address: str) -> dict[str, Any]:
        """Return what stands at an address; made once, and kept for a while."""
        place, _, query = address.partition("?")
        kept = self._shelves.pop(place, None)
        shelf = WidgetGroup()
        if kept is not None and kept[1].widget is not None:
            shelf, shown = kept
            shown.query.take(query)
        else:
            try:
                with shelf.taking():
                    shown = self._console.at(address)
            except Exception:
                shelf.close()
                raise
            shown.query.observe(lambda change: self._query(place, change["new"]), ["text"])
        self._shelves[place] = shelf, shown
        while len(self._shelves) > _MOST_SHELVES:
            _close(*self._shelves.popitem(last=False)[1])
        model = shown.widget.model_id if shown.widget is not None else None
        return {"title": shown.title, "model": model, "rows": shown.rows}

    def _model(self, model: str) -> dict[str, Any]:
        if self._send is not None:
            self._exchange.follow(model, self._send)
        return self._exchange.state(model)

    def _heard(self, model: str, data: Any) -> None:
        content = data.get("content") if isinstance(data, dict) else None
        if isinstance(content, dict) and "ask" in content and self._refuses(model, content):
            return
        shelf = next((each for each, _ in self._shelves.values() if model in each.models), None)
        if shelf is None:
            return  # it was closed, or is that of another browser
        with shelf.taking():
            receive(model, data)

    def _refuses(self, model: str, content: dict[str, Any]) -> bool:
        if not self.read_only or content["ask"] in READS:
            return False
        widget = widget_of(model)
        if widget is not None:
            widget.send({"answer": content.get("id"), "error": READ_ONLY})
        return True

    # --- what the browser is sent -------------------------------------------------

    def _go(self, address: str) -> None:
        self._tell({"go": address})

    def _query(self, place: str, query: str) -> None:
        self._tell({"query": query, "place": place})

    def _tell(self, message: dict[str, Any]) -> None:
        send = self._send
        if send is not None:
            send(encoded(message))


def _close(shelf: WidgetGroup, shown: ConsoleView) -> None:
    if shown.widget is not None:
        shown.widget.close()
    shelf.close()


class Visits:
    """All browsers at the page.

    Args:
        session: What is shown.
        read_only: Whether nothing can be changed.
    """

    def __init__(self, session: Session, *, read_only: bool = False) -> None:
        self.exchange, self.gate = CommBroker(), ReadWriteLock()
        self.read_only = read_only
        self._session = session
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def visit(self, name: str | None) -> Visit:
        """Return the visit of that name, or a new one."""
        with self._lock:
            over = [each for each in self._visits.values() if each.is_over]
            for each in over:
                del self._visits[each.id]
            found = self._visits.get(name or "")
            if found is None:
                found = Visit(self._session, self.exchange, self.gate, read_only=self.read_only)
                self._visits[found.id] = found
        for each in over:
            each.end()
        return found

    def notice(self, text: str) -> None:
        """Tell all browsers something, or take it back if it is empty."""
        with self._lock:
            visits = list(self._visits.values())
        for each in visits:
            each.notice(text)

    def renew(self, change: Callable[[], None]) -> None:
        """Change what is shown while no message is handled, and show all again."""
        with self.gate.alone():
            change()
            with self._lock:
                visits = list(self._visits.values())
            for each in visits:
                each.renew()
