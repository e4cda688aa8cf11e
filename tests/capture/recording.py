"""Calls in virtual time that are recorded as they go, and replays of what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtpfwd.capture.recorder import Recorder
from rtpfwd.capture.recording_plane import RecordingPlane
from rtpfwd.capture.replay import Replay, ReplayResult
from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import DataPlane, PlaneLimits
from rtpfwd.dataplane.load import load_plane
from rtpfwd.wire.captures.reader import CaptureReader
from rtpfwd.wire.datagram import Datagram
from tests.scenarios.call import SERVER, UNIX_US, Call


class RecordedCall:
    """A call whose plane is watched, and everything that it records as bytes."""

    def __init__(self, *, from_start: bool = True, **options: Any) -> None:
        self.call = Call(**options)
        context = self.call.worker._context
        self.plane = RecordingPlane(context.plane)
        context.plane = self.plane
        self.written = bytearray()
        self.sent: list[Datagram] = []
        transmit = self.call.worker.transmit

        def transmitted() -> list[Datagram]:
            out = transmit()
            self.sent += out
            self.plane.note_sent(out, self.call.network.now)
            return out

        self.call.worker.transmit = transmitted  # type: ignore[method-assign]  # what a driver does
        self.recorder: Recorder | None = None
        if from_start:
            self.record()

    def record(self, **options: Any) -> Recorder:
        """Begin to record, with everything unless told."""
        self.recorder = Recorder(
            self.plane,
            self.plane.mirror,
            write=self.write,
            local=[SERVER],
            unix_us_at_zero=UNIX_US,
            limits=self.call.settings.plane,
            now=self.call.network.now,
            **({"everything": True} | options),
        )
        self.plane.attach(self.recorder)
        return self.recorder

    def write(self, data: bytes) -> bool:
        self.written += data
        return True

    def finish(self) -> bytes:
        """Stop and give the file."""
        assert self.recorder is not None
        assert self.plane.failures == []
        self.recorder.finish("asked", self.call.network.now)
        self.plane.detach(self.recorder)
        return bytes(self.written)


def replay(
    data: bytes, plane: str = "reference", kind: type[Replay] = Replay, **options: Any
) -> ReplayResult:
    """Play a file back."""
    return play(data, kind(maker(plane), plain=plane == "reference", **options))


def play(data: bytes, player: Replay) -> ReplayResult:
    for item in CaptureReader().read([data]):
        player.take(item)
    return player.finish()


def maker(plane: str) -> Any:
    def make(limits: PlaneLimits) -> DataPlane:
        return load_plane(plane, limits)

    return make


def out_of(datagrams: Sequence[Datagram]) -> int:
    """RTP among them."""
    return sum(128 <= data[0] < 192 and not 192 <= data[1] <= 223 for data, _ in datagrams)


NOW = Instant(0)
