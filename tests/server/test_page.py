"""The page without a browser: who is let in, and what a page that only shows refuses."""

from __future__ import annotations

import asyncio
import importlib
import json
import pkgutil
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from jobnb import Session, job, op
from jobnb.automation.code_location import CodeLocation
from jobnb.display import widgets
from jobnb.display.widgets.view import View
from jobnb.errors import StorageError
from jobnb.registry import session as sessions
from jobnb.server.comms import Send
from jobnb.server.page import page_application
from jobnb.server.page_graphql import graphql_beside
from jobnb.server.showing import kept_token
from jobnb.server.visits import READ_ONLY, READS, Visits


@op
def hello() -> str:
    return "hello"


@job
def greet():
    hello()


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    made = Session(str(tmp_path / "home")).add(greet)
    monkeypatch.setattr(sessions, "_active", [made])
    yield made
    made.instance.dispose()


class Browser:
    """A browser that asks, and keeps what it is sent."""

    def __init__(self, visits: Visits) -> None:
        self.visit = visits.visit(None)
        self.sent: list[dict[str, Any]] = []
        self.send: Send = lambda text: self.sent.append(json.loads(text))
        self.visit.come(self.send)

    def ask(self, kind: str, given: str) -> Any:
        self.visit.handle({"ask": kind, "id": 1, "with": given}, self.send)
        return self.sent[-1]["value"]

    def models(self, model: str) -> dict[str, dict[str, Any]]:
        """All models below one, by id."""
        state = self.ask("model", model)["state"]
        found = {model: state}
        for child in state.get("children", ()):
            found |= self.models(child.removeprefix("IPY_MODEL_"))
        return found

    def tell(self, model: str, asked: str, **given: Any) -> dict[str, Any]:
        """What a view answers."""
        content = {"ask": asked, "id": 7, "with": given}
        told = {"tell": model, "data": {"method": "custom", "content": content}}
        self.visit.handle(told, self.send)
        [answer] = [
            each["data"]["content"]
            for each in self.sent
            if each.get("model") == model and each["data"]["method"] == "custom"
        ]
        return dict(answer)


def form_of(browser: Browser) -> str:
    root = browser.ask("go", "/jobs/greet?tab=launchpad")["model"]
    found = browser.models(root)
    [face] = [model for model, state in found.items() if "shifts" in state and "yaml" in state]
    return face


def test_a_page_that_only_shows_launches_nothing_whatever_it_is_sent(session: Session) -> None:
    session.instance.only_read()
    visits = Visits(session, read_only=True)
    with visits.exchange.installed():
        browser = Browser(visits)
        assert browser.tell(form_of(browser), "launch") == {"answer": 7, "error": READ_ONLY}
        browser.visit.end()
    with pytest.raises(StorageError, match="is read here and not changed"):
        session.launch("greet")
    assert session.instance.get_runs_count() == 0


def test_a_page_launches_where_it_may(session: Session) -> None:
    visits = Visits(session)
    with visits.exchange.installed():
        browser = Browser(visits)
        assert "error" not in browser.tell(form_of(browser), "launch")
        [address] = [each["go"] for each in browser.sent if "go" in each]
        browser.visit.end()
    run = session.run(address.removeprefix("/runs/")).wait()
    assert run.status == "SUCCESS"


def test_a_page_that_is_loaded_anew_gets_no_answer_to_what_the_one_before_has_asked(
    session: Session,
) -> None:
    visits = Visits(session)
    with visits.exchange.installed():
        browser = Browser(visits)
        before, browser.send = browser.send, lambda text: browser.sent.append(json.loads(text))
        browser.visit.come(browser.send)
        browser.visit.handle({"ask": "go", "id": 1, "with": "/runs"}, before)
        assert browser.sent == [{"over": True}]  # to the page before, should it still be there
        browser.sent.clear()
        browser.ask("go", "/jobs")
        assert [each["value"]["title"] for each in browser.sent] == ["Jobs"]
        browser.visit.end()


