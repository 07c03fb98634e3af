"""A WebSocket's messages, in both protocols of GraphQL, whatever carries them.

`graphql-ws` is the older one (of subscriptions-transport-ws), `graphql-transport-ws` the newer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from jobnb.server.executing import GraphQLExecutor, GraphQLRequest, asked_of
from jobnb.server.json_text import decoded, encoded

_PATIENCE = 30.0  # seconds in which a client says that it is there

Send = Callable[[str], Awaitable[None]]
Close = Callable[[int, str], Awaitable[None]]


class WebSocketSession:
    """What is said on one WebSocket.

    Args:
        executing: Executes what is asked for.
        protocol: One of `protocols.PROTOCOLS`.
        send: Sends a text.
        close: Closes the WebSocket with a code and a reason.
    """

    def __init__(self, executing: GraphQLExecutor, protocol: str, send: Send, close: Close) -> None:
        self._executing, self._send_text, self._close = executing, send, close
        self._is_old = protocol == "graphql-ws"
        self._greeted = self._closed = False
        self._going: dict[str, asyncio.Task[None]] = {}
        self._patience = asyncio.create_task(self._be_patient())

    async def _be_patient(self) -> None:
        await asyncio.sleep(_PATIENCE)
        if not self._greeted:
            await self._end(4408, "Connection initialisation timeout")

    async def _end(self, code: int, reason: str) -> None:
        if not self._closed:
            self._closed = True
            await self._close(code, reason)

    async def _send(self, kind: str, key: str | None = None, payload: Any = None) -> None:
        message: dict[str, Any] = {"type": kind}
        if key is not None:
            message["id"] = key
        if payload is not None:
            message["payload"] = payload
        if not self._closed:
            await self._send_text(encoded(message))

    async def finish(self) -> None:
        """End all that is active: the WebSocket is closed."""
        self._closed = True
        tasks = [self._patience, *self._going.values()]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, Exception):
                await task

    async def receive(self, text: str | bytes) -> None:
        """Handle a message.

        Args:
            text: The message.
        """
        try:
            message = decoded(text, "A message")
            kind, key = message["type"], message.get("id")
        except (ValueError, TypeError, KeyError, AttributeError):
            await self._invalid("A message is a JSON object with a type.")
            return
        if kind == "connection_init":
            await self._greet()
        elif kind == "ping" and not self._is_old:
            await self._send("pong")
        elif kind == "pong" and not self._is_old:
            pass
        elif kind == ("start" if self._is_old else "subscribe"):
            await self._begin(key, message.get("payload"))
        elif kind == ("stop" if self._is_old else "complete"):
            await self._stop(key)
        elif kind == "connection_terminate" and self._is_old:
            await self._end(1000, "")
        else:
            await self._invalid(f"There is no message of type {kind!r}."[:100])

    async def _invalid(self, reason: str) -> None:
        if self._is_old:
            await self._send("error", payload={"message": reason})
        else:
            await self._end(4400, reason)

    async def _greet(self) -> None:
        if self._greeted and not self._is_old:
            await self._end(4429, "Too many initialisation requests")
            return
        self._greeted = True
        self._patience.cancel()
        await self._send("connection_ack")
        if self._is_old:
            await self._send("ka")

    async def _begin(self, key: Any, payload: Any) -> None:
        if not self._greeted and not self._is_old:
            await self._end(4401, "Unauthorized")
            return
        if not isinstance(key, str) or not key:
            await self._invalid("Give the message an id, as text.")
            return
        if key in self._going:
            if self._is_old:
                await self._stop(key)
            else:
                await self._end(4409, f"Subscriber for {key} already exists"[:100])
                return
        try:
            asked = asked_of(payload)
        except ValueError as error:
            await self._fail(key, [{"message": str(error)}])
            return
        if len(self._going) >= self._executing.limits.subscriptions:
            most = self._executing.limits.subscriptions
            await self._fail(key, [{"message": f"One WebSocket has {most} subscriptions at most."}])
            return
        task = asyncio.create_task(self._follow(key, asked))
        self._going[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))

    def _forget(self, key: str, task: asyncio.Task[None]) -> None:
        if self._going.get(key) is task:
            del self._going[key]

    async def _fail(self, key: str, errors: list[Any]) -> None:
        await self._send("error", key, errors[0] if self._is_old else errors)

    async def _stop(self, key: Any) -> None:
        task = self._going.pop(key, None) if isinstance(key, str) else None
        if task is None:
            return
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task
        if self._is_old:
            await self._send("complete", key)

    async def _follow(self, key: str, asked: GraphQLRequest) -> None:
        kind = "data" if self._is_old else "next"
        if self._executing.is_subscription(asked):
            async for answer in self._executing.follow(asked):
                await self._send(kind, key, answer)
        else:
            status, answer = await self._executing.answer_soon(asked)
            if status == 400:
                await self._fail(key, answer["errors"])
                return
            await self._send(kind, key, answer)
        await self._send("complete", key)
