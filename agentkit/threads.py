"""From coroutines to what blocks, and from what blocks to coroutines; context variables are the same on both sides."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """Run a blocking function in a daemon thread of its own.

    Unlike an executor's, the thread keeps neither a time-out waiting nor the process from ending.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(method: Callable[[Any], None], value: object) -> None:
        if not future.done():
            method(value)

    def work() -> None:
        try:
            settled: tuple[Callable[[Any], None], object] = (future.set_result, function())
        except StopIteration as error:  # no future takes one: whoever waits for it would do so for ever
            settled = (future.set_exception, RuntimeError(f"StopIteration: {error or 'there was no next item'}"))
        except BaseException as error:
            settled = (future.set_exception, error)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, *settled)

    run = copy_context().run
    threading.Thread(target=run, args=(work,), daemon=True, name="agentkit-blocking").start()
    return await future


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, in a thread of its own where an event loop already runs here."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    outcome: list[T] = []
    failure: list[BaseException] = []
    begun = list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]]()

    async def watched() -> T:
        begun.append((asyncio.get_running_loop(), asyncio.current_task()))
        return await work

    def target() -> None:
        try:
            outcome.append(asyncio.run(watched()))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=copy_context().run, args=(target,), name="agentkit-run")
    thread.start()
    try:
        thread.join()
    except BaseException:  # interrupted: nobody waits for the run any more, so it ends too
        for loop, task in begun:
            if task is not None:
                loop.call_soon_threadsafe(task.cancel)
        raise
    if failure:
        raise failure[0]
    return outcome[0]
