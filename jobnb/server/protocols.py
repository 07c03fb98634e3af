"""The two protocols of GraphQL over a WebSocket: the newer one, and the older."""

from __future__ import annotations

from collections.abc import Sequence

PROTOCOLS = ("graphql-transport-ws", "graphql-ws")


def chosen_protocol(offered: Sequence[str]) -> str | None:
    """Return the protocol to speak, of those that a client offers; None if it knows neither.

    >>> chosen_protocol(["graphql-ws", "chat"])
    'graphql-ws'
    """
    return next((each for each in PROTOCOLS if each in offered), None)
