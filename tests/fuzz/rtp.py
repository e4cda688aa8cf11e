"""RTP: header, header extensions, and writing the packet anew for a consumer.

What is promised: a packet parses or is ``MalformedPacket``; parsed and written it is the same; rewritten for
a consumer it parses, with the payload untouched and no extension that the consumer did not ask for.
"""

from __future__ import annotations

from collections.abc import Hashable

from rtpfwd.clock import Instant, seconds
from rtpfwd.dataplane.interface import ReceiveStreamId
from rtpfwd.dataplane.reference.egress import Layout
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.errors import MalformedPacket
from rtpfwd.wire import extension_values, header_extensions
from rtpfwd.wire.header_extensions import locate_elements, parse_elements, serialize_elements
from rtpfwd.wire.rtp import RtpPacket, parse_header, peek_sequence_number, peek_ssrc
from rtpfwd.wire.rtx import OSN_SIZE, unwrap_payload, wrap_payload

NOW = Instant(seconds(1000))
SSRC, SEQUENCE, TIMESTAMP, TYPE, MID = 0xCAFE, 4711, 123456, 100, b"7"
URIS = (
    header_extensions.MID, header_extensions.RTP_STREAM_ID, header_extensions.REPAIRED_RTP_STREAM_ID,
    header_extensions.ABS_SEND_TIME, header_extensions.TRANSPORT_CC, header_extensions.SSRC_AUDIO_LEVEL,
    header_extensions.DEPENDENCY_DESCRIPTOR, header_extensions.VIDEO_ORIENTATION, header_extensions.TOFFSET,
    header_extensions.ABS_CAPTURE_TIME, header_extensions.PLAYOUT_DELAY,
)  # fmt: skip
PRODUCER = dict(enumerate(URIS, 1))
# Consumers that want nothing, everything, what needs the two-byte form, and what has no number in front.
OF_ONE_HOP = frozenset(URIS[:5])
CONSUMERS: tuple[dict[str, int], ...] = (
    {},
    {uri: number for number, uri in PRODUCER.items()},
    {header_extensions.MID: 1, header_extensions.TRANSPORT_CC: 17, header_extensions.PLAYOUT_DELAY: 255},
    {header_extensions.DEPENDENCY_DESCRIPTOR: 3, header_extensions.ABS_CAPTURE_TIME: 4},
)
PARSERS = {
    "mid": extension_values.serialize_mid,
    "rid": extension_values.serialize_rid,
    "audio_level": extension_values.serialize_audio_level,
    "abs_send_time": extension_values.serialize_abs_send_time,
    "transport_sequence_number": extension_values.serialize_transport_sequence_number,
    "video_orientation": None,  # four of its bits are not kept
    "transmission_offset": extension_values.serialize_transmission_offset,
    "abs_capture_time": extension_values.serialize_abs_capture_time,
    "playout_delay": extension_values.serialize_playout_delay,
    "packet_id": extension_values.serialize_packet_id,
}


def run(data: bytes) -> Hashable:
    try:
        header = parse_header(data)
    except MalformedPacket as error:
        try:
            RtpPacket.parse(data)
        except MalformedPacket:
            return "".join(letter for letter in str(error) if not letter.isdigit())
        raise AssertionError("the two readers disagree") from error
    packet = RtpPacket.parse(data)
    assert (packet.ssrc, packet.sequence_number) == (peek_ssrc(data), peek_sequence_number(data))
    written = packet.serialize()
    assert written[: header.payload_end] == data[: header.payload_end] and len(written) == len(data)
    assert RtpPacket.parse(written) == packet
    elements = parse_elements(packet.extension_profile, packet.extension)
    _check_elements(elements, data, header.extension_start, header.extension_end, packet.extension_profile)
    if packet.payload:
        _check_rewritten(packet, elements)
    if len(packet.payload) >= OSN_SIZE:
        assert wrap_payload(*unwrap_payload(packet.payload)) == packet.payload
    return (
        packet.extension_profile in (None, 0xBEDE, 0x1000),
        tuple((number, len(value)) for number, value in elements.items())[:6],
        len(packet.csrcs), bool(packet.padding), bool(packet.payload),
    )  # fmt: skip


def _check_elements(
    elements: dict[int, bytes], data: bytes, start: int, end: int, profile: int | None
) -> None:
    located = locate_elements(profile, data, start, end)
    assert {number: data[first:last] for number, (first, last) in located.items()} == elements
    assert all(start < first <= last <= end for first, last in located.values())
    assert parse_elements(*serialize_elements(elements)) == elements
    for value in elements.values():
        for name, serialize in PARSERS.items():
            parsed = getattr(extension_values, f"parse_{name}")(value)
            if parsed is not None and serialize is not None:
                assert serialize(parsed) == value, name


def _check_rewritten(packet: RtpPacket, elements: dict[int, bytes]) -> None:
    going_on = [
        (PRODUCER[number], value)
        for number, value in elements.items()
        if number in PRODUCER and PRODUCER[number] not in OF_ONE_HOP
    ]
    inside = Packet(
        ReceiveStreamId(1), packet.sequence_number, packet.timestamp, packet.marker, packet.payload_type,
        going_on, packet.payload, None, NOW,
    )  # fmt: skip
    for ids in CONSUMERS:
        layout = Layout(ids, MID)
        written = layout.write(inside, packet.payload, TYPE, SEQUENCE, TIMESTAMP, SSRC, 0x1234, NOW)
        got = RtpPacket.parse(written)
        assert got.payload == packet.payload and not got.csrcs and not got.padding
        assert (got.marker, got.payload_type, got.sequence_number, got.timestamp, got.ssrc) == (
            packet.marker, TYPE, SEQUENCE, TIMESTAMP, SSRC,
        )  # fmt: skip
        found = parse_elements(got.extension_profile, got.extension)
        expected = {ids[uri]: value for uri, value in going_on if uri in ids}
        if header_extensions.MID in ids:
            expected[ids[header_extensions.MID]] = MID
        if header_extensions.TRANSPORT_CC in ids:
            expected[ids[header_extensions.TRANSPORT_CC]] = b"\x12\x34"
        found.pop(ids.get(header_extensions.ABS_SEND_TIME, -1), None)
        assert found == expected


if __name__ == "__main__":
    from tests.fuzz.command import main

    main("rtp", run)
