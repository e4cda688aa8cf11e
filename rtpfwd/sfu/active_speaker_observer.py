"""Whose turn it is to speak (mediasoup's ``ActiveSpeakerObserver``). The judging is dominant_speaker.py's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import AudioLevelSample
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.sfu.checks import check_app_data
from rtpfwd.sfu.context import Context
from rtpfwd.sfu.dominant_speaker import MAX_LEVEL, Floor
from rtpfwd.sfu.producer import Producer
from rtpfwd.sfu.rtp_observer import OBSERVER_EVENTS, FindProducer, RtpObserver, interval_between

LEAST_MS, MOST_MS = 100, 5000


class ActiveSpeakerObserver(RtpObserver):
    """Made by ``Router.create_active_speaker_observer``.

    Event: ``dominantspeaker``, ``{"producer": Producer}``, when the floor goes to somebody. Whoever is
    paused, closed or removed loses it without an event; the next to speak up gets it.
    """

    EVENTS: ClassVar[frozenset[str]] = OBSERVER_EVENTS | {"dominantspeaker"}
    TYPE: ClassVar[str] = "activespeaker"

    def __init__(
        self,
        context: Context,
        find_producer: FindProducer,
        on_close: Callable[[RtpObserver], None],
        *,
        interval_ms: Any,
        app_data: Any,
    ) -> None:
        interval_us = interval_between(interval_ms, LEAST_MS, MOST_MS)
        super().__init__(context, find_producer, interval_us, check_app_data(app_data), on_close)
        self._floor = Floor()

    def dump(self) -> JsonObject:
        """Also who is dominant: a producer's id, or None."""
        return {**super().dump(), "dominantProducerId": self._floor.holder}

    def _added(self, producer: Producer, now: Instant) -> None:
        self._floor.add(producer.id, now, paused=producer.paused)

    def _removed(self, producer: Producer, now: Instant) -> None:
        vacant = self._floor.holder == producer.id
        self._floor.remove(producer.id)
        if vacant and not self.paused and not self.closed:
            self._conclude(now)

    def _heard(self, producer: Producer, samples: Sequence[AudioLevelSample]) -> None:
        for sample in samples:
            self._floor.hear(producer.id, MAX_LEVEL - sample.level, sample.arrival)

    def _muted(self, producer: Producer, paused: bool) -> None:
        self._floor.set_paused(producer.id, paused)

    def _silenced(self) -> None:
        pass  # a paused observer keeps its last word

    def _conclude(self, now: Instant) -> None:
        if self._floor.update(now) and self._floor.holder is not None:
            self._emit("dominantspeaker", {"producer": self.producers[self._floor.holder]})
