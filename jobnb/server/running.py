"""Running the server: in a process of its own, or in a thread beside a kernel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Self

from jobnb.automation.code_location import CodeLocation
from jobnb.registry.session import Session
from jobnb.server.access import new_token
from jobnb.server.app import application
from jobnb.server.limits import Limits
from jobnb.server.listening import address_of, bound_socket, run_until_stopped, server_of
from jobnb.server.workspace import ServedWorkspace

_PATIENCE = 30.0


def serve_until_stopped(
    served: ServedWorkspace,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    hosts: Iterable[str] = (),
    ready: Callable[[str, str], None] = lambda _address, _token: None,
) -> None:
    """Run the server in this thread, until Ctrl-C or SIGTERM.

    Args:
        served: What is served.
        host: The address to listen at.
        port: The port; the first free one from 3000 on if None.
        token: The token; a random one if None, no token if empty.
        hosts: Names that the server is reached by.
        ready: Is called with the address and the token once it listens.

    Raises:
        InvalidInvocationError: If the address cannot be had.
    """
    given = new_token() if token is None else token
    listening = bound_socket(host, port)
    limits = Limits()
    app = application(served, given, hosts, limits)
    run_until_stopped(app, listening, limits.body, lambda address: ready(address, given))


def serve_session(
    session: Session, *, host: str = "127.0.0.1", port: int | None = None, token: str | None = None
) -> Server:
    """Serve what a session knows, as it knows it at each moment; see `Session.serve`."""
    served = ServedWorkspace(session.instance, [CodeLocation.of_session(session)], session=session)
    return Server(served, host=host, port=port, token=token)


class Server:
    """A server in a thread of this process, as `session.serve()` gives it.

    Args:
        served: What is served.
        host: The address to listen at.
        port: The port; any free one if 0.
        token: The token; a random one if None.
        hosts: Names that the server is reached by.

    Attributes:
        address: Its address, as `http://127.0.0.1:3000`.
        token: Its token.

    Example:
        >>> from jobnb.storage.instance import Instance
        >>> with Server(ServedWorkspace(Instance.ephemeral(), []), port=0) as server:
        ...     server.address.startswith("http://127.0.0.1:")
        True
    """

    def __init__(
        self,
        served: ServedWorkspace,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        token: str | None = None,
        hosts: Iterable[str] = (),
    ) -> None:
        self.token = new_token() if token is None else token
        self._listening = bound_socket(host, port)
        self.address = address_of(self._listening)
        limits = Limits()
        self._server = server_of(application(served, self.token, hosts, limits), limits.body)
        self._listening.listen(2048)
        self._thread = threading.Thread(target=self._run, name="jobnb-server", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._server.run(sockets=[self._listening])
        self._listening.close()

    @property
    def url(self) -> str:
        """The address of GraphQL with the token."""
        return f"{self.address}/graphql?token={self.token}"

    @property
    def is_running(self) -> bool:
        """Whether it answers."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop it, and wait until it has stopped."""
        self._server.should_exit = True
        if self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "" if self.is_running else ", stopped"
        return f"<server: {self.url}{state}>"
