"""One capture: calls, packets and remarks to pcapng, as bytes for whoever writes the file.

Per transport an interface with RTP and RTCP decrypted and STUN, both directions; no DTLS, because after a
handshake Wireshark takes for SRTP what follows. With ``wire`` everything is as it was on the wire, DTLS too,
and the keys are in the file: DTLS' as a key log, SRTP's in records ``srtp`` (wire_form.py). Other records:
``start`` (what a replay must know), ``seam.*``
(calls.py), ``name`` (which number is which object), ``decision`` (the ledger), ``end``.
Where a stream was running before the capture began, a record ``late`` says so: its numbering cannot be the
same in a replay.

Packets that do not open are kept encrypted, with a comment; a replay leaves them out, as the plane had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rtpfwd.capture.calls import PREFIX, Arguments, encode_call, plain_address
from rtpfwd.capture.mirror import Mirror
from rtpfwd.capture.opening import Opener, openers
from rtpfwd.capture.wire_form import KEYS, Handshakes, encode_keys
from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import DataPlane, PlaneLimits, TransportId
from rtpfwd.protocols.srtp import SrtpKeys
from rtpfwd.wire.captures.items import Direction, JsonValue
from rtpfwd.wire.captures.pcapng_writer import InterfaceNumber, PcapngWriter
from rtpfwd.wire.datagram import Address, Datagram, Path
from rtpfwd.wire.demux import Kind, classify

VERSION = 1
NOT_OPENED = "rtpfwd: still encrypted: did not open, or had been here before"
RESERVE = 4096
"""Bytes kept free for the end of the file."""

Describe = Callable[[str, int], Mapping[str, Any] | None]
"""Gives what is known of ``transport``, ``receiveStream`` or ``sendStream`` number N, as JSON."""


class Reach(StrEnum):
    """What a capture takes of a transport."""

    WHOLE = "whole"
    INPUT = "input"
    """Only what comes in, because somebody else's output needs it in a replay."""


@dataclass(slots=True)
class RecorderCounts:
    """Of what was written."""

    received: int = 0
    sent: int = 0
    unopened: int = 0
    calls: int = 0
    bytes: int = 0


