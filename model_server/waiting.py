"""Waiting for the engine on behalf of a client who may leave."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from fastapi import Request

from model_server.engine import EngineError

REQUEST_SECONDS = 120  # nobody waits longer for one image
Value = TypeVar("Value")


async def wait(work: Awaitable[Value], request: Request, *, seconds: float = REQUEST_SECONDS) -> Value:
    """The value, unless the client leaves or nobody waits that long: then `work` is cancelled, and with it whatever of
    the engine it waits for (by asyncio.wrap_future). Raises what `work` raises, EngineError timed_out."""
    answer = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnect(request))
    either: set[asyncio.Future[Any]] = {answer, leaving}
    try:
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise EngineError("timed_out", f"The image was not done within {seconds:g} s; try again.")
    finally:
        answer.cancel()
        leaving.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
