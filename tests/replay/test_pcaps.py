"""Every recording of pcaps/ replays byte for byte, twice, and gives what is written beside it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from rtpfwd.cli.inspect.reading import inspect_file, read_description
from rtpfwd.cli.recordings import read_items
from rtpfwd.dataplane.load import PLANES
from rtpfwd.dataplane.reference.layer_selector import LayerSelector
from rtpfwd.dataplane.reference.numbering import Numbering
from rtpfwd.wire.captures.items import CapturedDatagram, Record
from rtpfwd.wire.demux import Kind, classify
from tests.replay.expectations import Digest, expectation, played
from tests.support.twins import TwinPlane, TwinReplay

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
FILES = sorted(PCAPS.glob("*.pcapng"))
ERROR = str(0x800000)  # Wireshark's severity
KINDS = ("opus", "vp8", "vp8-simulcast", "h264-simulcast", "vp9-l3t3-key", "av1", "screen")


def test_all_kinds_are_there_clean_and_under_loss():
    assert sorted(one.stem for one in FILES) == sorted(
        f"{kind}{end}" for kind in KINDS for end in ("", "-loss")
    )
    index = (PCAPS / "README.md").read_text()
    assert [one.stem for one in FILES if f"`{one.name}`" not in index] == []
    assert sum(one.stat().st_size for one in FILES) < 16 << 20


@pytest.mark.parametrize("file", FILES, ids=lambda one: one.stem)
def test_it_replays_byte_for_byte_twice(file: Path):
    expected = json.loads(file.with_suffix(".json").read_text())
    assert expected["sent"] > 100
    assert expected["differences"] == []
    for _ in range(2):
        assert expectation(file) == expected


@pytest.mark.skipif("native" not in PLANES, reason="the native plane is not built")
@pytest.mark.parametrize("file", FILES, ids=lambda one: one.stem)
def test_both_planes_give_the_same_bytes_upcalls_and_counters(file: Path):
    digest = Digest()
    player = TwinReplay(on_sent=digest.add)
    for item in read_items(file):
        player.take(item)
    result = player.finish()
    assert result.comparison.equal, [str(one) for one in result.comparison.differences]
    assert digest.hash.hexdigest() == json.loads(file.with_suffix(".json").read_text())["sha256"]
    assert isinstance(player.plane, TwinPlane)
    assert player.plane.upcalls_compared > 0
    assert player.records_compared > 100


@pytest.mark.parametrize("file", FILES, ids=lambda one: one.stem)
def test_its_description_fits_what_is_in_it(file: Path):
    report = inspect_file(file, read_description(file.with_suffix(".toml")))
    assert report.error is None
    named = [one for one in report.to_json()["streams"] if one["name"]]
    assert {one["name"].split()[0] for one in named} == {"producer", "consumer"}


@pytest.mark.parametrize("file", FILES, ids=lambda one: one.stem)
def test_tshark_counts_what_we_count(file: Path):
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    start = next(one for one in read_items(file) if isinstance(one, Record))
    port = start.value["local"][0][1]
    options = ["-d", f"udp.port=={port},rtp", "--disable-protocol", "rtpevent"]
    fields = ["-T", "fields", "-e", "frame.protocols", "-e", "_ws.expert.severity"]
    command = ["tshark", "-r", file, *options, *fields, "-Y", "udp"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    protocols, troubles = zip(*(line.split("\t") for line in lines), strict=True)
    kinds = [classify(one.data) for one in read_items(file) if isinstance(one, CapturedDatagram)]
    assert len(protocols) == len(kinds)
    assert sum(":rtp" in one and ":rtcp" not in one for one in protocols) == kinds.count(Kind.RTP)
    assert sum(one.endswith(":rtcp") for one in protocols) == kinds.count(Kind.RTCP) > 0
    assert not any(ERROR in one.split(",") for one in troubles)  # malformed packets are errors


def test_a_changed_sequence_manager_does_not_go_unnoticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Numbering, "skip", lambda *arguments, **options: None)
    result, _ = played(PCAPS / "vp9-l3t3-key.pcapng")
    assert not result.comparison.equal
    assert result.comparison.changed + result.comparison.missing > 50
    assert "SSRC" in str(result.comparison.differences[0])


def test_a_changed_layer_selector_does_not_go_unnoticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(LayerSelector, "select", lambda *arguments: None)
    result, _ = played(PCAPS / "vp9-l3t3-key.pcapng")
    assert not result.comparison.equal
    assert result.comparison.changed + result.comparison.extra > 100
