"""Captures of what was on the wire: Wireshark opens the handshake, a replay opens the media."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from rtpfwd.capture.ingress import read_ingress
from rtpfwd.drivers.captures import CaptureSettings
from rtpfwd.drivers.links import FixedDelay, Hook
from rtpfwd.wire.captures.items import CapturedDatagram, Record, Secrets
from rtpfwd.wire.demux import Kind, classify
from tests.capture.recording import replay
from tests.drivers.test_captures import Served, items

FINISHED = "20"
MALFORMED = str(0x800000)  # an error, to Wireshark


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Handshakes, media and RTCP of a call of two, recorded from its beginning."""
    served = Served(CaptureSettings(tmp_path_factory.mktemp("wire")), keys=False, wire=True)
    served.talk(1.5)
    served.captures.close()
    assert served.plane.failures == []
    return served.capture.file.path


def datagrams(file: Path, kind: Kind) -> list[CapturedDatagram]:
    found = [one for one in items(file.read_bytes()) if isinstance(one, CapturedDatagram)]
    return [one for one in found if classify(one.data) is kind]


def tshark(file: Path, *arguments: str) -> list[str]:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    # The server's port is another protocol's in Wireshark's tables.
    options = ["--disable-protocol", "dis", "--enable-heuristic", "rtp_udp"]
    command = ["tshark", "-r", file, *options, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_what_publishers_sent_is_found_behind_its_encryption(file):
    found = read_ingress(lambda: items(file.read_bytes()), foreign=False)
    assert {one.mime_type for one in found.streams} == {"audio/opus", "video/VP8"}
    assert found.skipped == 0
    assert sum(len(one.sent.packets) for one in found.streams) > 100


def test_all_that_was_on_the_wire_is_there(file):
    assert len(datagrams(file, Kind.STUN)) >= 4
    assert len(datagrams(file, Kind.DTLS)) >= 8
    assert len(datagrams(file, Kind.RTP)) > 100
    assert len(datagrams(file, Kind.RTCP)) >= 5
    found = items(file.read_bytes())
    assert [one.kind for one in found if isinstance(one, Record)].count("srtp") == 2
    secrets = [place for place, one in enumerate(found) if isinstance(one, Secrets)]
    first = next(
        place
        for place, one in enumerate(found)
        if isinstance(one, CapturedDatagram) and classify(one.data) is Kind.DTLS
    )
    assert len(secrets) == 2 and secrets[0] < first


def test_wireshark_opens_the_handshakes_with_the_keys_in_the_file(file):
    types = [one for line in tshark(file, "-Y", "dtls", "-T", "fields", "-e", "dtls.handshake.type")
             for one in line.split(",")]  # fmt: skip
    assert types.count(FINISHED) == 4, "of two sides in two transports, and only readable when decrypted"


def test_wireshark_sees_srtp_and_nothing_malformed(file):
    fields = ["-T", "fields", "-e", "frame.protocols", "-e", "_ws.col.Protocol", "-e", "_ws.expert.severity"]
    lines = [line.split("\t") for line in tshark(file, *fields, "-Y", "udp")]
    # Wireshark 4.0 looks for SRTCP's flag of encryption where AES-CM has it. With GCM it finds the tag there,
    # and so takes some RTCP for plain.
    rtcp = [line for line in lines if "rtcp" in line[0]]
    others = [line for line in lines if "rtcp" not in line[0]]
    assert not [line for line in others if MALFORMED in line[2].split(",")]
    assert len(rtcp) == len(datagrams(file, Kind.RTCP))
    assert Counter(line[1].partition("v")[0] for line in others) == {
        "SRTP": len(datagrams(file, Kind.RTP)),
        "DTLS": len(datagrams(file, Kind.DTLS)),
        "STUN": len(datagrams(file, Kind.STUN)),
    }


def test_it_replays_byte_for_byte_like_any_other(file):
    result = replay(file.read_bytes())
    assert result.comparison.equal, result.comparison.differences
    assert result.comparison.same == result.sent > 50
    assert (result.skipped, result.refused) == (0, {})


@pytest.mark.parametrize("keys", [True, False])
def test_one_that_begins_in_the_middle_replays_too(tmp_path, keys):
    served = Served(CaptureSettings(tmp_path), keys=keys)
    served.talk(1.5)
    capture = served.captures.start(wire=True)
    served.call.run(2)
    data = served.stop(capture)
    result = replay(data)
    assert result.comparison.equal, result.comparison.differences
    assert result.comparison.aligned > 150
    assert sum(isinstance(one, Secrets) for one in items(data)) == (0 if keys else 2)


def test_without_being_asked_no_key_is_written(tmp_path):
    served = Served(CaptureSettings(tmp_path), keys=False)
    capture = served.captures.start()
    served.talk(0.5)
    found = items(served.stop(capture))
    assert not [one for one in found if isinstance(one, Secrets)]
    assert not [one for one in found if isinstance(one, Record) and one.kind == "srtp"]


def test_a_handshake_that_never_ends_is_written_all_the_same(tmp_path):
    served = Served(CaptureSettings(tmp_path), keys=False)
    capture = served.captures.start(wire=True)
    third = served.call.join(downlink=Hook(FixedDelay(), lambda data, now: () if data[0] == 22 else None))
    served.call.run(8)
    found = items(served.stop(capture))
    hellos = [one for one in found if isinstance(one, CapturedDatagram) and classify(one.data) is Kind.DTLS]
    assert hellos and third.transport.dtls_state != "connected"
