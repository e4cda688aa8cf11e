"""RTCP: compounds of every packet type.

What is promised: reading never raises; what was read and can be written reads the same again; a broken tail
does not cost what stood before it; work is bounded by the datagram.
"""

from __future__ import annotations

from collections.abc import Hashable

from rtpfwd.errors import InvalidParameters
from rtpfwd.wire.rtcp.compound import UnknownPacket, parse_compound, serialize_compound
from rtpfwd.wire.rtcp.feedback import Nack, PictureLossIndication
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback

HEAD = (PictureLossIndication(1, 2), Nack(3, 4, (5, 6, 9)))
HEAD_BYTES = serialize_compound(HEAD)


def run(data: bytes) -> Hashable:
    packets, malformed = parse_compound(data)
    behind, _ = parse_compound(HEAD_BYTES + data)
    assert tuple(behind[:2]) == HEAD and behind[2:] == packets
    assert len(packets) <= len(data) // 4
    for packet in packets:
        if isinstance(packet, Nack):
            assert len(packet.sequence_numbers) <= 17 * len(data) // 4
        elif isinstance(packet, TransportFeedback) and len(packet.packets) > 500:
            continue  # written slowly in Python; the short ones take the same way
        try:
            written = packet.serialize()
        except InvalidParameters:
            # Only what nobody here reads may be kept as it cannot be written: a body of odd length.
            assert isinstance(packet, UnknownPacket) and len(packet.body) % 4
            continue
        assert parse_compound(written) == ([packet], None)
    kinds = tuple(type(packet).__name__ for packet in packets[:4])
    return kinds, "".join(letter for letter in malformed or "" if not letter.isdigit())


if __name__ == "__main__":
    from tests.fuzz.command import main

    main("rtcp", run)
