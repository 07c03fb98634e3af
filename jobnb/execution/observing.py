"""What can be observed of a background run: traits, told from a thread that is not the run's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from traitlets import All, Bunch, Float, HasTraits, Int, Unicode

from jobnb.state import RunStatus

__all__ = ["Observable"]

_logger = logging.getLogger("jobnb.execution")
_TOLD = ("progress", "current_step", "status", "version")


class _Guarded:
    """An observer that cannot hurt: what it raises is logged, once."""

    def __init__(self, handler: Callable[[Any], Any]) -> None:
        self.handler = handler
        self._failed = False

    def __call__(self, change: Any) -> None:
        try:
            self.handler(change)
        except Exception:
            if not self._failed:
                self._failed = True
                _logger.warning("An observer of a run failed: %r", self.handler, exc_info=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Guarded) and self.handler == other.handler

    def __hash__(self) -> int:
        return hash(self.handler)


class Observable(HasTraits):
    """Traits of a run; whoever sets them, observers are called by `publish` only.

    Attributes:
        status: Where the run stands: a value of `RunStatus`.
        progress: From 0 to 1.
        current_step: The key of the step that runs now, or nothing.
        version: Grows when anything has happened, at most twenty times a second.
    """

    status = Unicode(RunStatus.NOT_STARTED.value, read_only=True)
    progress = Float(0.0, read_only=True)
    current_step = Unicode("", read_only=True)
    version = Int(0, read_only=True)

    def __init__(self) -> None:
        super().__init__()
        self._told = {name: getattr(self, name) for name in _TOLD}

    def observe(self, handler: Any, names: Any = All, type: Any = "change") -> None:
        """Call a function with each change of a trait; what it raises hurts nobody.

        Args:
            handler: A function of one argument, as in traitlets: a change with `name`, `old`,
                `new` and `owner`. It is called in a thread of its own.
            names: A trait, or several; all if absent.
            type: As in traitlets.
        """
        super().observe(_Guarded(handler), names, type)

    def unobserve(self, handler: Any, names: Any = All, type: Any = "change") -> None:
        """Call a function no more."""
        super().unobserve(_Guarded(handler), names, type)

    def notify_change(self, change: Any) -> None:
        """Nothing yet: setting a trait, in whatever thread, calls no observer."""

    def publish(self) -> None:
        """Tell observers what has changed since they were last told."""
        news = {name: getattr(self, name) for name in _TOLD}
        for name, new in news.items():
            old, self._told[name] = self._told[name], new
            if new != old:
                super().notify_change(Bunch(name=name, old=old, new=new, owner=self, type="change"))
