"""Where a server listens, and how it is run until it is stopped."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from jobnb.errors import InvalidInvocationError

PORT = 3000
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def bound_socket(host: str, port: int | None) -> socket.socket:
    """Return a socket that is bound to an address.

    Args:
        host: The address.
        port: The port; the first free one from 3000 on if None, any free one if 0.

    Raises:
        InvalidInvocationError: If it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    tries = range(PORT, PORT + 50) if port is None else (port,)
    reason: OSError | None = None
    for each in tries:
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, each))
        except (OSError, OverflowError) as error:
            found.close()
            reason = error if isinstance(error, OSError) else OSError(str(error))
        else:
            return found
    where = f"{host}:{tries[0]}" if len(tries) == 1 else f"{host}, ports {PORT} to {PORT + 49}"
    why = getattr(reason, "strerror", None) or reason
    if isinstance(reason, socket.gaierror) or getattr(reason, "errno", 0) in _NOT_HERE:
        step = (
            "Choose a --host of this machine: 127.0.0.1 for itself alone, 0.0.0.0 for others, too."
        )
    else:
        step = "Choose another --port, or 0 for any."
    raise InvalidInvocationError(f"The server cannot listen at {where}: {why}. {step}")


def address_of(listening: socket.socket) -> str:
    """Return the address of a socket as a URL."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_of(app: Any, longest: int) -> uvicorn.Server:
    """Return the server of an application; nothing of the requests is logged.

    Args:
        app: The application.
        longest: How many bytes a message of a WebSocket may have.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="websockets-sansio",
        ws_max_size=longest,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


def run_until_stopped(
    app: Any, listening: socket.socket, longest: int, ready: Callable[[str], None]
) -> None:
    """Run a server in this thread, until Ctrl-C or SIGTERM.

    Args:
        app: The application.
        listening: The socket, which is closed in the end.
        longest: How many bytes a message of a WebSocket may have.
        ready: Is called with the address once it listens.
    """
    server = server_of(app, longest)
    listening.listen(2048)
    ready(address_of(listening))
    try:
        server.run(sockets=[listening])
    finally:
        listening.close()
