"""GraphQL beside the page: the same definitions and the same token, at `/graphql`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route

from jobnb.automation.code_location import CodeLocation
from jobnb.registry.session import Session
from jobnb.server.access import Access
from jobnb.server.visits import READ_ONLY

if TYPE_CHECKING:
    from jobnb.server.workspace import Change

_LACKING = "GraphQL needs 'graphql-core': pip install 'jobnb[server]', and start the page again."


@contextmanager
def graphql_beside(
    session: Session,
    location: CodeLocation,
    token: str,
    hosts: Iterable[str],
    *,
    read_only: bool,
    reloaded: Callable[[], None],
) -> Iterator[list[BaseRoute]]:
    """Give the routes of GraphQL, for the application of the page.

    Args:
        session: What the page shows.
        location: Where its definitions are from.
        token: The token of the page.
        hosts: Names that the page is reached by.
        read_only: Whether mutations are refused.
        reloaded: Is called once a client has loaded the definitions again.
    """
    if find_spec("graphql") is None:
        yield [Route("/graphql", _lacking)]
        return
    from jobnb.server.app import GraphQLRoutes
    from jobnb.server.executing import GraphQLExecutor
    from jobnb.server.workspace import ServedWorkspace

    served = ServedWorkspace(
        session.instance, [location], session=session, refusal=READ_ONLY if read_only else ""
    )

    def hear(change: Change) -> None:
        if change[0] == "LOCATION_UPDATED":
            reloaded()

    served.hearers.add(hear)
    executing = GraphQLExecutor(served)
    try:
        yield GraphQLRoutes(executing, Access(token, hosts)).routes()
    finally:
        executing.close()


async def _lacking(_request: Request) -> PlainTextResponse:
    return PlainTextResponse(_LACKING, 501)
