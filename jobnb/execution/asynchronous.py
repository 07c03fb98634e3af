"""Run coroutines and asynchronous generators from code that is not asynchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from jobnb.execution.resource_usage import timed
from jobnb.execution.run import current_run
from jobnb.execution.stopping import here

shared_loop: ContextVar[LoopThread | None] = ContextVar("jobnb_loop", default=None)
"""The loop that the steps of a run share; each has one of its own if None."""

_LOOK = 0.1  # seconds
_GRACE = 10.0  # seconds that an interrupted coroutine has for its own clean-up


def run_async(result: Any) -> Any:
    """Return a coroutine's result; for an asynchronous generator, a plain generator over it.

    They run in a thread with an event loop of its own: in a notebook the main thread has one
    that runs already.
    """
    if isinstance(result, AsyncGenerator):
        return _stepwise(result)
    if not isinstance(result, Coroutine):
        return result
    try:
        return here().hold(_waited_for, result)
    finally:
        with suppress(RuntimeError, ValueError):
            result.close()  # it has ended, or an interrupt came before it began


def _waited_for(result: Coroutine[Any, Any, Any]) -> Any:
    shared = shared_loop.get()
    if shared is not None:
        return shared.wait(result)
    loop = LoopThread()
    try:
        loop.start()
        return loop.wait(result)
    finally:
        loop.end()


def _stepwise(stream: AsyncGenerator[Any]) -> Iterator[Any]:
    """Iterate over the items as they are yielded; the generator waits meanwhile."""
    stop, shared = here(), shared_loop.get()
    loop = shared or LoopThread()
    try:
        if shared is None:
            stop.hold(loop.start)
        while True:
            try:
                item = stop.hold(loop.wait_for_next, stream)
            except StopAsyncIteration:
                return
            yield item
    finally:
        try:
            stop.open = False
        finally:
            if shared is None:
                loop.end(stream)
            else:
                loop.wait(stream.aclose())


class LoopThread:
    """A thread with a running event loop, for one call or one run."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="jobnb-async", daemon=True
        )
        self._thread.start()

    def wait_for_next(self, stream: AsyncGenerator[Any]) -> Any:
        """Return the next item of an asynchronous generator."""
        return self.wait(anext(stream))

    def wait(self, awaitable: Awaitable[Any]) -> Any:
        """Return the result of a coroutine, or raise; an interrupt of this thread cancels it."""
        assert self._loop is not None
        scope = current_run.get()
        work = awaitable if scope is None else timed(awaitable, scope.meter)
        future = asyncio.run_coroutine_threadsafe(_outcome(work), self._loop)
        try:
            value, error = here().call(_settled, future)
        except KeyboardInterrupt:
            future.cancel()
            raise
        if error is not None:
            raise error
        return value

    def end(self, stream: AsyncGenerator[Any] | None = None) -> None:
        """End the generator that was read, what else still runs, and the thread."""
        loop = self._loop
        if loop is None:
            return
        try:
            if stream is not None:
                self.wait(stream.aclose())
            asyncio.run_coroutine_threadsafe(_clean_up(), loop).result(timeout=_GRACE)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join(timeout=_GRACE)
            if not self._thread.is_alive():
                loop.close()


def _settled(future: Future[Any]) -> Any:
    """Return a future's result, checking for interrupts of threads other than the main one."""
    while True:
        with suppress(TimeoutError):
            return future.result(timeout=_LOOK)


async def _outcome(awaitable: Awaitable[Any]) -> tuple[Any, BaseException | None]:
    """Return the value or the error; an error such as SystemExit must not end the loop's thread."""
    try:
        return await awaitable, None
    except BaseException as error:  # noqa: BLE001 - it is raised again in the waiting thread
        return None, error


async def _clean_up() -> None:
    """Cancel what still runs and give it time to end."""
    running = asyncio.all_tasks() - {asyncio.current_task()}
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
