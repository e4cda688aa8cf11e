"""One key frame request upstream for many asked downstream.

A request goes out at once unless one went out less than ``min_interval_us`` ago; then it waits for the rest
of that time. It is repeated until a key frame comes. Better than mediasoup, where whoever asks while a
request is pending waits for its one repetition after a second.
"""

from __future__ import annotations

from rtpfwd.clock import Instant
from rtpfwd.sfu.settings import KeyFrameSettings


class _Request:
    __slots__ = ("deadline", "sent_at", "tries")

    def __init__(self) -> None:
        self.sent_at: Instant | None = None
        self.deadline: Instant | None = None
        self.tries = 0


class KeyFrameRequests:
    """The requests of one publishing transport, by media SSRC."""

    def __init__(self, settings: KeyFrameSettings) -> None:
        self._settings = settings
        self._requests: dict[int, _Request] = {}

    def ask(self, ssrc: int, now: Instant) -> bool:
        """Somebody needs a key frame; returns whether to send a request now."""
        request = self._requests.setdefault(ssrc, _Request())
        if request.sent_at is None or now - request.sent_at >= self._settings.min_interval_us:
            request.tries = 0
            self._sent(request, now)
            return True
        # Too early after the last one: what answers that one may be too early for who asks now.
        request.tries = 0
        request.deadline = Instant(request.sent_at + self._settings.min_interval_us)
        return False

    def received(self, ssrc: int) -> None:
        """A key frame came: whoever waited has it. Those who ask later wait for the rest of the interval."""
        request = self._requests.get(ssrc)
        if request is not None:
            request.deadline = None

    def due(self, now: Instant) -> list[int]:
        """The SSRCs to ask again now."""
        asking = []
        for ssrc, request in self._requests.items():
            if request.deadline is None or request.deadline > now:
                continue
            if request.tries >= self._settings.retries:
                request.deadline = None
                continue
            self._sent(request, now)
            asking.append(ssrc)
        return asking

    def next_timeout(self) -> Instant | None:
        """When ``due`` has something."""
        return min((r.deadline for r in self._requests.values() if r.deadline is not None), default=None)

    def forget(self, ssrc: int) -> None:
        """The stream is gone."""
        self._requests.pop(ssrc, None)

    def _sent(self, request: _Request, now: Instant) -> None:
        request.sent_at = now
        request.tries += 1
        request.deadline = Instant(now + self._settings.retry_us)
