"""dagstermill's names, for notebooks and code written with it.

`from jobnb.dagstermill_compat import define_dagstermill_op` runs such code after changing the
import. After `jobnb.dagster_compat.install()`, `import dagstermill` finds this module.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

_HOMES = {
    "jobnb.notebook.dagstermill_ops": ("define_dagstermill_asset", "define_dagstermill_op"),
    "jobnb.notebook.notebook_context": (
        "DagstermillError", "DagstermillExecutionContext",
        "get_context", "yield_event", "yield_result",
    ),
    "jobnb.notebook.output_notebooks": (
        "ConfigurableLocalOutputNotebookIOManager", "LocalOutputNotebookIOManager",
        "OutputNotebookIOManager", "local_output_notebook_io_manager",
    ),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605
__version__ = "0.20.7"  # the version whose behaviour this follows
__path__: list[str] = []

MODULES = ("asset_factory", "context", "errors", "factory", "io_managers")
"""The modules of dagstermill that code imports from: each has all names."""


def __getattr__(name: str) -> Any:
    """Import a name at its first use."""
    if name in MODULES:
        return sys.modules[__name__]
    if name not in _HOME_OF:
        raise AttributeError(
            f"jobnb does not offer {name!r} of dagstermill. It has {', '.join(sorted(_HOME_OF))}."
        )
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOME_OF]


def install() -> None:
    """Make `import dagstermill` find this module in this process."""
    for name in ("dagstermill", *(f"dagstermill.{each}" for each in MODULES)):
        sys.modules[name] = sys.modules[__name__]


def uninstall() -> None:
    """Let `import dagstermill` find dagstermill again."""
    for name, module in list(sys.modules.items()):
        if module is sys.modules[__name__] and name != __name__:
            del sys.modules[name]
