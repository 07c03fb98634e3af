"""The resources of a run whose steps run elsewhere: set up here only when needed."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from jobnb.execution.resources import opener_of
from jobnb.execution.run import RunScope


class LazyResources(Mapping[str, Any]):
    """Resources by key; IO managers among them load values after the run.

    What is set up is torn down when the run is not held any more.

    Args:
        run: The run.
    """

    def __init__(self, run: RunScope) -> None:
        self._keys = tuple(run.plan.resources)
        stack = ExitStack()
        self._opener = opener_of(run, stack)
        self._turn = threading.RLock()
        weakref.finalize(run, stack.close)

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        with self._turn:
            return self._opener.open(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