def test_a_browser_that_waits_for_its_own_view_keeps_no_other_waiting(session: Session) -> None:
    visits = Visits(session)
    visit, goes_on = visits.visit(None), threading.Event()

    def slow(_text: str) -> None:
        goes_on.wait()

    visit.come(slow)
    busy = threading.Thread(target=visit.handle, args=({"ask": "find", "id": 1}, slow))
    safety = threading.Timer(20, goes_on.set)
    app = page_application(visits, "", "shop.py")

    async def ask() -> None:
        given: asyncio.Queue[Any] = asyncio.Queue()
        told: asyncio.Queue[Any] = asyncio.Queue()
        where = {"path": "/-/socket", "query_string": f"visit={visit.id}".encode()}
        asked = {"type": "websocket", "headers": [(b"host", b"127.0.0.1")], **where}
        given.put_nowait({"type": "websocket.connect"})
        served = asyncio.create_task(app(asked, given.get, told.put))
        assert (await told.get())["type"] == "websocket.accept"
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            assert (await client.get("/")).status_code == 200
        assert not goes_on.is_set()
        goes_on.set()
        given.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await served

    busy.start()
    safety.start()
    asyncio.run(ask())
    safety.cancel()
    busy.join()


def asked_of_views(base: type[View]) -> set[str]:
    found = set(base._answering) if base.__module__.startswith("jobnb.") else set()
    return found.union(*map(asked_of_views, base.__subclasses__()))


def test_what_changes_something_is_not_among_what_may_be_asked_of_a_page_that_shows() -> None:
    for module in pkgutil.iter_modules(widgets.__path__):
        importlib.import_module(f"{widgets.__name__}.{module.name}")
    asked = asked_of_views(View) - {"echo"}
    assert asked >= READS
    assert asked - READS == {
        "act", "cancel", "cells", "check", "cursor", "delete", "delete_preset", "evaluate",
        "first", "launch", "launchpad", "loop", "materialize", "off", "rename", "rerun",
        "rerun_all", "save_preset", "switch", "tick_now",
    }  # fmt: skip


def test_no_address_is_told_without_the_token(session: Session) -> None:
    visits = Visits(session)
    app = page_application(visits, "sesame", "shop.py")
    file = next(iter(visits.exchange.files))

    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for address in ("/", "/runs/1", f"/-/files/{file}", "/-/nothing", "/?token=wrong"):
                assert (await client.get(address)).status_code == 401, address
            wrong = await client.post("/-/login", content="token=wrong")
            assert wrong.status_code == 401
            strange = await client.get("/?token=sesame", headers={"host": "evil.example"})
            assert strange.status_code == 403
            right = await client.post("/-/login?next=//evil.example", content="token=sesame")
            assert (right.status_code, right.headers["location"]) == (303, "/")
            assert (await client.get("/runs/1")).status_code == 200  # the cookie lets in
            assert (await client.get(f"/-/files/{file}")).status_code == 200

    asyncio.run(ask())


@contextmanager
def with_graphql(
    session: Session, *, read_only: bool = False, reloaded: Any = lambda: None
) -> Iterator[Starlette]:
    """The page as the command serves it, with GraphQL beside it."""
    code = CodeLocation.of_definitions(session.snapshot(), "shop.py")
    visits = Visits(session, read_only=read_only)
    beside = graphql_beside(session, code, "sesame", [], read_only=read_only, reloaded=reloaded)
    with beside as routes:
        yield page_application(visits, "sesame", "shop.py", beside=routes)


RELOADED = "... on ReloadNotSupported { message }"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
WRONG: list[dict[str, str]] = [{}, {"token": "wrong"}, {"token": ""}]


