"""The server's addresses: `/graphql` for HTTP and WebSocket, and `/server_info`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from jobnb.server.access import Access, Refusal
from jobnb.server.executing import GraphQLExecutor, GraphQLRequest, asked_of
from jobnb.server.json_text import decoded, encoded
from jobnb.server.limits import Limits
from jobnb.server.protocols import chosen_protocol
from jobnb.server.repositories import jobnb_version
from jobnb.server.websocket import WebSocketSession
from jobnb.server.workspace import ServedWorkspace


def application(
    served: ServedWorkspace, token: str, hosts: Iterable[str] = (), limits: Limits | None = None
) -> Starlette:
    """Return the application that answers for what is served.

    Args:
        served: What is served.
        token: The token that each request must have; empty for none.
        hosts: Names that the server is reached by, beside those of the loopback.
        limits: The limits of each query.

    Example:
        >>> from jobnb.storage.instance import Instance
        >>> app = application(ServedWorkspace(Instance.ephemeral(), []), "sesame")
        >>> [route.path for route in app.routes]
        ['/graphql', '/graphql', '/server_info', '/dagit_info']
    """
    doors = GraphQLRoutes(GraphQLExecutor(served, limits), Access(token, hosts))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        doors.executing.close()

    handlers: Any = {404: doors.nothing}
    app = Starlette(routes=doors.routes(), lifespan=lifespan, exception_handlers=handlers)
    app.router.redirect_slashes = False  # nothing is told of a path without the token
    return app


def server_info() -> dict[str, str]:
    """Return the versions, under the names that Dagster's clients look for.

    >>> "dagster_webserver_version" in server_info()
    True
    """
    version = jobnb_version()
    names = ("dagster_webserver_version", "dagster_version", "dagster_graphql_version")
    return {**dict.fromkeys(names, "1.4.7"), "jobnb_version": version}


def asked_in(body: bytes, limits: Limits) -> GraphQLRequest | Refusal:
    """Return the query in a body; else an HTTP status, and why."""
    if len(body) > limits.body:
        return 413, f"The body has {len(body):,} bytes; {limits.body:,} are allowed."
    try:
        return asked_of(decoded(body))
    except ValueError as error:
        return 400, str(error)


def refused(refusal: Refusal) -> Response:
    """Return a refusal as a response."""
    status, message = refusal
    headers = {"WWW-Authenticate": 'Basic realm="jobnb"'} if status == 401 else None
    content = {"data": None, "errors": [{"message": message}]}
    return JSONResponse(content, status, headers=headers)


_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class GraphQLRoutes:
    """What is behind each address of GraphQL.

    Args:
        executing: Executes what is asked for.
        access: Says who is let in.
    """

    def __init__(self, executing: GraphQLExecutor, access: Access) -> None:
        self.executing, self._access = executing, access

    def routes(self) -> list[BaseRoute]:
        """Return the addresses, for an application."""
        return [
            Route("/graphql", self.graphql, methods=_METHODS),
            WebSocketRoute("/graphql", self.websocket),
            Route("/server_info", self.info, methods=_METHODS),
            Route("/dagit_info", self.info, methods=_METHODS),
        ]

    def _refusal(self, connection: HTTPConnection) -> Refusal | None:
        token = connection.query_params.get("token")
        return self._access.refusal(dict(connection.headers), token)

    def _refusal_of(self, request: Request, *methods: str) -> Refusal | None:
        refusal = self._refusal(request)
        if refusal is None and request.method not in methods:
            told = f"{request.method} is no method of {request.url.path}, which takes "
            return 405, f"{told}{' and '.join(methods)}."
        return refusal

    async def nothing(self, request: Request, _error: Exception) -> Response:
        """Answer that there is nothing, to whoever has the token."""
        there = "The addresses are /graphql and /server_info."
        return refused(self._refusal(request) or (404, there))

    async def info(self, request: Request) -> Response:
        """Answer with the versions."""
        refusal = self._refusal_of(request, "GET", "HEAD")
        return refused(refusal) if refusal is not None else JSONResponse(server_info())

    async def graphql(self, request: Request) -> Response:
        """Answer a query or mutation."""
        refusal = self._refusal_of(request, "GET", "POST")
        if refusal is not None:
            return refused(refusal)
        if request.method == "GET":
            asked = self._in_address(request)
        else:
            body = await self._body(request)
            asked = body if isinstance(body, tuple) else asked_in(body, self.executing.limits)
        if isinstance(asked, tuple):
            return refused(asked)
        by_get = request.method == "GET"
        status, answer = await self.executing.answer_soon(asked, reads_only=by_get)
        return Response(encoded(answer), status, media_type="application/json")

    async def _body(self, request: Request) -> bytes | Refusal:
        """Return the body, read no further than it may be long."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return 415, "Send the query as JSON, with Content-Type: application/json."
        found, most = bytearray(), self.executing.limits.body
        async for part in request.stream():
            found += part
            if len(found) > most:
                return 413, f"The body has more than {most:,} bytes."
        return bytes(found)

    def _in_address(self, request: Request) -> GraphQLRequest | Refusal:
        given: dict[str, Any] = dict(request.query_params)
        try:
            return asked_of(given)
        except ValueError as error:
            return 400, str(error)

    async def websocket(self, websocket: WebSocket) -> None:
        """Serve one of GraphQL's WebSocket protocols."""
        protocol = chosen_protocol(list(websocket.scope.get("subprotocols") or ()))
        if self._refusal(websocket) is not None or protocol is None:
            await websocket.close(4401 if protocol is not None else 4406)  # before it is accepted
            return
        await websocket.accept(protocol)

        async def close(code: int, reason: str) -> None:
            if websocket.application_state is WebSocketState.CONNECTED:
                await websocket.close(code, reason)

        async def send(text: str) -> None:
            if websocket.application_state is WebSocketState.CONNECTED:
                await websocket.send_text(text)

        conversation = WebSocketSession(self.executing, protocol, send, close)
        try:
            while websocket.application_state is WebSocketState.CONNECTED:
                message = await _message(websocket)
                if len(message) > self.executing.limits.body:
                    await close(1009, "The message is too long.")
                    break
                await conversation.receive(message)
        except WebSocketDisconnect:
            pass
        finally:
            await conversation.finish()


async def _message(websocket: WebSocket) -> str | bytes:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    found: str | bytes = message.get("text") or message.get("bytes") or ""
    return found