class Recorder:
    """An ``Observer`` of a ``RecordingPlane``. ``write`` takes bytes in order; once it returns False, the
    capture is over. ``finished`` tells why, once it is.
    """

    def __init__(
        self,
        plane: DataPlane,
        mirror: Mirror,
        *,
        write: Callable[[bytes], bool],
        local: Sequence[Address],
        unix_us_at_zero: int,
        limits: PlaneLimits,
        now: Instant,
        describe: Describe = lambda kind, number: None,
        everything: bool = False,
        wire: bool = False,
        key_log: Callable[[TransportId], str] = lambda transport: "",
        max_bytes: int = 1 << 30,
        title: str = "",
        system: str = "",
    ) -> None:
        self.counts = RecorderCounts()
        self.finished: str | None = None
        self._plane = plane
        self._mirror = mirror
        self._write = write
        self._local = [plain_address(one) for one in local]
        self._zero = unix_us_at_zero
        self._describe = describe
        self._everything = everything
        self._max_bytes = max_bytes
        self._now = now
        self._pcapng = PcapngWriter()
        self._reach: dict[TransportId, Reach] = {}
        self._openers: dict[TransportId, tuple[Opener, Opener]] = {}
        self._interfaces: dict[TransportId, InterfaceNumber] = {}
        self._traffic: dict[TransportId, int] = {}
        self._handshakes = Handshakes() if wire else None
        self._key_log = key_log
        self._unnamed: list[tuple[str, int]] = []
        self._put(self._pcapng.header(system=system, comments=(title,) if title else ()))
        self.record(
            "start",
            {
                "version": VERSION,
                "local": [[one[0], one[1]] for one in self._local],
                "unixUsAtZero": unix_us_at_zero,
                "limits": asdict(limits),
            },
        )
        if everything:
            self.adopt(dict.fromkeys(mirror.transports, Reach.WHOLE), now)

    def adopt(self, transports: Mapping[TransportId, Reach], now: Instant) -> None:
        """Take these transports in, as they stand, those taken before excepted."""
        self._now = max(self._now, now)
        fresh = {one: reach for one, reach in transports.items() if one not in self._reach}
        for transport, reach in fresh.items():
            self._reach[transport] = reach
            self._unnamed.append(("transport", transport))
            for method, arguments in self._mirror.calls_for_receiving(transport):
                self._note_call(method, arguments)
        for transport, reach in fresh.items():
            if reach is Reach.WHOLE:
                for method, arguments in self._mirror.calls_for_sending(transport):
                    self._note_call(method, arguments)
                    if method == "add_send_stream" and self._plane.send_counters(arguments[0]).packets:
                        self.record(
                            "late", [one for one in (arguments[1].ssrc, arguments[1].rtx_ssrc) if one]
                        )

    def record(self, kind: str, value: JsonValue) -> None:
        """A remark of any kind."""
        self._put(self._pcapng.record(self._zero + self._now, kind, value))

    def settle(self, now: Instant) -> None:
        """Between inputs: write down the names of what is new."""
        self._now = max(self._now, now)
        if self._handshakes is not None:
            for transport in self._handshakes.overdue(now):
                self._write_handshake(transport)
        unnamed, self._unnamed = self._unnamed, []
        for kind, number in unnamed:
            known = self._describe(kind, number)
            if known is not None:
                self.record("name", {"kind": kind, "number": number, **known})

    def finish(self, why: str, now: Instant) -> None:
        """End the file. Nothing is written afterwards; again does nothing."""
        if self.finished is not None:
            return
        self.settle(now)
        for transport in list(self._reach):
            self._write_handshake(transport)
        if self.finished is None:  # the last names may have been too much
            self._close(why, now)

    def _close(self, why: str, now: Instant) -> None:
        self.finished = why
        end = b""
        for transport, interface in self._interfaces.items():
            end += self._pcapng.statistics(
                interface, self._zero + now, received=self._traffic.get(transport, 0), dropped=0
            )
        counts = self.counts
        value: JsonValue = {
            "why": why,
            "received": counts.received,
            "sent": counts.sent,
            "unopened": counts.unopened,
        }
        self._write(end + self._pcapng.record(self._zero + now, "end", value))

    # -- Observer ------------------------------------------------------------------------------------------

    def called(
        self, method: str, arguments: Arguments, transport: TransportId | None, now: Instant | None
    ) -> None:
        """A call across the seam."""
        if now is not None:
            self._now = max(self._now, now)
        if method == "add_transport" and self._everything:
            self._reach[arguments[0]] = Reach.WHOLE
            self._unnamed.append(("transport", arguments[0]))
        if transport is None:
            if method == "handle_timeout":
                self._note_call(method, arguments)
            return
        reach = self._reach.get(transport)
        if reach is None or (reach is Reach.INPUT and method in _OF_OUTPUT):
            return
        self._note_call(method, arguments)
        if method == "remove_transport":
            self._write_handshake(arguments[0])
            del self._reach[transport]
            self._openers.pop(transport, None)

    def arrived(self, datagrams: Sequence[Datagram], now: Instant) -> None:
        """Datagrams on their way in."""
        self._now = max(self._now, now)
        for data, path in datagrams:
            transport = self._mirror.paths.get(path)
            if transport in self._reach:
                self._packet(transport, data, path, Direction.INBOUND)

    def left(self, datagrams: Sequence[Datagram], now: Instant) -> None:
        """Media on its way out."""
        self._now = max(self._now, now)
        for data, path in datagrams:
            transport = self._mirror.paths.get(path)
            if transport is not None and self._reach.get(transport) is Reach.WHOLE:
                self._packet(transport, data, path, Direction.OUTBOUND)

    def sent(self, datagrams: Sequence[Datagram], now: Instant) -> None:
        """All that the driver sends; media has been told already."""
        self._now = max(self._now, now)
        for data, path in datagrams:
            if classify(data) is not Kind.RTP:
                transport = self._mirror.paths.get(path)
                if transport is not None and self._reach.get(transport) is Reach.WHOLE:
                    self._packet(transport, data, path, Direction.OUTBOUND)

    # -- inside --------------------------------------------------------------------------------------------

    def _note_call(self, method: str, arguments: Arguments) -> None:
        if method == "set_keys":
            if self._handshakes is not None:
                self._write_keys(*arguments)
            else:
                self._openers[arguments[0]] = openers(arguments[1])
        elif method == "add_receive_stream":
            self._unnamed.append(("receiveStream", arguments[0]))
        elif method == "add_send_stream":
            self._unnamed.append(("sendStream", arguments[0]))
        elif method == "set_source" and arguments[1] is not None:
            spec = self._mirror.receive_streams.get(arguments[1])
            if spec is None or spec.transport not in self._reach:
                return
        self.counts.calls += 1
        self.record(PREFIX + method, encode_call(method, arguments))

    def _packet(self, transport: TransportId, data: bytes, path: Path, direction: Direction) -> None:
        kind = classify(data)
        if self._handshakes is not None:
            if kind is Kind.DTLS and self._handshakes.hold(transport, data, path, direction, self._now):
                return
            self._datagram(transport, data, path, direction)
            return
        if kind is Kind.DTLS:
            return
        pair = self._openers.get(transport)
        plain: bytes | None = data
        if kind is Kind.RTP:
            opener = None if pair is None else pair[direction is Direction.OUTBOUND]
            plain = None if opener is None else opener.rtp(data)
        elif kind is Kind.RTCP:
            opener = None if pair is None else pair[direction is Direction.OUTBOUND]
            plain = None if opener is None else opener.rtcp(data)
        comments: tuple[str, ...] = ()
        if plain is None:
            plain, comments = data, (NOT_OPENED,)
            self.counts.unopened += 1
        self._datagram(transport, plain, path, direction, comments=comments)

    def _datagram(
        self,
        transport: TransportId,
        data: bytes,
        path: Path,
        direction: Direction,
        *,
        at: Instant | None = None,
        comments: tuple[str, ...] = (),
    ) -> None:
        local, remote = path
        ends = (plain_address(remote), self._local[local])
        if direction is Direction.OUTBOUND:
            ends = ends[::-1]
            self.counts.sent += 1
        else:
            self.counts.received += 1
        self._traffic[transport] = self._traffic.get(transport, 0) + 1
        interface = self._interface(transport)
        time_us = self._zero + (self._now if at is None else at)
        self._put(
            self._pcapng.datagram(interface, time_us, *ends, data, direction=direction, comments=comments)
        )

    def _write_keys(self, transport: TransportId, keys: SrtpKeys) -> None:
        """What opens the packets that follow, and those of the handshake, held back until now."""
        lines = self._key_log(transport)
        if lines:
            self._put(self._pcapng.key_log(lines))
        self.record(KEYS, encode_keys(transport, keys))
        self._write_handshake(transport)

    def _write_handshake(self, transport: TransportId) -> None:
        held = self._handshakes.release(transport) if self._handshakes is not None else []
        for at, data, path, direction in held:
            self._datagram(transport, data, path, direction, at=at)

    def _interface(self, transport: TransportId) -> InterfaceNumber:
        known = self._interfaces.get(transport)
        if known is None:
            about = self._describe("transport", transport) or {}
            known, block = self._pcapng.interface(
                str(about.get("id", f"transport {transport}")), str(about.get("label", ""))
            )
            self._interfaces[transport] = known
            self._put(block)
        return known

    def _put(self, data: bytes) -> None:
        if self.finished is not None:
            return
        if self.counts.bytes + len(data) + RESERVE > self._max_bytes:
            self._close("size", self._now)
            return
        self.counts.bytes += len(data)
        if not self._write(data):
            self.finished = "not written"


_OF_OUTPUT = frozenset(
    ("add_send_stream", "set_source", "set_send_paused", "remove_send_stream", "retransmit", "probe")
)
