"""The page: its addresses, its files, and the socket of each browser."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from html import escape
from typing import Any
from urllib.parse import parse_qs, quote

import msgspec
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from jobnb.display.widgets.assemble import css, esm
from jobnb.server.access import Access, Refusal
from jobnb.server.visits import Visit, Visits

LONGEST = 8_000_000
"""How many bytes a message of a browser may have: a config with its text, say."""
_MOST_WAITING = 20_000  # messages that a browser does not take
_RULES = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _RULES,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
{head}
</head>
<body class="jobnb jp-page" data-about="{about}">
{body}
</body>
</html>
"""
_LOGIN = """<style>
:root {{ color-scheme: light dark; }}
main {{ font: 15px system-ui, sans-serif; max-width: 28rem; margin: 15vh auto; padding: 0 1rem; }}
input, button {{ font: inherit; padding: 4px 8px; }}
</style>
<main>
<h1>jobnb</h1>
<p role="alert">{why}</p>
<form method="post" action="/-/login?next={back}">
<label>Token <input type="password" name="token" autofocus required
autocomplete="current-password"></label>
<button>Open</button>
</form>
<p>The command that started the page has printed it, as a part of the address.</p>
</main>"""


def page_application(
    visits: Visits,
    token: str,
    name: str,
    hosts: Iterable[str] = (),
    *,
    cookie: str = "jobnb",
    beside: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the application of the page.

    Args:
        visits: The browsers, and what they are shown.
        token: The token that each request must have; empty for none.
        name: The name of what is shown.
        hosts: Names that the page is reached by, beside those of the loopback.
        cookie: The name of the cookie that says that the token was given.
        beside: More addresses, each of which asks for the token itself.
    """
    doors = _PageRoutes(visits, token, name, Access(token, hosts), cookie)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        doors.closing = asyncio.Event()
        yield
        doors.closing.set()

    routes = [
        *beside,
        Route("/-/login", doors.login, methods=["POST"]),
        Route("/-/files/{name}", doors.file),
        WebSocketRoute("/-/socket", doors.socket),
        Route("/{path:path}", doors.page),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.router.redirect_slashes = False
    return app


class _PageRoutes:
    """What is behind each address."""

    def __init__(self, visits: Visits, token: str, name: str, access: Access, cookie: str) -> None:
        self._visits, self._token, self._name = visits, token, name
        self._access, self._cookie = access, cookie
        self._mark = hashlib.sha256(f"jobnb page {token}".encode()).hexdigest()
        self.closing = asyncio.Event()
        files = visits.exchange
        self._style = files.file(css("page.css"), "css")
        parts = ("parts/dom.js", "parts/marks.js", "parts/page_models.js", "parts/page_views.js")
        self._script = files.file(esm(*parts, "page.js"), "js")

    def _refusal(self, connection: HTTPConnection) -> Refusal | None:
        given = connection.query_params.get("token")
        cookie = connection.cookies.get(self._cookie, "")
        if hmac.compare_digest(cookie.encode(), self._mark.encode()):
            given = self._token
        return self._access.refusal(dict(connection.headers), given)

    # --- HTTP -------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        """Answer with the page; what stands at its address is asked for by its script."""
        refusal = self._refusal(request)
        if refusal is not None:
            return self._refused(refusal, request)
        if "token" in request.query_params:
            return self._let_in(_without_token(request))
        about = {
            "name": self._name,
            "readOnly": self._visits.read_only,
            "script": self._script,
        }
        head = (
            f'<link rel="stylesheet" href="{self._style}">\n'
            f'<script type="module" src="{self._script}"></script>'
        )
        return _html(self._name, "", head, about)

    async def login(self, request: Request) -> Response:
        """Let in who gives the token, and lead on to the address that was asked for."""
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > 10_000:
                return Response("The token is too long.", 413)
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[-1]
        refusal = self._access.refusal(dict(request.headers), given)
        if refusal is not None:
            return self._refused(refusal, request)
        back = request.query_params.get("next", "/")
        return self._let_in(back if back.startswith("/") and back[1:2] not in ("/", "\\") else "/")

    async def file(self, request: Request) -> Response:
        """Answer with a script or a style sheet; a name stands for one content for ever."""
        refusal = self._refusal(request)
        if refusal is not None:
            return self._refused(refusal, request)
        found = self._visits.exchange.files.get(request.path_params["name"])
        if found is None:
            return Response("There is no such file.", 404, headers=_HEADERS)
        kept = {**_HEADERS, "Cache-Control": "private, max-age=31536000, immutable"}
        return Response(found[0], media_type=found[1], headers=kept)

    def _let_in(self, address: str) -> Response:
        response = RedirectResponse(address, 303, headers=_HEADERS)
        response.set_cookie(self._cookie, self._mark, httponly=True, samesite="lax", path="/")
        return response

    def _refused(self, refusal: Refusal, request: Request) -> Response:
        status, why = refusal
        if status != 401:
            return Response(why, status, media_type="text/plain", headers=_HEADERS)
        asked = request.query_params.get("next") or _without_token(request)
        wrong = "token" in request.query_params or request.method == "POST"
        told = "This token is not the right one." if wrong else "This page wants a token."
        login = _LOGIN.format(why=told, back=escape(quote(asked, safe="/"), quote=True))
        return _html("jobnb", login, "", {}, status)

    # --- the socket -------------------------------------------------------------

    async def socket(self, websocket: WebSocket) -> None:
        """Serve a browser until it leaves."""
        if self._refusal(websocket) is not None:
            await websocket.close(4401)  # before it is accepted
            return
        await websocket.accept()
        visit = self._visits.visit(websocket.query_params.get("visit"))
        line = _Line(websocket)
        line.send(json.dumps({"visit": visit.id, "script": self._script}))
        tasks: list[asyncio.Task[Any]] = []
        try:
            # In a thread: it waits for what the visit still does for the page before this one.
            await asyncio.to_thread(visit.come, line.send)
            tasks += [
                asyncio.create_task(each)
                for each in (line.deliver(), _listen(websocket, visit, line), self.closing.wait())
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            visit.leave(line.send)
            await line.close()


async def _listen(websocket: WebSocket, visit: Visit, line: _Line) -> None:
    """Handle what a browser sends, one message after the other."""
    while True:
        try:
            message = msgspec.json.decode(await websocket.receive_text())
        except (WebSocketDisconnect, KeyError, msgspec.DecodeError):
            return
        if isinstance(message, dict):
            await asyncio.to_thread(visit.handle, message, line.send)


class _Line:
    """Sends texts to a browser, in the order in which threads give them."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue()
        self.send: Callable[[str], None] = self._give

    def _give(self, text: str) -> None:
        try:
            self._loop.call_soon_threadsafe(self._put, text)
        except RuntimeError:  # the server has stopped
            return

    def _put(self, text: str) -> None:
        # One that takes nothing is let go; it comes back, and asks for what it needs.
        late = self._waiting.qsize() > _MOST_WAITING
        self._waiting.put_nowait(None if late else text)

    async def deliver(self) -> None:
        """Send what comes, until the browser has gone."""
        while (text := await self._waiting.get()) is not None:
            try:
                await self._websocket.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                return

    async def close(self) -> None:
        """Close the socket, if it is not closed yet."""
        try:
            await self._websocket.close(1001)
        except (WebSocketDisconnect, RuntimeError):
            return


def _html(title: str, body: str, head: str, about: dict[str, Any], status: int = 200) -> Response:
    told = escape(json.dumps(about), quote=True)
    text = _PAGE.format(title=escape(title), head=head, body=body, about=told)
    return HTMLResponse(text, status, headers=_HEADERS)


def _without_token(request: Request) -> str:
    """Return the address that was asked for, without the token."""
    left = [(key, value) for key, value in request.query_params.multi_items() if key != "token"]
    query = "&".join(f"{quote(key)}={quote(value)}" for key, value in left)
    path = quote(request.url.path)
    return f"{path}?{query}" if query else path
