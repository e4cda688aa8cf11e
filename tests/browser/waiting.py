"""Waiting for something that the browser does in its own time.

Playwright's ``wait_for_function`` evaluates text in the page, which our content security policy forbids; this
asks from outside.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

EVERY_S = 0.1
DEADLINE_S = 15.0


async def until(what: str, ask: Callable[[], Awaitable[T]], deadline_s: float = DEADLINE_S) -> T:
    """Asks until the answer is true, and returns it. Fails with ``what`` and the last answer."""
    end = time.monotonic() + deadline_s
    while True:
        answer = await ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"after {deadline_s:g} s still not so: {what} (last answer: {answer!r})")
        await asyncio.sleep(EVERY_S)


async def stays(what: str, ask: Callable[[], Awaitable[T]], for_s: float = 1.0) -> T:
    """Asks for a while and returns the answer, which must not change; else fails with both answers."""
    end = time.monotonic() + for_s
    first = await ask()
    while time.monotonic() < end:
        await asyncio.sleep(EVERY_S)
        answer = await ask()
        assert answer == first, f"{what} did not stay: {first!r}, then {answer!r}"
    return first
