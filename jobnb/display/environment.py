"""The environment of a view: a front end, a session, a history; and code that may raise."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from jobnb.storage.history import has_history as is_there
from jobnb.storage.process import has_threads

if TYPE_CHECKING:
    from jobnb.storage.instance import Instance

T = TypeVar("T")


def attempt(look: Callable[[], T], otherwise: T) -> T:
    """Return the result of `look`, or `otherwise` if it raises.

    Example:
        >>> attempt(lambda: 1 // 0, -1)
        -1
    """
    try:
        return look()
    except Exception:  # noqa: BLE001 - reprs, annotations and descriptors of users raise anything
        return otherwise


_OF_VS_CODE = ("VSCODE_PID", "VSCODE_CWD", "VSCODE_JUPYTER_EXEC_HASH")
SWITCH = "JOBNB_DISPLAY"
"""The variable of the environment that turns widgets off where it is `static`."""


def has_front_end() -> bool:
    """Whether this is a Jupyter kernel, where a widget can be shown.

    The environment variable `JOBNB_DISPLAY=static` turns widgets off, as for a notebook that only
    runs to be read, or a page without JavaScript: pictures and texts remain. So it is where Python
    has no threads, which live views need.

    Example:
        >>> has_front_end()
        False
    """
    if os.environ.get(SWITCH) == "static" or "IPython" not in sys.modules:
        return False
    shell = attempt(sys.modules["IPython"].get_ipython, None)
    return getattr(shell, "kernel", None) is not None and has_threads()


def takes_cells() -> bool:
    """Whether a view may put cells into the notebook: that of JupyterLab and of Notebook can.

    Example:
        >>> takes_cells()
        False
    """
    others = "google.colab" in sys.modules or any(name in os.environ for name in _OF_VS_CODE)
    return has_front_end() and not others


def known_session() -> Any:
    """Return the session of this kernel, if there is one; a view does not create one."""
    module = sys.modules.get("jobnb.registry.session")
    return attempt(module.current_session, None) if module is not None else None


def has_history(session: Any) -> bool:
    """Whether there is a history; a view does not create its folder."""
    return is_there(getattr(session, "home", None))


def history_of(session: Any) -> Instance | None:
    """Return the instance of a session's history, if there is one already."""
    from jobnb.storage.instance import Instance

    home = getattr(session, "home", None)
    if not is_there(home):
        return None
    return Instance.from_home(home) if home else Instance.get()
