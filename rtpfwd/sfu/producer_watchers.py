"""Who follows a producer, as the producer knows them: its consumers and its observers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import AudioLevelSample

if TYPE_CHECKING:
    from rtpfwd.sfu.producer import Producer


class ProducerWatcher(Protocol):
    """A consumer, as its producer knows it."""

    def on_producer_closed(self, now: Instant) -> None:
        """The producer is gone."""

    def on_producer_paused(self, paused: bool, now: Instant) -> None:
        """The producer paused or resumed."""

    def streams_changed(self, now: Instant) -> None:
        """A stream of the producer started, stopped or went."""

    def scores_changed(self) -> None:
        """A stream's score changed."""

    def wanted_layer(self) -> int:
        """The highest spatial layer that it would take if bandwidth were no matter; -1: none."""


class ProducerObserver(Protocol):
    """An RTP observer, as its producers know it."""

    def on_audio_levels(self, producer: Producer, samples: Sequence[AudioLevelSample]) -> None:
        """What it said since the last time, in order of arrival."""

    def on_producer_paused(self, producer: Producer, paused: bool) -> None:
        """The producer paused or resumed."""

    def on_producer_closed(self, producer: Producer, now: Instant) -> None:
        """The producer is gone."""
