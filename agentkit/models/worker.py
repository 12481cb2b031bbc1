"""Waiting for a worker thread without leaving it behind."""

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def finished(job: Future[T], stop: threading.Event) -> T:
    """The result of a job; whoever is cancelled while waiting sets `stop` and waits until the job has noticed."""
    running = asyncio.wrap_future(job)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        if not job.cancel():  # it has begun: what it uses is free again once it has noticed
            await _settled(running)
        raise


async def _settled(running: asyncio.Future[T]) -> None:
    """Wait for a worker that was told to stop, however often the waiting task is cancelled."""
    while not running.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({running})
    running.exception()  # that it was stopped is what was asked for
