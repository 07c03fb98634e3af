"""The part of an instance that keeps the text of the code that runs ran, once per version."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobnb.storage.history import History

_GROUP = 500  # versions per statement: databases bound the number of parameters


class CodeHistory:
    """The listings of code by its version.

    Args:
        history: What it reads and writes.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._known: set[str] = set()

    def unknown(self, versions: Collection[str]) -> set[str]:
        """Return those of the versions whose listing is not stored yet."""
        missing = set(versions) - self._known
        if missing:
            self._known |= self.listings(missing).keys()
        return missing - self._known

    def store(self, found: Mapping[str, str]) -> None:
        """Store listings by version; those that are there stay."""
        rows = [{"version": version, "listing": text} for version, text in found.items()]
        self._history.database().write(lambda connection: _insert(connection, rows))
        self._known |= found.keys()

    def listings(self, versions: Collection[str]) -> dict[str, str]:
        """Return the listings that are stored, by version."""
        from sqlalchemy import select

        from jobnb.storage.tables import code_listings as table

        wanted = list(versions)
        groups = [wanted[start : start + _GROUP] for start in range(0, len(wanted), _GROUP)]

        def read(connection: Connection) -> dict[str, str]:
            return {
                row.version: row.listing
                for group in groups
                for row in connection.execute(select(table).where(table.c.version.in_(group)))
            }

        return self._history.database().read(read)


def _insert(connection: Connection, rows: list[dict[str, str]]) -> None:
    from jobnb.storage.tables import code_listings
    from jobnb.storage.writing import upsert

    connection.execute(upsert(connection, code_listings, "version", ()), rows)
