"""A data plane around a data plane: the same calls, the same answers, and observers that are told.

Off, it costs one comparison for each batch of datagrams. An observer that raises is dropped and remembered in
``failures``: a capture must never break a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from rtpfwd.capture.calls import Arguments
from rtpfwd.capture.mirror import Mirror
from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import (
    ALL_LAYERS,
    AudioLevelSample,
    DataPlane,
    Layers,
    NacksDue,
    PlaneCounters,
    ProbatorSpec,
    Probe,
    ReceiveCounters,
    ReceiveStreamId,
    ReceiveStreamSpec,
    SendCounters,
    SendStreamId,
    SendStreamSpec,
    TransportCounters,
    TransportId,
    Upcall,
)
from rtpfwd.protocols.srtp import SrtpKeys
from rtpfwd.wire.datagram import Datagram, Path

MAX_FAILURES = 16


class Observer(Protocol):
    """Who is told. All happens in the order of the calls."""

    def called(
        self, method: str, arguments: Arguments, transport: TransportId | None, now: Instant | None
    ) -> None:
        """A call that succeeded, whose transport it is, and when; None where the method takes no time."""

    def arrived(self, datagrams: Sequence[Datagram], now: Instant) -> None:
        """Datagrams about to go into ``forward``."""

    def left(self, datagrams: Sequence[Datagram], now: Instant) -> None:
        """Media that the plane gave out."""

    def sent(self, datagrams: Sequence[Datagram], now: Instant) -> None:
        """What the driver sends: media, which ``left`` has told already, and all else."""


class RecordingPlane:
    """``DataPlane``. ``attach`` observers to it; ``mirror`` is what stands in the tables."""

    def __init__(self, inner: DataPlane) -> None:
        self.inner = inner
        self.mirror = Mirror()
        self.failures: list[Exception] = []
        self._observers: tuple[Observer, ...] = ()
        self._callers: tuple[Observer, ...] = ()

    def attach(self, observer: Observer, *, calls: bool = True) -> None:
        """Tell it from now on; ``calls``: of calls, too, not only of packets."""
        self._observers += (observer,)
        if calls:
            self._callers += (observer,)

    def detach(self, observer: Observer) -> None:
        """Tell it nothing more; harmless when it is not attached."""
        self._observers = tuple(one for one in self._observers if one is not observer)
        self._callers = tuple(one for one in self._callers if one is not observer)

    def note_sent(self, datagrams: Sequence[Datagram], now: Instant) -> None:
        """What the driver is about to send; for RTCP, STUN and DTLS, which do not cross the seam."""
        self._tell(self._observers, lambda one: one.sent(datagrams, now))

    # -- tables --------------------------------------------------------------------------------------------

    def add_transport(self, transport: TransportId, shard: int = 0) -> None:
        """See ``DataPlane``, as for all below."""
        self.inner.add_transport(transport, shard)
        self._called("add_transport", (transport,))

    def set_keys(self, transport: TransportId, keys: SrtpKeys) -> None:
        """Keys."""
        self.inner.set_keys(transport, keys)
        self._called("set_keys", (transport, keys))

    def set_receive_extensions(self, transport: TransportId, extension_ids: Mapping[str, int]) -> None:
        """Header extensions of what comes."""
        self.inner.set_receive_extensions(transport, extension_ids)
        self._called("set_receive_extensions", (transport, extension_ids))

    def add_path(self, transport: TransportId, path: Path) -> None:
        """A validated 5-tuple."""
        self.inner.add_path(transport, path)
        self._called("add_path", (transport, path))

    def remove_path(self, path: Path) -> None:
        """Forget a 5-tuple."""
        self.inner.remove_path(path)
        self._called("remove_path", (path,))

    def select_path(self, transport: TransportId, path: Path | None) -> None:
        """Where output goes."""
        self.inner.select_path(transport, path)
        self._called("select_path", (transport, path))

    def add_receive_stream(self, stream: ReceiveStreamId, spec: ReceiveStreamSpec) -> None:
        """A receive stream."""
        self.inner.add_receive_stream(stream, spec)
        self._called("add_receive_stream", (stream, spec))

    def add_rtx_ssrc(self, stream: ReceiveStreamId, ssrc: int) -> None:
        """Its RTX SSRC."""
        self.inner.add_rtx_ssrc(stream, ssrc)
        self._called("add_rtx_ssrc", (stream, ssrc))

    def set_receive_paused(self, stream: ReceiveStreamId, paused: bool) -> None:
        """Pause what comes."""
        self.inner.set_receive_paused(stream, paused)
        self._called("set_receive_paused", (stream, paused))

    def add_send_stream(self, stream: SendStreamId, spec: SendStreamSpec) -> None:
        """A send stream."""
        self.inner.add_send_stream(stream, spec)
        self._called("add_send_stream", (stream, spec))

    def set_source(
        self,
        stream: SendStreamId,
        source: ReceiveStreamId | None,
        now: Instant,
        layers: Layers = ALL_LAYERS,
    ) -> None:
        """What it forwards."""
        self.inner.set_source(stream, source, now, layers)
        self._called("set_source", (stream, source, layers), now)

    def set_send_paused(self, stream: SendStreamId, paused: bool) -> None:
        """Pause what goes."""
        self.inner.set_send_paused(stream, paused)
        self._called("set_send_paused", (stream, paused))

    def set_receive_traced(self, stream: ReceiveStreamId, traced: bool) -> None:
        """Traces change nothing that leaves."""
        self.inner.set_receive_traced(stream, traced)

    def set_send_traced(self, stream: SendStreamId, traced: bool) -> None:
        """Traces change nothing that leaves."""
        self.inner.set_send_traced(stream, traced)

    def set_pacing_rate(self, transport: TransportId, rate_bps: int) -> None:
        """How fast packets leave."""
        self.inner.set_pacing_rate(transport, rate_bps)
        self._called("set_pacing_rate", (transport, rate_bps))

    def set_probator(self, transport: TransportId, spec: ProbatorSpec | None) -> None:
        """The padding stream."""
        self.inner.set_probator(transport, spec)
        self._called("set_probator", (transport, spec))

    def probe(self, transport: TransportId, probe: Probe, now: Instant) -> list[Datagram]:
        """Begin a probe."""
        out = self.inner.probe(transport, probe, now)
        self._called("probe", (transport, probe), now)
        return self._left(out, now)

    def remove_transport(self, transport: TransportId) -> None:
        """Remove it with its streams."""
        self.inner.remove_transport(transport)
        self._called("remove_transport", (transport,))

    def remove_receive_stream(self, stream: ReceiveStreamId) -> None:
        """Forget a receive stream."""
        self.inner.remove_receive_stream(stream)
        self._called("remove_receive_stream", (stream,))

    def remove_send_stream(self, stream: SendStreamId) -> None:
        """Forget a send stream."""
        self.inner.remove_send_stream(stream)
        self._called("remove_send_stream", (stream,))

    def retry_unknown(self, transport: TransportId) -> None:
        """Ask again."""
        self.inner.retry_unknown(transport)
        self._called("retry_unknown", (transport,))

    # -- packets -------------------------------------------------------------------------------------------

    def forward(self, arrived: Sequence[Datagram], now: Instant) -> list[Datagram]:
        """Datagrams in, datagrams out."""
        if not self._observers:
            return self.inner.forward(arrived, now)
        self._tell(self._observers, lambda one: one.arrived(arrived, now))
        return self._left(self.inner.forward(arrived, now), now)

    def retransmit(
        self, stream: SendStreamId, sequence_numbers: Sequence[int], rtt_us: int, now: Instant
    ) -> list[Datagram]:
        """Answer a NACK."""
        out = self.inner.retransmit(stream, sequence_numbers, rtt_us, now)
        self._called("retransmit", (stream, sequence_numbers, rtt_us), now)
        return self._left(out, now)

    def next_timeout(self) -> Instant | None:
        """When something is due."""
        return self.inner.next_timeout()

    def handle_timeout(self, now: Instant) -> list[Datagram]:
        """What is due. Nothing is told where nothing waits: most calls of a worker's timers are such."""
        if not self._callers:
            return self._left(self.inner.handle_timeout(now), now)
        waits = self.inner.next_timeout() is not None
        out = self.inner.handle_timeout(now)
        if waits or out:
            self._called("handle_timeout", (), now)
        return self._left(out, now)

    # -- what the control plane must know ------------------------------------------------------------------

    def take_upcalls(self) -> list[Upcall]:
        """Upcalls."""
        return self.inner.take_upcalls()

    def take_arrivals(self, transport: TransportId) -> list[tuple[int, Instant]]:
        """Arrivals."""
        return self.inner.take_arrivals(transport)

    def take_departures(self, transport: TransportId) -> list[tuple[int, Instant, int, int]]:
        """Departures."""
        return self.inner.take_departures(transport)

    def take_audio_levels(self, stream: ReceiveStreamId) -> list[AudioLevelSample]:
        """Audio levels."""
        return self.inner.take_audio_levels(stream)

    def due_nacks(self, stream: ReceiveStreamId, rtt_us: int, now: Instant) -> NacksDue:
        """What to ask for; told because it counts each as asked."""
        due = self.inner.due_nacks(stream, rtt_us, now)
        if due.sequence_numbers:
            self._called("due_nacks", (stream, rtt_us), now)
        return due

    def receive_counters(self, stream: ReceiveStreamId) -> ReceiveCounters:
        """Totals."""
        return self.inner.receive_counters(stream)

    def send_counters(self, stream: SendStreamId) -> SendCounters:
        """Totals."""
        return self.inner.send_counters(stream)

    def transport_counters(self, transport: TransportId) -> TransportCounters:
        """Totals."""
        return self.inner.transport_counters(transport)

    def counters(self) -> PlaneCounters:
        """Totals."""
        return self.inner.counters()

    # -- inside --------------------------------------------------------------------------------------------

    def _called(self, method: str, arguments: Arguments, now: Instant | None = None) -> None:
        if self._callers:
            transport = self.mirror.transport_of(method, arguments)
            self._tell(self._callers, lambda one: one.called(method, arguments, transport, now))
        self.mirror.note(method, arguments)

    def _left(self, out: list[Datagram], now: Instant) -> list[Datagram]:
        if out and self._observers:
            self._tell(self._observers, lambda one: one.left(out, now))
        return out

    def _tell(self, observers: tuple[Observer, ...], what: Callable[[Observer], None]) -> None:
        for observer in observers:
            try:
                what(observer)
            except Exception as error:
                self.detach(observer)
                if len(self.failures) < MAX_FAILURES:
                    self.failures.append(error)
