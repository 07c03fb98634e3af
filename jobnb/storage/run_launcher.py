"""`instance.run_launcher`: ends runs, whatever process does them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobnb.storage.instance import Instance


class DefaultRunLauncher:
    """Says how runs are done: each detached run in a process of its own on this machine.

    `session.launch(..., detach=True)` launches one; `instance.run_launcher` ends them, and runs in
    the background of other kernels too.

    Args:
        inst_data: Accepted as Dagster does.

    Example:
        >>> from jobnb import Instance
        >>> Instance.ephemeral().run_launcher.terminate("no such run")
        False

    Source: Dagster's `DefaultRunLauncher`.
    """

    def __init__(self, inst_data: Any = None) -> None:
        self.inst_data = inst_data
        self._instance: Instance | None = None

    def of(self, instance: Instance) -> DefaultRunLauncher:
        """Return the launcher of an instance."""
        made = DefaultRunLauncher(self.inst_data)
        made._instance = instance
        return made

    def can_terminate(self, run_id: str) -> bool:
        """Tell whether a run goes on in some process."""
        return self._instance is not None and self._instance.control.holder(run_id) is not None

    def terminate(self, run_id: str) -> bool:
        """Ask the process that does a run to cancel it; returns whether there is one."""
        return self._instance is not None and self._instance.control.request_cancel(run_id)
