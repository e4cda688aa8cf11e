"""One key frame request upstream for many asked downstream.

While a request is unanswered, whoever asks waits for its answer; it is repeated until a key frame comes.
Once answered, the next one may go out at once, but never more than ``burst`` within ``window_us``: then it
waits for the rest of the window. Better than mediasoup, where whoever asks while a request is pending
waits for its one repetition after a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from rtpfwd.clock import Instant
from rtpfwd.sfu.settings import KeyFrameSettings


class _Request:
    __slots__ = ("deadline", "sent", "tries", "unanswered")

    def __init__(self) -> None:
        self.sent: deque[Instant] = deque()
        self.deadline: Instant | None = None
        self.tries = 0
        self.unanswered = False


class KeyFrameRequests:
    """The requests of one publishing transport, by media SSRC. ``settings`` gives the present ones."""

    def __init__(self, settings: Callable[[], KeyFrameSettings]) -> None:
        self._settings = settings
        self._requests: dict[int, _Request] = {}

    def ask(self, ssrc: int, now: Instant) -> bool:
        """Somebody needs a key frame; returns whether to send a request now."""
        request = self._requests.setdefault(ssrc, _Request())
        request.tries = 0
        if request.unanswered and request.deadline is not None:
            return False  # its answer, or its repetition, serves this one too
        free_at = self._free_at(request)
        if free_at is not None and now < free_at:
            request.deadline = free_at
            return False
        self._send(request, now)
        return True

    def received(self, ssrc: int, now: Instant) -> None:
        """A key frame came: whoever waited has it.

        One that came when the request went out is the one that a stream began with, and whoever asks
        because of the new stream did not get it. The repetition matters then: Chromium ignores a request
        within 300 ms of another, also of one for another layer.
        """
        request = self._requests.get(ssrc)
        if request is not None and (not request.sent or request.sent[-1] < now):
            request.unanswered = False
            request.deadline = None

    def due(self, now: Instant) -> list[int]:
        """The SSRCs to ask (again) now."""
        asking = []
        for ssrc, request in self._requests.items():
            if request.deadline is None or request.deadline > now:
                continue
            if request.tries >= self._settings().retries:
                request.deadline = None
                request.unanswered = False
                continue
            self._send(request, now)
            asking.append(ssrc)
        return asking

    def next_timeout(self) -> Instant | None:
        """When ``due`` has something."""
        return min((r.deadline for r in self._requests.values() if r.deadline is not None), default=None)

    def forget(self, ssrc: int) -> None:
        """The stream is gone."""
        self._requests.pop(ssrc, None)

    def _free_at(self, request: _Request) -> Instant | None:
        settings = self._settings()
        if len(request.sent) < settings.burst:
            return None
        return Instant(request.sent[-settings.burst] + settings.window_us)

    def _send(self, request: _Request, now: Instant) -> None:
        settings = self._settings()
        request.sent.append(now)
        while len(request.sent) > settings.burst:
            request.sent.popleft()
        request.tries += 1
        request.unanswered = True
        again = now + settings.retry_us
        free_at = self._free_at(request)
        request.deadline = Instant(again if free_at is None else max(again, free_at))
