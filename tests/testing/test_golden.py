"""Golden files: what they hold, and what is told when something differs."""

from dataclasses import replace
from pathlib import Path

import pytest

from rtpfwd.clock import Instant
from rtpfwd.drivers.played_capture import SentPacket
from rtpfwd.errors import InvalidParameters
from rtpfwd.testing.golden import FIELDS, check_golden, compare_golden, golden_text
from rtpfwd.wire.rtp import RtpPacket

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"


def packets(*numbers: int, payload: bytes = b"sound", first_at: int = 0) -> list[SentPacket]:
    return [
        SentPacket(
            Instant(first_at + index * 20_000),
            ("192.0.2.1", 9),
            RtpPacket(100, number, number * 960, 7, payload=payload).serialize(),
        )
        for index, number in enumerate(numbers)
    ]


def test_vp9_layers(replay, golden):
    """The numbering over a change of layers, whoever chose the first number."""
    played = replay(PCAPS / "vp9-l3t3-key.pcapng")
    golden(
        played.consumer().packets[:60],
        ignoring=("ssrc", "to", "at_us", "extensions", "padding"),
        from_the_first=("sequence_number", "timestamp"),
    )


def test_equal_packets_are_equal_and_others_are_named():
    text = golden_text(packets(1, 2, 3))
    assert compare_golden(text, golden_text(packets(1, 2, 3))) == []
    assert compare_golden(text, golden_text(packets(1, 2, 4))) == [
        "packet 3: sequence_number was 3, is 4, timestamp was 2880, is 3840"
    ]
    [more] = compare_golden(text, golden_text(packets(1, 2, 3, 4)))
    [less] = compare_golden(text, golden_text(packets(1, 2)))
    assert (more[:18], less[:17]) == ("packet 4: too many", "packet 3: missing")


def test_fields_can_be_left_out_and_counted_from_the_first():
    one = golden_text(packets(5, 6), ignoring=["payload"])
    two = golden_text(packets(5, 6, payload=b"other"), ignoring=["payload"])
    assert one == two != golden_text(packets(5, 6))
    counted = {"from_the_first": ["sequence_number", "timestamp", "at_us"]}
    assert golden_text(packets(65535, 0), ignoring=["timestamp"], **counted) == golden_text(
        packets(7, 8, first_at=99), ignoring=["timestamp"], **counted
    )


def test_no_payload_is_readable_in_it():
    assert b"sound".hex() not in golden_text(packets(1)) and "sound" not in golden_text(packets(1))


def test_every_field_is_told_apart():
    [packet] = packets(1)
    plain = RtpPacket.parse(packet.data)
    changes = {
        "at_us": replace(packet, at=Instant(5)),
        "to": replace(packet, destination=("192.0.2.1", 10)),
        "ssrc": replace(packet, data=replace(plain, ssrc=8).serialize()),
        "payload_type": replace(packet, data=replace(plain, payload_type=101).serialize()),
        "marker": replace(packet, data=replace(plain, marker=True).serialize()),
        "sequence_number": replace(packet, data=replace(plain, sequence_number=2).serialize()),
        "timestamp": replace(packet, data=replace(plain, timestamp=2).serialize()),
        "extensions": replace(
            packet, data=replace(plain, extension_profile=0xBEDE, extension=b"\x10\1\0\0").serialize()
        ),
        "padding": replace(packet, data=replace(plain, padding=4).serialize()),
        "payload": replace(packet, data=replace(plain, payload=b"silence").serialize()),
    }
    assert changes.keys() == FIELDS.keys()
    for name, changed in changes.items():
        [difference] = compare_golden(golden_text([packet]), golden_text([changed]))
        assert difference.startswith(f"packet 1: {name} was "), difference
        assert golden_text([packet], ignoring=[name]) == golden_text([changed], ignoring=[name])


def test_what_makes_no_sense_is_refused(tmp_path):
    with pytest.raises(InvalidParameters, match="no field colour: there are at_us"):
        golden_text([], ignoring=["colour"])
    with pytest.raises(InvalidParameters, match="no field payload: there are at_us, seq"):
        golden_text([], from_the_first=["payload"])
    with pytest.raises(InvalidParameters, match="write it again"):
        compare_golden(golden_text([], ignoring=["marker"]), golden_text([]))
    for text in ("", "{}", "not json\n", "[1]"):
        with pytest.raises(InvalidParameters, match="not a golden file"):
            compare_golden(text, golden_text([]))
    broken = golden_text(packets(1)).splitlines()
    assert "was nonsense" in compare_golden(f"{broken[0]}\nnonsense\n", golden_text(packets(1)))[0]
    path = tmp_path / "new" / "one.txt"
    with pytest.raises(AssertionError, match="--rtpfwd-update-golden"):
        check_golden(path, packets(1), update=False)
    check_golden(path, packets(1), update=True)
    check_golden(path, packets(1), update=False)
