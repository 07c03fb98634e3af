"""A PostgreSQL server for the tests: in a temporary folder, on a socket there, gone after them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import URL

START = 60.0
"""Seconds that the server may take to answer."""

# When the tests end, or their process is killed, the pipe closes and the server is told to stop
# at once: nothing of it is kept.
_GUARD = '"$@" & server=$!; read -r _; kill -QUIT $server; wait $server'
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # what a test wrote need not outlive the machine
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
}


class Server:
    """A server that runs, and what is in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count()

    def new_schema(self) -> str:
        """The URL of a schema without tables: quicker to have than a database."""
        name = f"history{next(self._numbers)}"
        self.do(f"CREATE SCHEMA {name}")
        return self.url(options=f"-csearch_path={name}")

    def new_database(self, more: str = "") -> str:
        """The URL of a database without tables."""
        name = f"database{next(self._numbers)}"
        self.do(f"CREATE DATABASE {name} {more}")
        return self.url(name)

    def url(self, database: str = "postgres", user: str = "jobnb", **query: str) -> str:
        query = {"host": str(self.folder), **query}
        return URL.create("postgresql", user, database=database, query=query).render_as_string()

    def do(self, statement: str) -> Any:
        """Execute a statement; the first value that it gives."""
        where = f"host={self.folder} user=jobnb dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchone()[0] if found.description else None


def find_programs() -> Path | None:
    """The folder of `initdb` and `postgres`: on the PATH, or where Debian puts the newest."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    kept = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((each.parent for each in kept), key=lambda p: int(p.parent.name), default=None)


def installed_programs() -> Path:
    """The same; Debian's package is installed where they are missing."""
    found = find_programs()
    if found is None:
        script = Path(__file__).parents[1] / ".ci" / "postgres"
        subprocess.run(["bash", str(script)], check=True, timeout=600)
        found = find_programs()
    assert found, "PostgreSQL could not be installed"
    return found


@contextmanager
def serving() -> Iterator[Server]:
    """Start a server; it ends with the block."""
    programs = installed_programs()
    folder = Path(tempfile.mkdtemp(prefix="jobnb-postgres-"))
    try:
        owner = _owner(folder)
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "--username=jobnb", "--auth=trust", "--no-sync",
             "--encoding=UTF8", "--locale=C"],
            check=True, timeout=START, stdout=subprocess.DEVNULL, cwd=folder, **owner,
        )  # fmt: skip
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        command = [programs / "postgres", "-D", data, "-k", folder, *settings]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                ["sh", "-c", _GUARD, "guard", *command],
                stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, **owner,
            )  # fmt: skip
            try:
                server = Server(folder)
                _wait(server, process)
                yield server
            finally:
                _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner(folder: Path) -> dict[str, object]:
    """PostgreSQL refuses to run as root: another user then has the folder."""
    if os.getuid() != 0:
        return {}
    import pwd

    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START
    while True:
        try:
            server.do("SELECT 1")
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                told = (server.folder / "log").read_text()
                raise RuntimeError(f"PostgreSQL does not start:\n{told}") from error
            time.sleep(0.05)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=30)
