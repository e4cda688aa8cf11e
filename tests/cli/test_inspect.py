import gzip
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rtpfwd.cli.app import build_app
from rtpfwd.wire.captures.pcapng_writer import PcapngWriter
from rtpfwd.wire.rtcp.feedback import PictureLossIndication
from tests.inspection.calls import ALICE, BOB, START_US, Packet, back, camera, pcapng, voice

runner = CliRunner()
NOBODY = 65534


def run(*arguments):
    result = runner.invoke(build_app([]), ["inspect", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def a_call() -> list[Packet]:
    packets = [*voice(150), *camera(75)]
    lost = {3, 4, 90}
    kept = [packet for index, packet in enumerate(packets) if index not in lost]
    return [*kept, kept[10], back(500_000, PictureLossIndication(9, 2).serialize())]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "call.pcapng"
    path.write_bytes(pcapng(a_call()))
    return path


def test_json_has_the_numbers(capture):
    result = run(capture, "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["format"], document["error"]) == (0, "pcapng", None)
    audio, video = document["streams"]
    names = ("ssrc", "payload_type", "codec", "packets", "lost", "duplicates")
    assert {name: audio[name] for name in names} == {
        "ssrc": 1, "payload_type": 111, "codec": "audio/opus", "packets": 148, "lost": 3, "duplicates": 1,
    }  # fmt: skip
    assert (audio["bytes"], audio["first_us"], audio["last_us"]) == (
        148 * 52, START_US, START_US + 149 * 20_000,
    )  # fmt: skip
    assert audio["jitter_ms"] == 0
    assert (video["codec"], video["frames"], video["key_frames"]) == ("video/VP8", 75, 3)
    assert (video["width"], video["height"], video["feedback"]["plis"]) == (640, 480, 1)
    assert document["rtcp"] == {"pli": 1}


def test_tables_are_for_people(capture):
    result = run(capture)
    assert result.exit_code == 0
    for text in ("0x00000001", "opus (likely)", "VP8 (likely)", "640 x 480", "S0T0", "pli", "192.0.2.1:5004"):
        assert text in result.stdout


def test_a_description_beside_the_capture_is_used_and_another_can_be_given(capture):
    capture.with_suffix(".toml").write_text('[[stream]]\nssrc = 1\ncodec = "opus"\nname = "Alice [bold]"')
    assert json.loads(run(capture, "--json").stdout)["streams"][0]["name"] == "Alice [bold]"
    assert "Alice [bold]" in run(capture).stdout
    other = capture.with_name("other.toml")
    other.write_text('[[stream]]\npayload_type = 96\ncodec = "H264"')
    assert (
        json.loads(run(capture, "--json", "--streams", other).stdout)["streams"][1]["codec"] == "video/H264"
    )


def test_gzip_is_read_as_it_is(capture):
    packed = capture.with_name("call.pcapng.gz")
    packed.write_bytes(gzip.compress(capture.read_bytes()))
    assert len(json.loads(run(packed, "--json").stdout)["streams"]) == 2
    packed.write_bytes(packed.read_bytes()[:-30])
    result = run(packed, "--json")
    assert (result.exit_code, "broken gzip" in result.stderr) == (1, True)
    packed.write_bytes(b"\x1f\x8b\x08\x00broken")
    assert run(packed).exit_code == 1


def test_a_truncated_file_is_reported_as_far_as_it_goes(capture):
    capture.write_bytes(capture.read_bytes()[:-5])
    result = run(capture, "--json")
    assert result.exit_code == 1
    assert "truncated" in result.stderr
    document = json.loads(result.stdout)
    assert document["truncated"] is True
    assert sum(stream["packets"] for stream in document["streams"]) == 372


def test_a_broken_file_is_reported_up_to_the_break(capture):
    capture.write_bytes(capture.read_bytes() + bytes.fromhex("06000000efbeadde") + bytes(20))
    result = run(capture, "--json")
    assert result.exit_code == 1
    assert "length 3735928559" in result.stderr
    assert "length 3735928559" in json.loads(result.stdout)["error"]
    assert len(json.loads(result.stdout)["streams"]) == 2


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "not a capture"),
        (b"Just some text.\n", "text without packets"),
        (bytes.fromhex("0a0d0d0a"), "need a whole section header"),
        (bytes.fromhex("d4c3b2a1"), "need 24"),
    ],
)
def test_what_is_no_capture_is_an_error_in_one_line(tmp_path, content, complaint):
    path = tmp_path / "file"
    path.write_bytes(content)
    for more in ([], ["--json"], ["--html", tmp_path / "page.html"]):
        result = run(path, *more)
        assert (result.exit_code, result.stdout) == (1, "")
        assert complaint in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "page.html").exists()


def test_what_cannot_be_opened_is_an_error_in_one_line(tmp_path, capture):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (tmp_path, tmp_path / "absent", loop):
        result = run(path, "--html", loop.with_name("page.html"))
        assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert run(capture, "--streams", tmp_path / "absent.toml").exit_code == 1
    assert run(capture, "--html", tmp_path / "no" / "such" / "folder.html").exit_code == 1


