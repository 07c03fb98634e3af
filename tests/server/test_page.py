"""The page without a browser: who is let in, and what a page that only shows refuses."""

from __future__ import annotations

import asyncio
import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jobnb import Session, job, op
from jobnb.display import widgets
from jobnb.display.widgets.view import View
from jobnb.errors import StorageError
from jobnb.registry import session as sessions
from jobnb.server.page import page_application
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
        self.visit.come(lambda text: self.sent.append(json.loads(text)))

    def ask(self, kind: str, given: str) -> Any:
        self.visit.handle({"ask": kind, "id": 1, "with": given})
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
        self.visit.handle({"tell": model, "data": {"method": "custom", "content": content}})
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
        "first", "launch", "launchpad", "loop", "materialize", "rerun", "rerun_all", "save_preset",
        "switch", "tick_now",
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


def test_the_socket_is_closed_to_who_has_no_token(session: Session) -> None:
    app = page_application(Visits(session), "sesame", "shop.py")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    headers = [(b"host", b"127.0.0.1")]
    scope = {
        "type": "websocket", "path": "/-/socket", "query_string": b"", "headers": headers,
        "subprotocols": [],
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    assert [(each["type"], each["code"]) for each in sent] == [("websocket.close", 4401)]


def test_the_token_of_a_history_is_the_same_after_a_restart(tmp_path: Path) -> None:
    token = kept_token(tmp_path)
    assert len(token) == 48
    assert kept_token(tmp_path) == token
    assert (tmp_path / "page.token").stat().st_mode & 0o077 == 0
