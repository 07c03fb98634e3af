"""Execute asynchronous functions side by side on one event loop; others in threads."""

from __future__ import annotations

from jobnb.execution.asynchronous import LoopThread, shared_loop
from jobnb.execution.executors.threads import ThreadWorkerPool
from jobnb.execution.run import RunScope

ASYNC_PLACES = 256
"""How many steps run at once where nothing is said."""


class AsyncWorkerPool(ThreadWorkerPool):
    """Executes the steps of a run on one event loop, in a thread of its own.

    So it does not matter whether the caller has a loop that runs, as in a notebook. A thread
    beside it loads the inputs of each step, stores its outputs, and waits in between.

    Args:
        run: The run.
        places: How many steps run at once.
    """

    def __init__(self, run: RunScope, places: int = ASYNC_PLACES) -> None:
        super().__init__(run, places, "one event loop")
        self._loop = LoopThread()

    def begin(self) -> None:
        """Start the loop; the threads that are started after know it."""
        self._loop.start()
        self._token = shared_loop.set(self._loop)

    def close(self) -> None:
        """End the threads, what still runs on the loop, and the loop."""
        try:
            super().close()
        finally:
            shared_loop.reset(self._token)
            self._loop.end()
