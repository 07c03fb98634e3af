"""The base of live views: requests to the kernel, and messages from it.

The front end sends `{ask, id, with}` and gets `{answer: id, value}` or `{answer: id, error}`; the
kernel sends `{news: {topic: {...}}}`. `static/parts/dom.js` is the other end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from anywidget import AnyWidget

from jobnb.display.widgets.assemble import css, esm
from jobnb.display.widgets.live_and_static import LiveAndStatic
from jobnb.errors import JobnbError

_ASKED = "_jobnb_asked"
F = TypeVar("F", bound=Callable[..., Any])


def answers(name: str) -> Callable[[F], F]:
    """Register a method as the answer to the front end's requests of this name.

    What it is asked with are its keyword arguments; what it returns must be JSON-ready.
    """

    def mark(method: F) -> F:
        setattr(method, _ASKED, name)
        return method

    return mark


class View(LiveAndStatic, AnyWidget):
    """A live view; subclasses set `_esm` and `_css` with `esm(...)` and `css(...)`.

    Example:
        >>> class Echo(View):
        ...     _esm = esm("parts/dom.js")
        ...
        ...     @answers("echo")
        ...     def _echo(self, text):
        ...         return text.upper()
        >>> Echo().answer("echo", text="hello")
        'HELLO'
    """

    _esm = esm("parts/dom.js")
    _css = css()
    _answering: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **parameters: Any) -> None:
        super().__init_subclass__(**parameters)
        own = {
            getattr(method, _ASKED): name
            for name, method in vars(cls).items()
            if hasattr(method, _ASKED)
        }
        cls._answering = {**cls._answering, **own}

    def __init__(self, **traits: Any) -> None:
        # Runs and front ends reach a view from different threads.
        self.guard = threading.RLock()
        self._pace = Throttle(lambda news: self.send({"news": news}))
        super().__init__(**traits)
        self.on_msg(self._hear)

    def open(self) -> None:
        """Open its comm to the front ends; requests are handled while a cell runs, too."""
        super().open()
        _hear_in_subshells(self.comm)

    def get_state(self, *names: Any, **parameters: Any) -> Any:
        """Return the state for the front end; read as a whole, in any thread."""
        with self.guard:
            return super().get_state(*names, **parameters)

    def tell(self, topic: str, news: dict[str, Any]) -> None:
        """Send news to all front ends, at most 20 times a second. Thread-safe.

        Args:
            topic: What `hear(model, topic, ...)` in the JavaScript waits for.
            news: JSON-ready; what has not gone out yet is merged key by key.
        """
        self._pace.tell(topic, news)

    def answer(self, name: str, /, **asked: Any) -> Any:
        """Return the answer to a request of the front end.

        Raises:
            JobnbError: If it has no answer to that.
        """
        method = self._answering.get(name)
        if method is None:
            raise JobnbError(f"{type(self).__name__} cannot answer {name!r}.")
        return getattr(self, method)(**asked)

    def _hear(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Handle a message of the front end; a failure becomes its answer."""
        if not isinstance(content, dict) or "ask" not in content:
            return
        number = content.get("id")
        try:
            value = self.answer(str(content["ask"]), **content.get("with", {}))
        except Exception as error:  # noqa: BLE001 - users' code may stand behind an answer
            self.send({"answer": number, "error": str(error) or type(error).__name__})
        else:
            self.send({"answer": number, "value": value})

    def close(self) -> None:
        """Close the view in all front ends."""
        self._pace.stop()
        super().close()


def _hear_in_subshells(comm: Any) -> None:
    """Let requests use the subshell that the front end chose.

    ipykernel 7.4 hands them to the shell that last spoke over the comm, for code that waits
    there for its answers. That is the shell of the cells: a view would be deaf while one runs.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, chosen: chosen


PAUSE = 0.05  # seconds between two messages


class Throttle:
    """Gathers updates by topic and sends them, never twice within `pause` seconds.

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
        """Discard the gathered updates; later ones are sent again."""
        with self._lock:
            self._news.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
