"""Files of recordings, read and written again."""

from pathlib import Path

import pytest

from rtpfwd.drivers.recordings import Truncated, is_foreign, read_items, write_items
from rtpfwd.errors import MalformedPacket
from rtpfwd.wire.captures.items import CapturedDatagram, Direction, Interface, Record, Secrets, Section
from rtpfwd.wire.captures.pcapng_blocks import TLS_KEY_LOG
from tests.inspection.calls import pcapng, voice

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"


def whole(path: Path) -> list:
    return [one for one in read_items(path) if type(one).__name__ != "Statistics"]


def test_a_recording_written_again_has_the_same_items(tmp_path):
    source, target = PCAPS / "vp8-loss.pcapng", tmp_path / "again.pcapng"
    write_items(target, read_items(source))
    assert whole(target) == whole(source)


def test_comments_are_added_to_their_packets_and_secrets_kept(tmp_path):
    items = [
        Section(application="x"),
        Secrets(TLS_KEY_LOG, b"CLIENT_RANDOM 00 11\n"),
        Interface(0, 101, "one", "two"),
        Record(5, "start", {}),
        CapturedDatagram(2, 7, b"data", ("1.2.3.4", 5), ("6.7.8.9", 10), Direction.INBOUND, 0, ("a",), 77),
    ]
    write_items(tmp_path / "file", items, {2: ["b", "c"]})
    assert list(read_items(tmp_path / "file")) == [
        *items[:4],
        CapturedDatagram(
            2, 7, b"data", ("1.2.3.4", 5), ("6.7.8.9", 10), Direction.INBOUND, 0, ("a", "b", "c"), 77
        ),
    ]


def test_formats_without_sections_or_addresses_become_pcapng(tmp_path):
    packets = [
        CapturedDatagram(1, 7, b"data"),
        CapturedDatagram(2, 8, b"more", ("::1", 5), ("::2", 6)),
        CapturedDatagram(3, 9, b"half", ("::1", 5), None),
    ]
    write_items(tmp_path / "file", packets)
    section, interface, *found = read_items(tmp_path / "file")
    assert isinstance(section, Section) and isinstance(interface, Interface)
    assert [(one.data, one.source) for one in found] == [
        (b"data", ("0.0.0.0", 0)),
        (b"more", ("::1", 5)),
        (b"half", ("0.0.0.0", 0)),
    ]


def test_ours_are_told_from_those_of_others(tmp_path):
    assert not is_foreign(PCAPS / "opus.pcapng")
    path = tmp_path / "file"
    path.write_bytes(pcapng(voice(5)))
    assert is_foreign(path)
    path.write_bytes((PCAPS / "opus.pcapng").read_bytes()[:-9])
    assert not is_foreign(path)
    with pytest.raises(Truncated):
        list(read_items(path))
    path.write_bytes(pcapng([])[:-3])
    with pytest.raises(MalformedPacket):
        is_foreign(path)