def test_every_address_of_the_page_and_beside_it_wants_the_token(session: Session) -> None:
    with with_graphql(session) as app:
        addresses = [each for each in app.routes if isinstance(each, Route)]
        sockets = [each for each in app.routes if isinstance(each, WebSocketRoute)]
        assert len(addresses) + len(sockets) == len(app.routes)

        async def ask() -> None:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
                for route, method, given in product(addresses, METHODS, WRONG):
                    address = route.path.replace("{name}", "x.js").replace("{path:path}", "runs/1")
                    told = await http.request(method, address, params=given, json=QUERY)
                    assert told.status_code in (401, 405), (method, address)
                    assert "version" not in told.text

        asyncio.run(ask())
        for socket in sockets:
            assert closed_with(app, socket.path) == 4401


QUERY = {"query": "{ version }"}


def closed_with(app: Starlette, path: str) -> int:
    """The code with which a WebSocket without a token is closed before it is open."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    scope = {
        "type": "websocket", "path": path, "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")], "subprotocols": ["graphql-ws"],
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    [answer] = sent
    assert answer["type"] == "websocket.close"
    return int(answer["code"])


def answered(app: Starlette, query: str) -> Any:
    """What GraphQL beside the page answers to a query with the token."""

    async def ask() -> Any:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            headers = {"Authorization": "token sesame"}
            told = await http.post("/graphql", json={"query": query}, headers=headers)
            return told.json()

    return asyncio.run(ask())


JOBS = "{ repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name } } } } }"
RELOAD = 'mutation { reloadRepositoryLocation(repositoryLocationName: "shop.py") { __typename } }'


def test_graphql_answers_beside_the_page_with_its_token(session: Session) -> None:
    heard: list[bool] = []
    with with_graphql(session, reloaded=lambda: heard.append(True)) as app:
        assert "greet" in str(answered(app, JOBS)["data"])
        answered(app, RELOAD)
    assert heard == [True]


def test_graphql_beside_a_page_that_only_shows_changes_nothing(session: Session) -> None:
    session.execute_job("greet")
    with with_graphql(session, read_only=True) as app:
        assert answered(app, "{ version }")["data"]["version"]
        for change in (
            "reloadWorkspace { __typename ... on UnauthorizedError { message } }",
            'terminateRun(runId: "x") { __typename ... on PythonError { message } }',
            'deleteRun(runId: "x") { __typename ... on Error { message } }',
            f'reloadRepositoryLocation(repositoryLocationName: "x") {{ __typename {RELOADED} }}',
        ):
            [told] = answered(app, f"mutation {{ {change} }}")["data"].values()
            assert told["message"] == READ_ONLY
            assert told["__typename"] in ("UnauthorizedError", "PythonError", "ReloadNotSupported")
        [error] = answered(app, "mutation { setAutoMaterializePaused(paused: true) }")["errors"]
        assert error["message"] == READ_ONLY
        rights = answered(app, "{ permissions { value disabledReason } }")["data"]["permissions"]
        assert rights
        assert all(each == {"value": False, "disabledReason": READ_ONLY} for each in rights)
        rights = "hasReExecutePermission hasTerminatePermission hasDeletePermission"
        runs = answered(app, f"{{ runsOrError {{ ... on Runs {{ results {{ {rights} }} }} }} }}")
        [run] = runs["data"]["runsOrError"]["results"]
        assert not any(run.values())


def test_the_token_of_a_history_is_the_same_after_a_restart(tmp_path: Path) -> None:
    token = kept_token(tmp_path)
    assert len(token) == 48
    assert kept_token(tmp_path) == token
    assert (tmp_path / "page.token").stat().st_mode & 0o077 == 0


def test_no_style_of_a_widget_falls_on_the_frame_of_the_page() -> None:
    folder = Path(widgets.__file__).parent.parent / "static"
    sheets = {each.name: each.read_text() for each in folder.glob("*.css")}
    frame = set(re.findall(r"\.(jp-[a-z-]+)", sheets.pop("page.css")))
    assert frame
    for name, text in sheets.items():
        assert frame.isdisjoint(re.findall(r"\.(jp-[a-z-]+)", text)), name
