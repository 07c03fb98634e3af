"""The settings of a session, from code or from IPython's config."""

from __future__ import annotations

from traitlets import Bool, Unicode
from traitlets.config import Configurable


class SessionSettings(Configurable):
    """The settings of a session, from code or from `c.Session.home` in IPython's config."""

    home = Unicode(
        None, allow_none=True, help="The folder of the history; $JOBNB_HOME or .jobnb if not set."
    ).tag(config=True)
    show_definitions = Bool(
        True, help="Whether a cell that ends with a definition shows what it has defined."
    ).tag(config=True)

    show_progress = Bool(
        True, help="Whether a run that a script waits for tells on stderr how far it is."
    ).tag(config=True)

    detaches = Bool(False, help="Whether each run that is launched has a process of its own.").tag(
        config=True
    )

    reactive = Unicode(
        None, allow_none=True, help="What follows when a cell is run again: 'stale', 'run' or None."
    ).tag(config=True)

    @classmethod
    def section_names(cls) -> list[str]:
        """Return the sections of the config that are read."""
        return ["Session"]
