"""Who is loud: average levels of the loudest producers (mediasoup's ``AudioLevelObserver``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import AudioLevelSample
from rtpfwd.errors import InvalidParameters
from rtpfwd.sfu.checks import check_app_data
from rtpfwd.sfu.context import Context
from rtpfwd.sfu.producer import Producer
from rtpfwd.sfu.rtp_observer import OBSERVER_EVENTS, FindProducer, RtpObserver, interval_between

FEWEST_PACKETS = 10
"""An average of fewer packets in an interval says nothing (mediasoup)."""
LEAST_MS, MOST_MS = 250, 5000


class AudioLevelObserver(RtpObserver):
    """Made by ``Router.create_audio_level_observer``.

    Events: ``volumes``, a list of ``{"producer": Producer, "volume": dBov}``, volume -127 to 0, the loudest
    first; ``silence``, once, when nobody reaches the threshold any more.
    """

    EVENTS: ClassVar[frozenset[str]] = OBSERVER_EVENTS | {"volumes", "silence"}
    TYPE: ClassVar[str] = "audiolevel"

    def __init__(
        self,
        context: Context,
        find_producer: FindProducer,
        on_close: Callable[[RtpObserver], None],
        *,
        max_entries: Any,
        threshold: Any,
        interval_ms: Any,
        app_data: Any,
    ) -> None:
        if not _is_number(max_entries) or max_entries < 1:
            raise InvalidParameters("if given, maxEntries must be a positive number")
        if not _is_number(threshold) or not -127 <= threshold <= 0:
            raise InvalidParameters("if given, threshold must be a number from -127 to 0")
        interval_us = interval_between(interval_ms, LEAST_MS, MOST_MS)
        super().__init__(context, find_producer, interval_us, check_app_data(app_data), on_close)
        self._max_entries = int(max_entries)
        self._threshold = threshold
        self._heard_from: dict[str, _Tally] = {}
        self._silent = True

    def _added(self, producer: Producer, now: Instant) -> None:
        self._heard_from[producer.id] = _Tally()

    def _removed(self, producer: Producer, now: Instant) -> None:
        del self._heard_from[producer.id]
        if not self._heard_from:
            self._fall_silent()

    def _heard(self, producer: Producer, samples: Sequence[AudioLevelSample]) -> None:
        tally = self._heard_from[producer.id]
        tally.packets += len(samples)
        tally.levels += sum(sample.level for sample in samples)

    def _muted(self, producer: Producer, paused: bool) -> None:
        self._heard_from[producer.id] = _Tally()

    def _silenced(self) -> None:
        self._heard_from = {producer_id: _Tally() for producer_id in self.producers}
        self._fall_silent()

    def _conclude(self, now: Instant) -> None:
        found: list[tuple[int, str]] = []
        for producer_id, tally in self._heard_from.items():
            if tally.packets >= FEWEST_PACKETS:
                volume = -round(tally.levels / tally.packets)
                if volume >= self._threshold:
                    found.append((volume, producer_id))
        self._heard_from = {producer_id: _Tally() for producer_id in self.producers}
        if not found:
            self._fall_silent()
            return
        found.sort(key=lambda one: -one[0])
        self._silent = False
        self._emit(
            "volumes",
            [
                {"producer": self.producers[one], "volume": volume}
                for volume, one in found[: self._max_entries]
            ],
        )

    def _fall_silent(self) -> None:
        if not self._silent:
            self._silent = True
            self._emit("silence")


class _Tally:
    """What one producer said in this interval: packets, and the sum of their levels in -dBov."""

    __slots__ = ("levels", "packets")

    def __init__(self) -> None:
        self.packets = self.levels = 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
