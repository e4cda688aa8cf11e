"""Captures of a running worker, of a room, a peer or a transport; and the flight recorder's dumps.

For commands, HTTP and pages: ``start``, ``stop``, ``listing``, ``dump_flight``. All of it is synchronous and
quick; files are written in threads. A capture of a peer or a transport also takes in what the others of the
room send, since a replay needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from rtpfwd.capture.flight import FlightLimits, FlightRecorder
from rtpfwd.capture.ingress import SETTINGS_RECORD
from rtpfwd.capture.recorder import Reach, Recorder
from rtpfwd.capture.recording_plane import RecordingPlane
from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import ReceiveStreamId, SendStreamId, TransportId
from rtpfwd.drivers.capture_file import CaptureFile
from rtpfwd.drivers.flight_triggers import FlightTriggers, TriggerSettings
from rtpfwd.errors import InvalidState, LimitExceeded, NotFoundError
from rtpfwd.sfu.tunables import changed
from rtpfwd.sfu.webrtc_transport import WebRtcTransport
from rtpfwd.sfu.worker import Worker
from rtpfwd.wire.datagram import Address

KEPT_FINISHED = 50
"""Captures that ended, kept in the list."""


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """``directory`` None: there are no captures, and the flight recorder has nowhere to go and is off."""

    directory: Path | None = None
    max_bytes: int = 256 << 20
    """Of one capture."""
    total_bytes: int = 2 << 30
    """Of all captures and dumps in the directory; more are refused until somebody tidies up."""
    at_once: int = 4
    flight: bool = True
    flight_limits: FlightLimits = field(default_factory=FlightLimits)
    triggers: TriggerSettings | None = field(default_factory=TriggerSettings)
    """None: the flight recorder is only dumped when somebody asks."""
    dumps: int = 50
    """Dumps kept; the oldest go first."""


@dataclass(slots=True)
class Capture:
    """One capture, running or ended."""

    id: str
    file: CaptureFile
    recorder: Recorder
    wanted: Callable[[WebRtcTransport], bool]
    """Whether a transport is recorded whole."""
    router_id: str | None
    began: Instant
    seen: int = -1

    def to_json(self) -> dict[str, Any]:
        """For people and pages."""
        counts = self.recorder.counts
        return {
            "id": self.id,
            "file": str(self.file.path),
            "running": self.recorder.finished is None,
            "ended": self.recorder.finished,
            "error": self.file.error,
            "bytes": counts.bytes,
            "received": counts.received,
            "sent": counts.sent,
        }


class Captures:
    """One for each driver. ``now`` gives the driver's clock."""

    def __init__(
        self,
        worker: Worker,
        plane: RecordingPlane,
        local: Iterable[Address],
        settings: CaptureSettings,
        *,
        unix_us_at_zero: int,
        now: Callable[[], Instant],
        open_file: Callable[[Path], BinaryIO] | None = None,
    ) -> None:
        self.settings = settings
        flies = settings.flight and settings.directory is not None
        self.flight = FlightRecorder(plane.mirror, settings.flight_limits) if flies else None
        self._worker = worker
        self._plane = plane
        self._local = list(local)
        self._zero = unix_us_at_zero
        self._now = now
        self._open_file = open_file
        self._captures: dict[str, Capture] = {}
        self._running: list[Capture] = []
        self._ledger_seen = 0
        self._count = 0
        self._dumps: list[CaptureFile] = []
        self._triggers = (
            FlightTriggers(worker, settings.triggers) if self.flight and settings.triggers else None
        )
        if self.flight is not None:
            plane.attach(self.flight, calls=False)

    # -- for people ----------------------------------------------------------------------------------------

    def start(
        self,
        *,
        router_id: str | None = None,
        peer_id: str | None = None,
        transport_id: str | None = None,
        stream_id: str | None = None,
        name: str = "",
        wire: bool = False,
        max_bytes: int | None = None,
    ) -> Capture:
        """Begin to record: a room (``router_id``), of it one peer (``peerId`` in the transports' app data),
        or one transport, also by one of its producers or consumers (``stream_id``); everything where nothing
        is named. ``name`` becomes part of the file's name. ``wire``: as it is on the wire, with all keys.

        Raises ``NotFoundError`` for what is not there, ``LimitExceeded`` for one capture or byte too many,
        ``InvalidState`` without a directory, and ``OSError``.
        """
        directory = self._directory()
        if len(self._running) >= self.settings.at_once:
            raise LimitExceeded(f"{len(self._running)} captures are running: need fewer than that")
        if stream_id is not None:
            transport_id = self._transport_of(stream_id)
        router_id, wanted = self._find(router_id, peer_id, transport_id)
        path = self._new_path(directory, name or "capture")
        file = CaptureFile(path, open_file=self._open_file)
        now = self._now()
        recorder = Recorder(
            self._plane,
            self._plane.mirror,
            write=file.write,
            local=self._local,
            unix_us_at_zero=self._zero,
            limits=self._worker.context.settings.plane,
            now=now,
            describe=self.describe,
            wire=wire,
            key_log=self._key_log,
            max_bytes=min(max_bytes or self.settings.max_bytes, self.settings.max_bytes),
            title=name,
        )
        recorder.record(SETTINGS_RECORD, changed(self._worker.context.settings))
        capture = Capture(path.stem, file, recorder, wanted, router_id, now)
        self._ledger_seen = self._worker.context.ledger.noted if not self._running else self._ledger_seen
        self._captures[capture.id] = capture
        self._running.append(capture)
        self._adopt(capture, now)
        self._plane.attach(recorder)
        for stream in list(self._worker.context.incoming.values()):
            # A recording that begins in the middle is of use from the next key frame on.
            if self._plane.receive_counters(stream.id).packets:
                stream.producer.ask_key_frame(stream, now)
        while len(self._captures) > KEPT_FINISHED + len(self._running):
            del self._captures[next(one for one, at in self._captures.items() if at.recorder.finished)]
        return capture

    def stop(self, capture_id: str) -> Capture:
        """End a capture; its file is complete a moment later. Raises ``NotFoundError``; again is harmless."""
        capture = self._captures.get(capture_id)
        if capture is None:
            raise NotFoundError(f"no capture {capture_id!r}")
        self._end(capture, "asked")
        return capture

    def listing(self) -> list[dict[str, Any]]:
        """All captures, those that ended too, oldest first."""
        return [one.to_json() for one in self._captures.values()]

    def dump_flight(
        self,
        *,
        router_id: str | None = None,
        peer_id: str | None = None,
        transport_id: str | None = None,
        reason: str = "asked",
        max_bytes: int | None = None,
    ) -> Path:
        """Write down the last minute of what ``start`` would record, ``max_bytes`` of it at most, the latest;
        the file is complete a moment later. Raises as ``start`` does.
        """
        if self.flight is None:
            raise InvalidState("the flight recorder is off")
        _, wanted = self._find(router_id, peer_id, transport_id)
        numbers = [number for number, one in self._worker.context.transports.items() if wanted(one)]
        if transport_id is None and router_id is None and peer_id is None:
            numbers = self.flight.transports
        return self._dump(numbers, reason, max_bytes)

    def dumps(self) -> list[dict[str, Any]]:
        """The flight recorder's files, oldest first."""
        return [
            {"file": str(one.path), "complete": one.done and one.error is None, "error": one.error}
            for one in self._dumps
        ]

    # -- for the driver ------------------------------------------------------------------------------------

    def settle(self, now: Instant) -> None:
        """Between inputs: new transports, names, decisions. Cheap while nothing runs."""
        if not self._running:
            return
        ledger = self._worker.context.ledger
        decisions = []
        if ledger.noted > self._ledger_seen:
            decisions = [one.to_json() for one in ledger if one.number >= self._ledger_seen]
            self._ledger_seen = ledger.noted
        for capture in list(self._running):
            if capture.seen != self._plane.mirror.version:
                self._adopt(capture, now)
            capture.recorder.settle(now)
            for decision in decisions:
                capture.recorder.record("decision", decision)
            if capture.recorder.finished is not None or capture.file.error is not None:
                self._end(capture, "not written")

    def sent(self, datagrams: list[tuple[bytes, tuple[int, Address]]], now: Instant) -> None:
        """What the driver is about to send."""
        self._plane.note_sent(datagrams, now)

    def check(self, now: Instant) -> list[Path]:
        """Once a second: dumps that triggers ask for. Raises ``OSError`` where they cannot be written."""
        if self.flight is None:
            return []
        self.flight.expire(now)
        if self._triggers is None or self.settings.directory is None:
            return []
        return [self._dump([number], why.value) for number, why in self._triggers.check(now)]

    def close(self) -> None:
        """End all captures, and wait until they are written."""
        for capture in list(self._running):
            self._end(capture, "server closed")
        for file in (*(one.file for one in self._captures.values()), *self._dumps):
            file.close()
            file.join()

    def describe(self, kind: str, number: int) -> dict[str, Any] | None:
        """What an object of the data plane is to the control plane."""
        context = self._worker.context
        if kind == "transport":
            transport = context.transports.get(TransportId(number))
            return (
                None
                if transport is None
                else {"id": transport.id, "label": _label(transport), "appData": _plain(transport.app_data)}
            )
        if kind == "receiveStream":
            stream = context.incoming.get(ReceiveStreamId(number))
            return (
                None
                if stream is None
                else {"id": stream.producer.id, "ssrc": stream.ssrc, "rid": stream.rid}
                | {"kind_of_media": stream.producer.kind, "appData": _plain(stream.producer.app_data)}
            )
        consumer = context.consumers.get(SendStreamId(number))
        return (
            None
            if consumer is None
            else {"id": consumer.id, "producerId": consumer.producer_id, "kind_of_media": consumer.kind}
        )

    # -- inside --------------------------------------------------------------------------------------------

    def _key_log(self, number: TransportId) -> str:
        transport = self._worker.context.transports.get(number)
        return "" if transport is None else transport.secure.key_log

    def _find(
        self, router_id: str | None, peer_id: str | None, transport_id: str | None
    ) -> tuple[str | None, Callable[[WebRtcTransport], bool]]:
        """The room, and which of its transports are wanted."""
        routers = self._worker.routers
        if router_id is not None and router_id not in routers:
            raise NotFoundError(f"no router {router_id!r}")
        if transport_id is not None:
            home = next((one.id for one in routers.values() if transport_id in one.transports), None)
            if home is None:
                raise NotFoundError(f"no transport {transport_id!r}")
            return home, lambda one: one.id == transport_id
        if peer_id is not None:
            for router in routers.values():
                if router_id in (None, router.id) and any(
                    one.app_data.get("peerId") == peer_id for one in router.transports.values()
                ):
                    return router.id, lambda one: one.app_data.get("peerId") == peer_id
            raise NotFoundError(f"no transport of a peer {peer_id!r}")
        if router_id is None:
            return None, lambda one: True
        router = routers[router_id]
        return router_id, lambda one: one.id in router.transports

    def _transport_of(self, stream_id: str) -> str:
        for transport in self._worker.context.transports.values():
            if stream_id in transport.producers or stream_id in transport.consumers:
                return transport.id
        raise NotFoundError(f"no producer or consumer {stream_id!r}")

    def _adopt(self, capture: Capture, now: Instant) -> None:
        capture.seen = self._plane.mirror.version
        chosen: dict[TransportId, Reach] = {}
        for router in self._worker.routers.values():
            if capture.router_id in (None, router.id):
                for one in router.transports.values():
                    chosen[one.number] = Reach.WHOLE if capture.wanted(one) else Reach.INPUT
        capture.recorder.adopt(chosen, now)

    def _end(self, capture: Capture, why: str) -> None:
        self._plane.detach(capture.recorder)
        if capture in self._running:
            self._running.remove(capture)
        capture.recorder.finish(why, self._now())
        capture.file.close()

    def _dump(self, numbers: list[TransportId], reason: str, max_bytes: int | None = None) -> Path:
        if self.flight is None:
            raise InvalidState("the flight recorder is off")
        directory = self._directory()
        label = "-".join([reason, *(str(number) for number in numbers[:1])])
        path = self._new_path(directory, f"flight-{label}")
        decisions = [("decision", one.to_json()) for one in self._worker.context.ledger]
        pieces = self.flight.dump(
            numbers,
            local=self._local,
            unix_us_at_zero=self._zero,
            now=self._now(),
            reason=reason,
            describe=self.describe,
            records=decisions,
            max_bytes=min(max_bytes or self.settings.max_bytes, self.settings.max_bytes),
        )
        file = CaptureFile(path, open_file=self._open_file, pieces=pieces)
        file.close()
        self._dumps.append(file)
        while len(self._dumps) > self.settings.dumps:
            self._dumps.pop(0).path.unlink(missing_ok=True)
        return path

    def _directory(self) -> Path:
        directory = self.settings.directory
        if directory is None:
            raise InvalidState("captures are off: no directory is set")
        directory.mkdir(parents=True, exist_ok=True)
        used = sum(one.stat().st_size for one in directory.glob("*.pcapng"))
        if used > self.settings.total_bytes:
            raise LimitExceeded(f"{directory} holds {used} bytes of captures: tidy it up")
        return directory

    def _new_path(self, directory: Path, name: str) -> Path:
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:80].strip(".-") or "capture"
        while True:
            self._count += 1
            path = directory / f"{safe}-{self._now() // 1000}-{self._count}.pcapng"
            if not path.exists():
                return path


def _label(transport: WebRtcTransport) -> str:
    return str(transport.app_data.get("peerId", "")) if isinstance(transport.app_data, dict) else ""


def _plain(app_data: Any) -> dict[str, Any]:
    """Only what is surely JSON and short."""
    if not isinstance(app_data, dict):
        return {}
    return {
        str(key): value
        for key, value in app_data.items()
        if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) < 200)
    }
