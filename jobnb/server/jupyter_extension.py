"""GraphQL under a Jupyter server's own token: `/jobnb/PATH/OF/NOTEBOOK.ipynb/graphql`.

Jupyter says who is let in; what comes in is passed on to the process that serves the notebook.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.routing import PathMatches, Rule
from tornado.web import HTTPError, authenticated
from tornado.websocket import WebSocketHandler, websocket_connect

from jobnb.errors import NotebookError
from jobnb.server.notebook_servers import NotebookServers, ServerAddress
from jobnb.server.protocols import chosen_protocol

_SECONDS = 120.0
_PATH = "/jobnb/(.+)/(graphql|server_info|dagit_info)"


async def _place(handler: Any, path: str) -> ServerAddress:
    servers: NotebookServers = handler.settings["jobnb_servers"]
    try:
        return await servers.place_of(path)
    except NotebookError as error:
        status = 404 if "no notebook" in str(error) else 500
        raise HTTPError(status, str(error), reason="The notebook cannot be served") from error


class ForwardingHandler(APIHandler):
    """Passes a request on, and the answer back."""

    auth_resource = "jobnb"

    @authenticated
    @authorized
    async def get(self, path: str, what: str) -> None:
        """Answer a query, or tell the versions."""
        await self._pass_on(path, what)

    @authenticated
    @authorized
    async def post(self, path: str, what: str) -> None:
        """Answer a query or mutation."""
        await self._pass_on(path, what)

    async def _pass_on(self, path: str, what: str) -> None:
        place = await _place(self, path)
        kind = self.request.headers.get("Content-Type", "application/json")
        asked = HTTPRequest(
            f"{place.address}/{what}",
            method=self.request.method,
            headers={"Authorization": f"token {place.token}", "Content-Type": kind},
            body=self.request.body if self.request.method == "POST" else None,
            request_timeout=_SECONDS,
        )
        left = [(name, value) for name, value in parse_qsl(self.request.query) if name != "token"]
        if left:
            asked.url += f"?{urlencode(left)}"
        answer = await AsyncHTTPClient().fetch(asked, raise_error=False)
        self.set_status(answer.code)
        self.finish(answer.body)


class PassingOnSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """Passes the messages of a WebSocket on, in both directions."""

    auth_resource = "jobnb"

    def set_default_headers(self) -> None:
        """Set none: a WebSocket has no headers of an answer."""

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Return the protocol to speak."""
        return chosen_protocol(subprotocols)

    @ws_authenticated
    @authorized("execute")  # type: ignore[untyped-decorator]
    async def get(self, *named: str) -> None:  # type: ignore[override]
        """Open the WebSocket, once the notebook is served."""
        self._place = await _place(self, named[0])
        await super().get(*named)

    async def open(self, *named: str) -> None:
        """Open one to the process that serves the notebook."""
        super().open(*named)
        protocol = self.selected_subprotocol
        if protocol is None:
            self.close(4406, "Subprotocol not acceptable")
            return
        asked = HTTPRequest(
            f"{self._place.address.replace('http', 'ws', 1)}/graphql",
            headers={"Authorization": f"token {self._place.token}"},
        )
        self._there = await websocket_connect(
            asked, subprotocols=[protocol], on_message_callback=self._back
        )

    def _back(self, message: str | bytes | None) -> None:
        if message is None:
            self.close(self._there.close_code, self._there.close_reason)
        elif self.ws_connection is not None:
            self.write_message(message)

    async def on_message(self, message: str | bytes) -> None:
        """Pass a message on."""
        await self._there.write_message(message)

    def on_close(self) -> None:
        """Close the other one, too."""
        super().on_close()
        there = getattr(self, "_there", None)
        if there is not None:
            there.close()


class _Upgrades(PathMatches):
    """Matches the requests of a path that open a WebSocket."""

    def match(self, request: Any) -> dict[str, Any] | None:
        """Return the parts of the path; None if it is another one, or no WebSocket is asked for."""
        upgrade = request.headers.get("Upgrade", "").lower()
        return super().match(request) if upgrade == "websocket" else None


class JobnbExtension(ExtensionApp):
    """The extension of a Jupyter server, as `jupyter server extension list` shows it."""

    name = "jobnb"
    extension_url = "/jobnb"

    def initialize_handlers(self) -> None:
        """Add the addresses to those of the Jupyter server."""
        app: Any = self.serverapp
        app.web_app.settings["jobnb_servers"] = NotebookServers(
            Path(app.root_dir), lambda line: self.log.warning("jobnb serve: %s", line)
        )
        pattern = url_path_join(app.base_url, _PATH)
        rules = [Rule(_Upgrades(f"{pattern}$"), PassingOnSocket), (pattern, ForwardingHandler)]
        app.web_app.add_handlers(".*$", rules)

    async def stop_extension(self) -> None:
        """End the processes that serve notebooks."""
        app: Any = self.serverapp
        await app.web_app.settings["jobnb_servers"].stop()


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "jobnb.server.jupyter_extension", "app": JobnbExtension}]
