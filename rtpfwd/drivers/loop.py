"""The event loop: which one to run on, and how late it is.

uvloop halves asyncio's own share of a wake-up; where it is not installed asyncio's loop does the same job.
Lateness is the one number that says that the process has too much to do: media waits exactly that long.
"""

from __future__ import annotations

import asyncio
import gc
import time
from dataclasses import dataclass

try:
    import uvloop
except ImportError:  # not on Windows
    uvloop = None  # type: ignore[assignment]  # where there is none, asyncio serves

LAG_INTERVAL_S = 0.1
LAG_WINDOWS = 10  # of one second each: what ``worst_us`` looks back on
COLLECTOR_THRESHOLDS = (2_000, 10, 10)  # closed transports are garbage in cycles: not too seldom
_PER_WINDOW = round(1 / LAG_INTERVAL_S)


def new_event_loop(*, prefer_uvloop: bool = True) -> asyncio.AbstractEventLoop:
    """A new loop: uvloop's where it is installed and wanted, else asyncio's."""
    if prefer_uvloop and uvloop is not None:
        return uvloop.new_event_loop()
    return asyncio.new_event_loop()


def calm_collector() -> None:
    """What was imported and set up so far is never looked at again by the garbage collector, which also comes
    more seldom: with a few hundred people in calls a full collection takes tens of milliseconds. For a
    serving process, once, before it serves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


@dataclass(frozen=True, slots=True)
class LoopLag:
    """How late timers of the loop fire, in microseconds."""

    last_us: int
    worst_us: int
    """Of the last ten seconds."""


class LagMeter:
    """Asks to be woken ten times a second and notes how late that was."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._windows = [0] * LAG_WINDOWS
        self._samples = 0
        self._last_us = 0
        self._due_ns = 0
        self._handle: asyncio.TimerHandle | None = None
        self._arm()

    def read(self) -> LoopLag:
        """The present figures; a stall that still lasts shows after it."""
        return LoopLag(self._last_us, max(self._windows))

    def close(self) -> None:
        """Stop asking."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self) -> None:
        self._due_ns = time.monotonic_ns() + round(LAG_INTERVAL_S * 1e9)
        self._handle = self._loop.call_later(LAG_INTERVAL_S, self._fired)

    def _fired(self) -> None:
        self._last_us = max(time.monotonic_ns() - self._due_ns, 0) // 1000
        window, place = divmod(self._samples, _PER_WINDOW)
        window %= LAG_WINDOWS
        self._windows[window] = max(self._windows[window] if place else 0, self._last_us)
        self._samples += 1
        self._arm()
