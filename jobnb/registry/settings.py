"""What a person sets for a session, in code or in IPython's config."""

from __future__ import annotations

from traitlets import Bool, Unicode
from traitlets.config import Configurable


class SessionSettings(Configurable):
    """What a person sets for a session, in code or as `c.Session.home` in IPython's config."""

    home = Unicode(
        None, allow_none=True, help="The folder of the history; $JOBNB_HOME or .jobnb if not set."
    ).tag(config=True)
    show_definitions = Bool(
        True, help="Whether a cell that ends with a definition shows what it has defined."
    ).tag(config=True)

    show_progress = Bool(
        True, help="Whether a run that a script waits for tells on stderr how far it is."
    ).tag(config=True)

    @classmethod
    def section_names(cls) -> list[str]:
        """Return the sections of the config that are read."""
        return ["Session"]
