"""``rtpfwd replay`` and ``rtpfwd explain`` as people call them: results, exit codes, and no tracebacks."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rtpfwd.cli.app import build_app
from rtpfwd.dataplane.load import PLANES
from tests.inspection.calls import camera, pcapng, voice

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
runner = CliRunner()


def run(*arguments):
    result = runner.invoke(build_app([]), [str(one) for one in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize("plane", PLANES)
def test_a_recording_replays_and_says_so(plane):
    result = run("replay", PCAPS / "opus.pcapng", "--plane", plane)
    assert result.exit_code == 0
    assert "equal: " in result.stdout
    document = json.loads(run("replay", PCAPS / "opus.pcapng", "--json").stdout)
    assert document["equal"]
    assert document["comparison"]["same"] == document["sent"] > 100


def test_a_changed_recording_is_another(tmp_path):
    data = bytearray((PCAPS / "opus.pcapng").read_bytes())
    at = data.index(b'"kind":"seam.add_send_stream"')
    where = data.index(b'"first_sequence_number":', at) + len(b'"first_sequence_number":')
    data[where : where + 1] = b"1" if data[where : where + 1] != b"1" else b"2"
    (tmp_path / "changed.pcapng").write_bytes(data)
    result = run("replay", tmp_path / "changed.pcapng")
    assert result.exit_code == 3
    assert "DIFFERENT" in result.stdout


def test_a_zipped_recording_replays(tmp_path):
    path = tmp_path / "opus.pcapng.gz"
    path.write_bytes(gzip.compress((PCAPS / "opus.pcapng").read_bytes()))
    assert run("replay", path).exit_code == 0


def test_a_foreign_capture_is_played_by_inference(tmp_path):
    path = tmp_path / "foreign.pcapng"
    path.write_bytes(pcapng([*voice(150), *camera(75)]))
    result = run("replay", path, "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    audio, video = document["streams"]
    assert (audio["mimeType"], audio["received"], audio["sent"]) == ("audio/opus", 150, 150)
    assert (video["mimeType"], video["sent"], video["drops"]) == ("video/VP8", video["received"], {})


def test_a_foreign_capture_is_played_by_its_description(tmp_path):
    path, streams = tmp_path / "foreign.pcapng", tmp_path / "streams.toml"
    path.write_bytes(pcapng(voice(150)))
    streams.write_text('[[stream]]\nname = "a voice"\nssrc = 1\ncodec = "PCMU"\n')
    (stream,) = json.loads(run("replay", path, "--streams", streams, "--json").stdout)["streams"]
    assert (stream["name"], stream["mimeType"], stream["sent"]) == ("a voice", "audio/PCMU", 150)


def broken(tmp_path: Path) -> dict[str, bytes]:
    good = (PCAPS / "opus.pcapng").read_bytes()
    return {
        "empty": b"",
        "text": b"this is no capture at all, whatever it says",
        "random": bytes(range(256)) * 8,
        "cut": good[: len(good) // 2],
        "start only": good[:600],
        "other version": good.replace(b'"version":1', b'"version":9', 1),
        "bad call": good.replace(b'"kind":"seam.add_transport"', b'"kind":"seam.add_transp0rt"', 1),
        "bad argument": good.replace(b'"seam.set_keys","value":[', b'"seam.set_keys","value":{', 1),
        "block length": good[:20000] + b"\xff\xff\xff\xff" * 8 + good[20000:],
        "gzip": gzip.compress(good)[:5000],
    }


def test_broken_files_get_a_message_and_no_traceback(tmp_path):
    for name, data in broken(tmp_path).items():
        path = tmp_path / "broken"
        path.write_bytes(data)
        for command in (["replay", path], ["explain", path, "--consumer", "1"]):
            result = run(*command)
            assert result.exit_code in (1, 2), (name, command, result.output)
            assert f"rtpfwd {command[0]}: " in result.stderr, (name, result.output)
    for command in (["replay", tmp_path / "nowhere"], ["replay", tmp_path]):
        assert run(*command).exit_code == 1


def test_a_plane_that_is_not_there_is_refused():
    result = run("replay", PCAPS / "opus.pcapng", "--plane", "imaginary")
    assert (result.exit_code, "imaginary" in result.stderr) == (2, True)


def consumer_of(name: str) -> str:
    text = (PCAPS / f"{name}.toml").read_text()
    return text.split('name = "consumer ')[1].split('"')[0]


def test_every_packet_of_a_source_is_explained():
    result = run(
        "explain",
        PCAPS / "vp9-l3t3-key-loss.pcapng",
        "--consumer",
        consumer_of("vp9-l3t3-key-loss"),
        "--json",
    )
    assert result.exit_code == 0, result.output
    explained = json.loads(result.stdout)["explanations"]
    whats = {one["what"] for one in explained}
    assert {"created", "asked", "switch", "drop", "decision", "retransmission"} <= whats
    assert all(one["text"] for one in explained)


def test_one_number_is_explained_and_comments_are_written(tmp_path):
    file, consumer = PCAPS / "vp8.pcapng", consumer_of("vp8")
    document = json.loads(run("explain", file, "--consumer", consumer[:8], "--json").stdout)
    switch = next(one for one in document["explanations"] if one["what"] == "switch")
    number = switch["sourceNumber"]
    result = run(
        "explain", file, "--consumer", consumer, "--seq", number, "--pcapng", tmp_path / "out.pcapng"
    )
    assert "forwarded as number" in result.stdout
    assert b"forwarded: forwarded as number" in (tmp_path / "out.pcapng").read_bytes()
    assert run("replay", tmp_path / "out.pcapng").exit_code == 0


def test_another_consumer_is_refused_with_those_that_there_are():
    result = run("explain", PCAPS / "vp8.pcapng", "--consumer", "nobody")
    assert result.exit_code == 2
    assert consumer_of("vp8") in result.stderr
