"""Code locations of schedules and sensors: a session, or a file that is reloaded."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from jobnb.definitions.locations.definitions import Definitions
from jobnb.errors import JobnbError

if TYPE_CHECKING:
    from jobnb.registry.session import Session

_logger = logging.getLogger("jobnb.automation")


class CodeLocation:
    """The definitions of schedules and sensors, under the name that the history uses.

    Args:
        name: The notebook, script or module.
        load: Gives the definitions as they are now.
        version: Gives another value whenever the definitions may have changed; cheap to ask.

    Attributes:
        problem: Why it could not be loaded again, so that its old definitions stay in use; or None.
    """

    def __init__(
        self, name: str, load: Callable[[], Definitions], version: Callable[[], Hashable]
    ) -> None:
        self.name = name
        self.problem: str | None = None
        self._load = load
        self._version = version
        self._loaded: tuple[Hashable, Definitions] | None = None
        self._turn = threading.RLock()  # the loop and its ticks ask from threads of their own

    @classmethod
    def of_definitions(cls, definitions: Definitions, name: str = "") -> CodeLocation:
        """Return a location whose definitions stay as they are."""
        return cls(name, lambda: definitions, lambda: 0)

    @classmethod
    def of_session(cls, session: Session) -> CodeLocation:
        """Return the code location of a session, always up to date."""
        catalogue = session.catalogue
        name = session.instance.launcher or ""
        return cls(name, session.snapshot, lambda: (catalogue.version, len(catalogue)))

    def version(self) -> Hashable:
        """Return a version that changes whenever the definitions may have changed."""
        return self._version()

    def definitions(self) -> Definitions:
        """Return the definitions as they are now; loaded again only where they may have changed."""
        with self._turn:
            version = self._version()
            if self._loaded is None:
                self._loaded = version, self._load()
            elif self._loaded[0] != version:
                self._loaded = version, self._loaded_again(self._loaded[1])
            return self._loaded[1]

    def reload(self) -> Definitions:
        """Load the definitions, whether they have changed or not.

        Raises:
            JobnbError: If they cannot be loaded; those of before stay.
        """
        with self._turn:
            version = self._version()
            self._loaded = version, self._load()
            self.problem = None
            return self._loaded[1]

    def forget(self) -> None:
        """Discard the loaded definitions; they are loaded again when next used."""
        with self._turn:
            self._loaded = None

    def _loaded_again(self, before: Definitions) -> Definitions:
        """Return the definitions as they are now; as they were, where they cannot be loaded."""
        try:
            found = self._load()
            self.problem = None
            return found
        except JobnbError as error:
            self.problem = str(error)
            _logger.error("%r has changed; its old definitions stay in use: %s", self.name, error)
            return before

    def __repr__(self) -> str:
        return f"CodeLocation({self.name!r})"
