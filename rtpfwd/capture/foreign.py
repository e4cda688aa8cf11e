"""Playing captures that others made: any plain RTP, each stream forwarded to one viewer.

First the streams are found (``StreamsFound``: by a description, else by inference, see inspection/), then
each gets a transport, a receive stream and a send stream, and its packets arrive as they did. There is no
recorded output to compare with; what comes back is how many packets went through and why the others did not.
RTX streams that can be told are used for repair. SRTP without keys cannot be played.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rtpfwd.capture.replay import Replay, ReplayResult
from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import (
    DataPlane,
    PlaneLimits,
    ReceiveStreamId,
    ReceiveStreamSpec,
    SendStreamId,
    SendStreamSpec,
    TransportId,
)
from rtpfwd.errors import MalformedPacket
from rtpfwd.inspection.codecs import is_repair
from rtpfwd.inspection.description import CaptureDescription, parse_description
from rtpfwd.inspection.inspector import Inspector
from rtpfwd.inspection.stream import MediaStream
from rtpfwd.protocols.srtp import Profile
from rtpfwd.wire.captures.items import CapturedDatagram, CaptureItem, Record
from rtpfwd.wire.datagram import Address, Path
from rtpfwd.wire.demux import Kind, classify
from rtpfwd.wire.header_extensions import DEPENDENCY_DESCRIPTOR
from rtpfwd.wire.rtp import peek_ssrc

StreamPlace = tuple[Address | None, Address | None, int]
"""Source, destination, SSRC."""

MAX_STREAMS = 1000
VIEWER = TransportId(1)
VIEWER_PATH: Path = (0, ("192.0.2.1", 9))
PROFILE = Profile.AEAD_AES_128_GCM
UNPACED_BPS = 10_000_000_000
OLDEST = Instant(1_000_000)  # the capture's first packet: nothing before 0 even where clocks step back


@dataclass(frozen=True, slots=True)
class ForeignStream:
    """A stream of media as it was found."""

    place: StreamPlace
    name: str
    mime_type: str
    clock_rate: int
    payload_types: tuple[int, ...]
    rtx_ssrc: int | None = None
    rtx_payload_types: Mapping[int, int] = field(default_factory=dict)
    extension_ids: Mapping[str, int] = field(default_factory=dict)

    @property
    def needs_key_frame(self) -> bool:
        """Whether a decoder can begin only there, and the plane can tell."""
        codec = self.mime_type.lower()
        if codec == "video/av1":
            return DEPENDENCY_DESCRIPTOR in self.extension_ids
        return codec in ("video/vp8", "video/vp9", "video/h264")


class StreamsFound:
    """Looks at all items of a file once. ``description`` is TOML (inspection/description.py); raises
    ``InvalidParameters`` for one that makes no sense.
    """

    def __init__(self, description: str | None = None) -> None:
        self._inspector = Inspector(
            CaptureDescription() if description is None else parse_description(description)
        )

    def take(self, item: CaptureItem) -> None:
        """The next item."""
        if isinstance(item, CapturedDatagram):
            self._inspector.add(item)

    def streams(self) -> list[ForeignStream]:
        """What there is to play. Raises ``MalformedPacket`` where there is nothing."""
        found = self._inspector.finish()
        if not found:
            raise MalformedPacket("no RTP in it")
        open_ones = [one for one in found if not one.protected]
        if not open_ones:
            raise MalformedPacket("all its RTP is encrypted (SRTP): record it decrypted")
        repairs: dict[StreamPlace, MediaStream] = {}
        for one in open_ones:
            if one.repairs is not None:
                repairs[one.key.source, one.key.destination, one.repairs] = one
        media = [one for one in open_ones if not is_repair(one.codec.mime_type)]
        return [_stream(one, repairs) for one in media[:MAX_STREAMS]]


class ForeignReplay(Replay):
    """See ``Replay``. ``streams`` as found; packets of other streams are left out."""

    def __init__(
        self,
        make_plane: Callable[[PlaneLimits], DataPlane],
        streams: list[ForeignStream],
        *,
        plain: bool = True,
        on_sent: Callable[[Instant, Path, bytes], None] | None = None,
    ) -> None:
        super().__init__(make_plane, plain=plain, on_sent=on_sent)
        self._streams = streams
        self._paths: dict[StreamPlace, Path] = {}
        self._start_us: int | None = None
        plane = self.plane = make_plane(PlaneLimits())
        plane.add_transport(VIEWER)
        self._set_keys(plane, VIEWER, PROFILE)
        plane.add_path(VIEWER, VIEWER_PATH)
        self._bind(VIEWER, VIEWER_PATH)
        plane.select_path(VIEWER, VIEWER_PATH)
        plane.set_pacing_rate(VIEWER, UNPACED_BPS)
        for number, stream in enumerate(streams, 2):
            self._add(plane, number, stream)

    def take(self, item: CaptureItem) -> None:
        """The next item; control records of whoever wrote the file are not ours."""
        if isinstance(item, Record) or not isinstance(item, CapturedDatagram):
            return
        if classify(item.data) is not Kind.RTP:
            return
        if item.missing:
            self.result.skipped += 1
            return
        path = self._paths.get((item.source, item.destination, peek_ssrc(item.data)))
        if path is None:
            self.result.skipped += 1
            return
        if self._start_us is None:
            self._start_us = item.time_us
        self._note_time(item.time_us)
        now = Instant(max(item.time_us - self._start_us + OLDEST, self._at))
        if now != self._at:
            self._flush()
            self._run_until(now)
        self._batch.append((self._protect[path](item.data), path))

    def finish(self) -> ReplayResult:
        """Nothing to compare: every packet sent is as good as another."""
        self._flush()
        self._run_until(Instant(self._at + 1_000_000))
        return self.result

    def leave(self, out: list[Any], now: Instant) -> None:
        """Counts, and tells who asked."""
        self.result.sent += len(out)
        if self._on_sent is not None:
            for data, path in out:
                self._on_sent(now, path, self._open[path](data))

    def to_json(self) -> list[dict[str, Any]]:
        """Each stream: what came, what went, and why the rest did not."""
        plane = self._running()
        found = []
        for number, stream in enumerate(self._streams, 2):
            received = plane.receive_counters(ReceiveStreamId(number))
            sent = plane.send_counters(SendStreamId(number))
            found.append(
                {
                    "name": stream.name,
                    "ssrc": stream.place[2],
                    "mimeType": stream.mime_type,
                    "clockRate": stream.clock_rate,
                    "received": received.packets,
                    "duplicates": received.duplicates,
                    "repaired": received.repaired,
                    "keyFrames": received.key_frames,
                    "sent": sent.packets,
                    "drops": {reason.name.lower(): count for reason, count in sent.drops.items()},
                }
            )
        return found

    def _run_until(self, now: Instant) -> None:
        plane = self._running()
        for _ in range(10_000):
            due = plane.next_timeout()
            if due is None or due > now:
                break
            self._at = max(self._at, due)
            self.leave(plane.handle_timeout(self._at), self._at)
        self._at = now

    def _add(self, plane: DataPlane, number: int, stream: ForeignStream) -> None:
        transport, receive, send = TransportId(number), ReceiveStreamId(number), SendStreamId(number)
        source, _, ssrc = stream.place
        path: Path = (number, source or ("0.0.0.0", 0))
        plane.add_transport(transport)
        self._set_keys(plane, transport, PROFILE)
        plane.add_path(transport, path)
        self._bind(transport, path)
        self._paths[stream.place] = path
        if stream.rtx_ssrc is not None:
            self._paths[*stream.place[:2], stream.rtx_ssrc] = path
        plane.add_receive_stream(
            receive,
            ReceiveStreamSpec(
                transport=transport,
                ssrc=ssrc,
                payload_types={one: one for one in stream.payload_types},
                rtx_ssrc=stream.rtx_ssrc,
                rtx_payload_types=stream.rtx_payload_types,
                clock_rate=stream.clock_rate,
                mime_type=stream.mime_type,
                extension_ids=stream.extension_ids,
                mapped_extension_ids=stream.extension_ids,
                use_nack=stream.rtx_ssrc is not None,
            ),
        )
        plane.add_send_stream(
            send,
            SendStreamSpec(
                transport=VIEWER,
                ssrc=number,
                rtx_ssrc=None,
                rtx_payload_types={},
                payload_types=frozenset(stream.payload_types),
                clock_rate=stream.clock_rate,
                mime_type=stream.mime_type,
                mid=b"",
                extension_ids={},
                first_sequence_number=1,
                first_rtx_sequence_number=1,
                needs_key_frame=stream.needs_key_frame,
                keep_ciphertext=False,
            ),
        )
        plane.set_source(send, receive, OLDEST)


def _stream(stream: MediaStream, repairs: Mapping[StreamPlace, MediaStream]) -> ForeignStream:
    key = stream.key
    place = key.source, key.destination, key.ssrc
    rtx = repairs.get(place)
    payload_types = tuple(sorted(stream.payload_types))
    mime_type = stream.codec.mime_type or "application/unknown"
    main = stream.payload_types.most_common(1)[0][0]
    return ForeignStream(
        place,
        stream.name,
        mime_type,
        stream.codec.clock_rate or 90_000,
        payload_types,
        rtx.key.ssrc if rtx is not None else None,
        dict.fromkeys(rtx.payload_types, main) if rtx is not None else {},
        {uri: number for number, uri in stream.extensions.items()},
    )
