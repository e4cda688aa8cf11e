"""What the two observers of a router have in common (mediasoup's ``RtpObserver``).

An observer follows audio producers of its router. Their levels wait in the data plane; at each interval it
has them handed out, to itself and to whoever else observes the same producer, and draws its conclusions. Its
timer runs only while there is somebody to listen to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from rtpfwd.clock import Instant, milliseconds
from rtpfwd.dataplane.interface import AudioLevelSample
from rtpfwd.errors import InvalidParameters, InvalidState, NotFoundError
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.sfu.context import Context, Deadline
from rtpfwd.sfu.events import Emitter
from rtpfwd.sfu.producer import Producer

FindProducer = Callable[[str], Producer | None]
OBSERVER_EVENTS = frozenset(("routerclose", "close", "pause", "resume", "addproducer", "removeproducer"))


class RtpObserver(Emitter, ABC):
    """Base of the observers. ``TYPE`` is mediasoup's ``type``; subclasses fill in the underscored methods."""

    EVENTS: ClassVar[frozenset[str]] = OBSERVER_EVENTS
    TYPE: ClassVar[str] = ""

    def __init__(
        self,
        context: Context,
        find_producer: FindProducer,
        interval_us: int,
        app_data: JsonObject,
        on_close: Callable[[RtpObserver], None],
    ) -> None:
        super().__init__(context.events)
        self.id = context.new_uuid()
        self.app_data = app_data
        self.closed = False
        self.paused = False
        self.producers: dict[str, Producer] = {}
        self._context = context
        self._find_producer = find_producer
        self._interval_us = interval_us
        self._on_close = on_close
        self._number = context.next_id()
        context.deadline_owners[self._number] = self

    # -- mediasoup's methods -----------------------------------------------------------------------------

    @property
    def type(self) -> str:
        """``audiolevel`` or ``activespeaker``."""
        return self.TYPE

    def add_producer(self, producer_id: str, *, now: Instant) -> None:
        """Listen to it from now on.

        Raises ``NotFoundError`` for a producer that this router does not have, ``InvalidParameters`` when it
        is not audio, ``InvalidState`` when the observer is closed or listens already.
        """
        producer = self._known(producer_id)
        if producer.kind != "audio":
            raise InvalidParameters("not an audio Producer")
        if producer.id in self.producers:
            raise InvalidState("Producer already in map")
        producer.hand_out_levels()  # what was said before is not for us
        producer.observers[self.id] = self
        self.producers[producer.id] = producer
        self._added(producer, now)
        if len(self.producers) == 1 and not self.paused:
            self._arm(now)
        self._emit("addproducer", producer)

    def remove_producer(self, producer_id: str, *, now: Instant) -> None:
        """Listen to it no longer; one that is not listened to stays so. Raises like ``add_producer``."""
        producer = self._known(producer_id)
        if producer.id in self.producers:
            self._forget(producer, now)
            self._emit("removeproducer", producer)

    def pause(self) -> None:
        """Hear nothing and say nothing. Raises ``InvalidState`` when closed."""
        self._check_open()
        if self.paused:
            return
        self.paused = True
        self._context.timers.cancel((self._number, Deadline.OBSERVE))
        self._silenced()
        self._emit("pause")

    def resume(self, *, now: Instant) -> None:
        """Go on. Raises ``InvalidState`` when closed."""
        self._check_open()
        if not self.paused:
            return
        for producer in self.producers.values():
            producer.hand_out_levels()
        self.paused = False
        if self.producers:
            self._arm(now)
        self._emit("resume")

    def close(self) -> None:
        """End it; the producers go on. Twice does nothing."""
        if not self.closed:
            self._end()
            self._emit("close")

    def router_closed(self) -> None:
        """Its router closed."""
        if not self.closed:
            self._end()
            self._emit("routerclose")
            self._emit("close")

    def dump(self) -> JsonObject:
        """Everything, for people who debug."""
        return {
            "id": self.id,
            "type": self.type,
            "paused": self.paused,
            "intervalMs": self._interval_us // 1000,
            "producerIds": list(self.producers),
        }

    # -- for the producers -------------------------------------------------------------------------------

    def on_audio_levels(self, producer: Producer, samples: Sequence[AudioLevelSample]) -> None:
        """What a producer said since the last time, in order of arrival."""
        if not self.paused:
            self._heard(producer, samples)

    def on_producer_paused(self, producer: Producer, paused: bool) -> None:
        """It was muted, or is heard again."""
        self._muted(producer, paused)

    def on_producer_closed(self, producer: Producer, now: Instant) -> None:
        """It is gone."""
        self._forget(producer, now)

    # -- for the worker ----------------------------------------------------------------------------------

    def handle_deadline(self, _deadline: Deadline, now: Instant) -> None:
        """An interval is over."""
        for producer in self.producers.values():
            producer.hand_out_levels()
        self._conclude(now)
        self._arm(now)

    # -- what observers differ in ------------------------------------------------------------------------

    @abstractmethod
    def _added(self, producer: Producer, now: Instant) -> None: ...

    @abstractmethod
    def _removed(self, producer: Producer, now: Instant) -> None: ...

    @abstractmethod
    def _heard(self, producer: Producer, samples: Sequence[AudioLevelSample]) -> None: ...

    @abstractmethod
    def _muted(self, producer: Producer, paused: bool) -> None: ...

    @abstractmethod
    def _silenced(self) -> None: ...

    @abstractmethod
    def _conclude(self, now: Instant) -> None: ...

    # -- inside ------------------------------------------------------------------------------------------

    def _known(self, producer_id: str) -> Producer:
        self._check_open()
        producer = self._find_producer(producer_id) if isinstance(producer_id, str) else None
        if producer is None:
            raise NotFoundError(f'Producer with id "{str(producer_id)[:64]}" not found')
        return producer

    def _forget(self, producer: Producer, now: Instant) -> None:
        producer.observers.pop(self.id, None)
        del self.producers[producer.id]
        if not self.producers:
            self._context.timers.cancel((self._number, Deadline.OBSERVE))
        self._removed(producer, now)

    def _end(self) -> None:
        self.closed = True
        for producer in self.producers.values():
            producer.observers.pop(self.id, None)
        self.producers.clear()
        self._context.timers.cancel((self._number, Deadline.OBSERVE))
        del self._context.deadline_owners[self._number]
        self._on_close(self)

    def _arm(self, now: Instant) -> None:
        self._context.timers.set((self._number, Deadline.OBSERVE), Instant(now + self._interval_us))

    def _check_open(self) -> None:
        if self.closed:
            raise InvalidState("RtpObserver is closed")


def interval_between(interval_ms: object, least_ms: int, most_ms: int) -> int:
    """An interval in microseconds, brought into its bounds as mediasoup does.

    Raises ``InvalidParameters`` for what is no number.
    """
    if isinstance(interval_ms, bool) or not isinstance(interval_ms, int | float):
        raise InvalidParameters("if given, interval must be a number")
    return milliseconds(min(max(interval_ms, least_ms), most_ms))
