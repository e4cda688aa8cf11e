"""At most one log line a second for each kind of trouble: what a network can cause, a network can cause a
million times.
"""

from __future__ import annotations

from collections.abc import Callable

from rtpfwd.clock import Instant, seconds


class LogLimit:
    """Says which occurrences to log; ``clock`` gives the time."""

    def __init__(self, clock: Callable[[], Instant], interval_us: int = seconds(1)) -> None:
        self._clock = clock
        self._interval_us = interval_us
        self._last: dict[str, Instant] = {}
        self._suppressed: dict[str, int] = {}

    def allow(self, kind: str) -> int | None:
        """How many of ``kind`` were passed over since the last line when this one may be logged, else
        ``None``.
        """
        now = self._clock()
        last = self._last.get(kind)
        if last is not None and now - last < self._interval_us:
            self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
            return None
        self._last[kind] = now
        return self._suppressed.pop(kind, 0)
