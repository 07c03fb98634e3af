"""Messages to a front end at a pace that it can follow: put together, at most 20 a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["PAUSE", "Pace"]

PAUSE = 0.05  # seconds between two messages


class Pace:
    """Gathers news by topic and sends what has gathered, never twice within `pause` seconds.

    The first news goes out at once; later ones wait for their turn on a timer's thread. News of
    one topic are merged key by key, the latest value of a key counts.

    Args:
        send: Called with what has gathered: the news by topic.
        pause: The time between two calls, in seconds.
    """

    def __init__(
        self, send: Callable[[dict[str, dict[str, Any]]], None], pause: float = PAUSE
    ) -> None:
        self._send = send
        self._pause = pause
        self._news: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._sending = threading.Lock()  # so that later news never overtake earlier ones
        self._timer: threading.Timer | None = None
        self._last = float("-inf")

    def tell(self, topic: str, news: dict[str, Any]) -> None:
        """Send the news now, or with what follows when it is too early; from any thread."""
        with self._lock:
            self._news.setdefault(topic, {}).update(news)
            if self._timer is not None:
                return
            wait = self._last + self._pause - time.monotonic()
            if wait > 0:
                self._timer = threading.Timer(wait, self.flush)
                self._timer.daemon = True
                self._timer.start()
                return
        self.flush()

    def flush(self) -> None:
        """Send what has gathered without waiting."""
        with self._sending:
            with self._lock:
                self._timer = None
                news, self._news = self._news, {}
                self._last = time.monotonic()
            if news:
                self._send(news)

    def stop(self) -> None:
        """Forget what has gathered; later news are sent again."""
        with self._lock:
            self._news.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
