"""jobnb: Dagster's jobs and assets in Jupyter.

Cells define ops and assets; `session` collects them; jobs are shown as graphs and run in the
kernel. Every public name is here and is imported at its first use.

Example:
    >>> import jobnb as jb
    >>> @jb.asset
    ... def orders():
    ...     return [3, 4]
    >>> jb.materialize([orders]).asset_value("orders")
    [3, 4]
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import Any

from jobnb.definitions.engine_protocol import plug_in

_LISTED = re.compile(r"^from (jobnb[\w.]*) import \(?\s*(\w+) as", re.MULTILINE)
with open(f"{__file__.removesuffix('.py')}.pyi", encoding="utf-8") as _list:  # noqa: PTH123
    HOME_OF = {name: module for module, name in _LISTED.findall(_list.read())}
"""The module that each public name is defined in, from the one list of them."""

_OF_INSTANCES = "jobnb.storage.instance"
__version__ = "0.1.0"
# Not part of `import *`: pydantic, enum, typing and Python itself have these names.
_OF_OTHERS = frozenset(("Any", "Dict", "Enum", "Field", "List", "Optional", "Set", "Tuple"))
__all__ = [*sorted({*HOME_OF} - _OF_OTHERS), "load_ipython_extension", "unload_ipython_extension"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Import a public name at its first use; Dagster's spelling is accepted, too."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in HOME_OF:
        value = getattr(import_module(HOME_OF[name]), name)
        if HOME_OF[name] == _OF_INSTANCES:
            import_module(
                "jobnb.engine"
            )  # Who names an instance is about to run something with it.
    else:
        value = getattr(import_module("jobnb.dagster_compat"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *HOME_OF]


def load_ipython_extension(shell: Any) -> None:
    """Load with `%load_ext jobnb`: rich reprs, and a session that follows the cells."""
    import_module("jobnb.notebook.extension").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Unload the extension: the reprs go, the session stays."""
    import_module("jobnb.notebook.extension").unload(shell)


plug_in(lambda: import_module("jobnb.engine").JobnbEngine())

if "IPython" in sys.modules:
    _shell = getattr(sys.modules["IPython"], "get_ipython", lambda: None)()
    if _shell is not None:
        load_ipython_extension(_shell)
