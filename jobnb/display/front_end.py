"""Whether somebody can see and touch widgets."""

from __future__ import annotations

import os
import sys

from jobnb.display.attempt import attempt

__all__ = ["has_front_end"]

SWITCH = "JOBNB_WIDGETS"  # "0" leaves the static pictures and texts


def has_front_end() -> bool:
    """Whether this is a Jupyter kernel, where a widget can be shown.

    The environment variable `JOBNB_WIDGETS=0` turns widgets off, as for a notebook that only
    runs to be read.

    Example:
        >>> has_front_end()
        False
    """
    if os.environ.get(SWITCH) == "0" or "IPython" not in sys.modules:
        return False
    shell = attempt(sys.modules["IPython"].get_ipython, None)
    return getattr(shell, "kernel", None) is not None
