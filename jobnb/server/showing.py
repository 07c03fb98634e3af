"""`jobnb ui`: the page over the definitions of a notebook, file or module, kept up to date."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jobnb.automation.code_location import CodeLocation
from jobnb.display.widgets.follow import history_changed
from jobnb.errors import JobnbError
from jobnb.notebook.code_locations import open_locations
from jobnb.registry.session import Session, make_current
from jobnb.server.access import new_token
from jobnb.server.listening import bound_socket, run_until_stopped
from jobnb.server.page import LONGEST, page_application
from jobnb.server.page_graphql import graphql_beside
from jobnb.server.visits import Visits
from jobnb.state import RunStatus
from jobnb.storage.instance import Instance
from jobnb.storage.run import RunsFilter

if TYPE_CHECKING:
    from jobnb.definitions.locations.definitions import Definitions
    from jobnb.notebook.code_source import CodeSource

_LOOK = 1.0
_TOKEN_FILE = "page.token"  # noqa: S105 - the name of the file
_OPEN = [each for each in RunStatus if not each.is_finished]
_MOST_OPEN = 500
_logger = logging.getLogger("jobnb.server")


def kept_token(home: Path | None) -> str:
    """Return the token of the page of a history, the same after each start.

    A browser that was let in comes back by itself after a restart. Only this user can read the
    file.
    """
    if home is None:
        return new_token()
    file = home / _TOKEN_FILE
    with suppress(OSError):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(new_token())
    try:
        return file.read_text(encoding="utf-8").strip() or new_token()
    except OSError:
        return new_token()


def opened_session(code: CodeSource) -> tuple[Session, CodeLocation]:
    """Load the definitions of a code location into the session of this process.

    Its runs have processes of their own.

    Raises:
        NotebookError: If it cannot be loaded.
    """
    instance, [location] = open_locations([code])
    definitions = location.definitions()
    session = Session(str(instance.home))
    session.add(definitions)
    session.detaches = True
    make_current(session)
    return session, location


def show_until_stopped(
    session: Session,
    location: CodeLocation,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    hosts: Iterable[str] = (),
    read_only: bool = False,
    ready: Callable[[str, str], None] = lambda _address, _token: None,
) -> None:
    """Serve the page in this thread, until Ctrl-C or SIGTERM.

    Args:
        session: What is shown.
        location: Where its definitions are from; they are loaded again when it changes.
        host: The address to listen at.
        port: The port; the first free one from 3000 on if None.
        token: The token; the one of this history if None, no token if empty.
        hosts: Names that the page is reached by.
        read_only: Whether nothing can be launched or changed.
        ready: Is called with the address and the token once it listens.

    Raises:
        InvalidInvocationError: If the address cannot be had.
    """
    instance = session.instance
    given = kept_token(instance.home) if token is None else token
    listening = bound_socket(host, port)
    if read_only:
        instance.only_read()
    visits = Visits(session, read_only=read_only)
    name = Path(location.name).name or "jobnb"
    cookie = f"jobnb-{listening.getsockname()[1]}"
    watch = _Watch(visits, session, location)
    names = list(hosts)
    graphql = graphql_beside(
        session, location, given, names, read_only=read_only, reloaded=watch.take_over
    )
    with visits.exchange.installed(), graphql as beside, _watching(watch):
        app = page_application(visits, given, name, names, cookie=cookie, beside=beside)
        run_until_stopped(app, listening, LONGEST, lambda address: ready(address, given))


@contextmanager
def _watching(watch: _Watch) -> Iterator[None]:
    """Show what changes meanwhile in the file of the definitions, and in the history."""
    over = threading.Event()
    thread = threading.Thread(target=watch.work, args=(over,), name="jobnb-page", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10.0)


class _Watch:
    def __init__(self, visits: Visits, session: Session, location: CodeLocation) -> None:
        self._visits, self._session, self._location = visits, session, location
        self._code: Hashable = location.version()
        self._runs: Hashable = None

    def work(self, over: threading.Event) -> None:
        """Look until it is over."""
        while not over.wait(_LOOK):
            try:
                self._see_code()
                self._see_runs()
            except JobnbError as error:  # the history cannot be reached just now
                _logger.warning("%s", error)

    def _see_code(self) -> None:
        version = self._location.version()
        if version is None or version == self._code:
            return
        self._code = version
        try:
            self._visits.renew(self._load)
        except JobnbError as error:
            name = Path(self._location.name).name
            told = f"{name} has changed and cannot be loaded; all stands as before. {error}"
            _logger.error("%s", told)
            self._visits.notice(told)
        else:
            self._visits.notice("")

    def take_over(self) -> None:
        """Show the definitions as they were loaded again by a client of GraphQL."""
        self._code = self._location.version()
        self._visits.renew(lambda: self._show(self._location.definitions()))
        self._visits.notice("")

    def _load(self) -> None:
        self._show(self._location.reload())

    def _show(self, definitions: Definitions) -> None:
        self._session.clear()
        self._session.add(definitions)

    def _see_runs(self) -> None:
        """Tell the views when a run of any process has begun or ended."""
        instance: Instance = self._session.instance
        latest = instance.get_run_ids(limit=1)
        going = instance.get_run_ids(RunsFilter(statuses=_OPEN), limit=_MOST_OPEN)
        runs = (tuple(latest), frozenset(going))
        if self._runs is not None and runs != self._runs:
            history_changed(instance)
        self._runs = runs
