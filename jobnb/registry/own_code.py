"""Which code is the user's own, so that it is read, and which is a library's, known by its name.

The notebook is one's own, and so is every module outside of the folders that packages are
installed to: it is edited beside the notebook, and an edit must be noticed. Installed packages
are known by name alone, not by version: a new pandas would make everything stale at once, and
kernel, CI and colleagues seldom have the same. Who wants a version to count, gives `code_version`.
"""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from pathlib import Path

__all__ = ["is_own"]

_OURS = str(Path(__file__).resolve().parents[1])
_PACKAGES = ("site-packages", "dist-packages")


def is_own(module: str | None) -> bool:
    """Whether the code of a module is edited by hand.

    Example:
        >>> is_own("__main__"), is_own("json"), is_own("jobnb.registry.session")
        (True, False, False)
    """
    return module == "__main__" or (isinstance(module, str) and _is_outside(module))


@cache
def _is_outside(name: str) -> bool:
    module = sys.modules.get(name)
    if module is None:
        return True  # made on the spot, as by `exec`
    spec = getattr(module, "__spec__", None)
    if spec is not None and spec.origin in ("built-in", "frozen"):
        return False
    file = getattr(module, "__file__", None)
    if not file:
        return name not in sys.builtin_module_names
    path = Path(file).resolve()
    return not any(part in _PACKAGES for part in path.parts) and not any(
        path.is_relative_to(folder) for folder in _installed()
    )


@cache
def _installed() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = {str(Path(sysconfig.get_path(name)).resolve()) for name in names}
    return (_OURS, *sorted(found))