def test_a_file_without_permission_is_an_error_in_one_line(capture):
    capture.chmod(0)
    # Root may read everything, so it becomes somebody else before it asks; by then everything is imported.
    code = (
        "import os; from rtpfwd.cli.app import build_app; app = build_app([])\n"
        "try: app(['inspect', '/absent'])\n"
        "except SystemExit: pass\n"
        f"if os.geteuid() == 0: os.setuid({NOBODY})\n"
        f"app(['inspect', {str(capture)!r}])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Permission denied" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_description_is_named(capture):
    wrong = capture.with_name("wrong.toml")
    for content in (b"[[stream]]\nssrc = 'x'", b"\xff", b"\0", bytes(1 << 21)):
        wrong.write_bytes(content)
        result = run(capture, "--streams", wrong)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "wrong.toml: " in result.stderr


def test_a_wrong_command_line_is_exit_code_2(capture):
    assert run().exit_code == 2
    assert run(capture, "--nonsense").exit_code == 2
    assert run(capture, "--html", capture).exit_code == 2


class Page(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


def test_the_page_stands_alone(capture):
    page = capture.with_name("page.html")
    assert run(capture, "--html", page).exit_code == 0
    text = page.read_text()
    parsed = Page(text)
    assert text.startswith("<!doctype html>")
    assert parsed.tags.count("svg") >= 7  # all bitrates; bitrate and jitter of both; frames; losses
    assert not {"script", "link", "img", "iframe", "object"} & set(parsed.tags)
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert {value for name, value in parsed.attributes if name == "href"} == {"#s0", "#s1"}
    assert not re.search(r"url\(|@import|https?:", text)
    assert "prefers-color-scheme:dark" in text
    assert "640 x 480" in text


def test_nothing_out_of_the_file_becomes_markup_or_moves_the_cursor(tmp_path):
    evil = "<script>alert(1)</script>\"'&\x1b[2J[red]\u202e"
    writer = PcapngWriter()
    file = writer.header(comments=[evil])
    interface, block = writer.interface(evil, evil)
    file += block + writer.record(0, evil)
    for time_us, source, destination, data in voice(20):
        file += writer.datagram(interface, START_US + time_us, source, destination, data, comments=[evil])
    path = tmp_path / "<b>evil.pcapng"
    path.write_bytes(file)
    description = tmp_path / "evil.toml"
    description.write_text(f"[[stream]]\nname = {json.dumps(evil)}\n[extensions]\n1 = {json.dumps(evil)}")
    result = run(path, "--html", tmp_path / "page.html", "--streams", description)
    assert result.exit_code == 0
    assert "\x1b[2J" not in result.stdout
    assert "[red]" in result.stdout
    text = (tmp_path / "page.html").read_text()
    parsed = Page(text)
    assert not {"script", "b"} & set(parsed.tags)
    assert "&lt;script&gt;" in text
    assert "\x1b" not in text
    assert "\u202e" not in text + result.stdout


def test_numbers_are_those_of_tshark(tmp_path):
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    chance = [index for index in range(400) if index % 37]
    speech = voice(400, payload_type=0, clock=8000, size=160)
    late = [(t + (7000 if i % 5 == 0 else 0), a, b, d) for i, (t, a, b, d) in enumerate(speech)]
    path = tmp_path / "call.pcapng"
    path.write_bytes(pcapng([late[index] for index in chance]))
    done = subprocess.run(
        ["tshark", "-r", path, "-o", "rtp.heuristic_rtp:TRUE", "-q", "-z", "rtp,streams"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (row,) = [line.split() for line in done.stdout.splitlines() if "0x00000001" in line]
    packets, lost, mean_jitter, max_jitter = row[8], row[9], row[15], row[16]
    (ours,) = json.loads(run(path, "--json").stdout)["streams"]
    assert (str(ours["packets"]), str(ours["lost"])) == (packets, lost)
    assert ours["jitter_max_ms"] == pytest.approx(float(max_jitter), abs=0.002)
    assert ours["jitter_mean_ms"] == pytest.approx(float(mean_jitter), rel=0.02)


def test_wireshark_reads_what_we_write(tmp_path):
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    path = tmp_path / "call.pcapng"
    writer = PcapngWriter()
    file = writer.header(comments=["a file"])
    interface, block = writer.interface("transport 1", "Alice")
    file += block + writer.key_log("CLIENT_RANDOM 00 00\n") + writer.record(5, "start", {"x": 1})
    for time_us, source, destination, data in (*voice(3), (70_000, ("::1", 1), ("::2", 2), b"over IPv6")):
        file += writer.datagram(interface, time_us, source, destination, data, direction=1, comments=["mine"])
    path.write_bytes(file + writer.statistics(interface, 9, received=4, dropped=0))
    fields = ("frame.interface_name", "frame.packet_flags_direction", "frame.comment", "ip.checksum.status",
              "udp.checksum.status", "rtp.seq")  # fmt: skip
    done = subprocess.run(
        ["tshark", "-r", path, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o",
         "rtp.heuristic_rtp:TRUE", "-T", "fields", "-Y", "udp", *(f"-e{one}" for one in fields)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == ["transport 1"] * 4
    assert {int(row[1], 16) for row in rows} == {1}
    assert {row[2] for row in rows} == {"mine"}
    assert [row[3] for row in rows] == ["1", "1", "1", ""]
    assert {row[4] for row in rows} == {"1"}
    assert [row[5] for row in rows] == ["100", "101", "102", ""]


def test_addresses_are_those_of_the_packets(capture):
    audio = json.loads(run(capture, "--json").stdout)["streams"][0]
    assert (audio["source"], audio["destination"]) == (
        f"{ALICE[0]}:{ALICE[1]}", f"{BOB[0]}:{BOB[1]}",
    )  # fmt: skip
