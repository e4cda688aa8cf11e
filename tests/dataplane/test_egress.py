"""The bytes of outgoing packets, read back with the wire floor's own reader."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, seconds
from rtpfwd.dataplane.interface import ReceiveStreamId
from rtpfwd.dataplane.reference.egress import Layout
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.wire.extension_values import abs_send_time_to_us, parse_abs_send_time
from rtpfwd.wire.header_extensions import (
    ABS_CAPTURE_TIME,
    ABS_SEND_TIME,
    DEPENDENCY_DESCRIPTOR,
    MID,
    ONE_BYTE_PROFILE,
    SSRC_AUDIO_LEVEL,
    TRANSPORT_CC,
    TWO_BYTE_PROFILE,
    VIDEO_ORIENTATION,
)
from rtpfwd.wire.rtp import RtpPacket
from tests.support.packets import elements_of

NOW = Instant(seconds(3) + 500_000)


def packet(*elements: tuple[str, bytes], marker: bool = False, payload: bytes = b"payload") -> Packet:
    return Packet(ReceiveStreamId(1), 5, 9, marker, 96, list(elements), payload, None, Instant(0))


def written(layout: Layout, source: Packet, *, now: Instant = NOW, number: int = 77) -> RtpPacket:
    return RtpPacket.parse(layout.write(source, source.payload, 101, 1234, 5678, 0xCAFE, number, now))


def test_without_extensions_it_is_twelve_bytes_and_the_payload():
    plain = Layout({}, b"").write(packet(), b"payload", 101, 1234, 5678, 0xCAFE, 0, NOW)
    assert len(plain) == 12 + len(b"payload")
    found = RtpPacket.parse(plain)
    assert (found.payload_type, found.sequence_number, found.timestamp) == (101, 1234, 5678)
    assert (found.ssrc, found.payload, found.marker, found.extension_profile) == (
        0xCAFE, b"payload", False, None
    )  # fmt: skip


@pytest.mark.parametrize("marker", [False, True])
def test_the_marker_is_the_sources(marker):
    assert written(Layout({}, b""), packet(marker=marker)).marker is marker
    assert written(Layout({TRANSPORT_CC: 5}, b""), packet(marker=marker)).marker is marker


def test_the_mid_is_the_consumers():
    found = written(Layout({MID: 1}, b"12"), packet())
    assert found.extension_profile == ONE_BYTE_PROFILE
    assert elements_of(found) == {1: b"12"}


def test_an_empty_mid_is_not_written():
    assert written(Layout({MID: 1}, b""), packet()).extension_profile is None


def test_the_transport_number_leads_and_is_the_given_one():
    layout = Layout({MID: 1, TRANSPORT_CC: 5}, b"0")
    assert elements_of(written(layout, packet(), number=0xABCD)) == {5: b"\xab\xcd", 1: b"0"}
    assert elements_of(written(layout, packet(), number=0)) == {5: b"\x00\x00", 1: b"0"}


def test_the_transport_number_alone_is_one_word():
    found = written(Layout({TRANSPORT_CC: 5}, b""), packet())
    assert len(found.extension) == 4
    assert elements_of(found) == {5: b"\x00\x4d"}


def test_abs_send_time_is_the_time_of_sending():
    layout = Layout({ABS_SEND_TIME: 4}, b"")
    source = packet()
    for now in (NOW, Instant(NOW + 40_000)):
        value = parse_abs_send_time(elements_of(written(layout, source, now=now))[4])
        assert abs(abs_send_time_to_us(value) - now) < 10


def test_elements_go_over_under_the_consumers_ids_and_unwanted_ones_stay_behind():
    source = packet((SSRC_AUDIO_LEVEL, b"\x9e"), (VIDEO_ORIENTATION, b"\x01"))
    found = written(Layout({SSRC_AUDIO_LEVEL: 14}, b""), source)
    assert elements_of(found) == {14: b"\x9e"}


@pytest.mark.parametrize(
    ("ids", "element"),
    [
        ({ABS_CAPTURE_TIME: 15}, (ABS_CAPTURE_TIME, bytes(8))),
        ({DEPENDENCY_DESCRIPTOR: 8}, (DEPENDENCY_DESCRIPTOR, bytes(40))),
        ({SSRC_AUDIO_LEVEL: 3}, (SSRC_AUDIO_LEVEL, b"")),
    ],
)
def test_what_does_not_fit_the_one_byte_form_is_written_in_the_two_byte_form(ids, element):
    [number] = ids.values()
    for more in ({}, {TRANSPORT_CC: 5}, {MID: 1}, {TRANSPORT_CC: 5, MID: 1}):
        found = written(Layout(ids | more, b"0"), packet(element))
        assert found.extension_profile == TWO_BYTE_PROFILE
        expected = {number: element[1]}
        if TRANSPORT_CC in more:
            expected[5] = b"\x00\x4d"
        if MID in more:
            expected[1] = b"0"
        assert elements_of(found) == expected


def test_a_transport_number_with_a_high_id_takes_the_two_byte_form():
    found = written(Layout({TRANSPORT_CC: 200}, b""), packet())
    assert found.extension_profile == TWO_BYTE_PROFILE
    assert elements_of(found) == {200: b"\x00\x4d"}


def test_the_next_packet_has_its_own_elements():
    layout = Layout({SSRC_AUDIO_LEVEL: 3}, b"")
    assert elements_of(written(layout, packet((SSRC_AUDIO_LEVEL, b"\x01")))) == {3: b"\x01"}
    assert elements_of(written(layout, packet((SSRC_AUDIO_LEVEL, b"\x02")))) == {3: b"\x02"}
    assert elements_of(written(layout, packet())) == {}


URIS = (SSRC_AUDIO_LEVEL, VIDEO_ORIENTATION, DEPENDENCY_DESCRIPTOR, ABS_CAPTURE_TIME)


@given(
    ids=st.lists(st.integers(1, 255), min_size=6, max_size=6, unique=True),
    values=st.dictionaries(st.sampled_from(URIS), st.binary(max_size=255)),
    mid=st.binary(min_size=1, max_size=32),
    payload=st.binary(min_size=1, max_size=200),
    numbered=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_put_in_is_read_back(ids, values, mid, payload, numbered):
    by_uri = dict(zip((*URIS, MID, TRANSPORT_CC), ids, strict=True))
    if not numbered:
        del by_uri[TRANSPORT_CC]
    found = written(Layout(by_uri, mid), packet(*values.items(), payload=payload))
    expected = {by_uri[uri]: value for uri, value in values.items()} | {by_uri[MID]: mid}
    if numbered:
        expected[by_uri[TRANSPORT_CC]] = b"\x00\x4d"
    assert elements_of(found) == expected
    assert found.payload == payload
    assert not found.padding
