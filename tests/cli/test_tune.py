"""``rtpfwd tune`` as people call it: results, plots, exit codes, and no tracebacks."""

import gzip
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from rtpfwd.cli.app import build_app
from tests.inspection.calls import camera, pcapng, voice

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
VP8 = PCAPS / "vp8-loss.pcapng"
QUICK = ["--repeat", "1", "--seeds", "2", "--jobs", "1"]
runner = CliRunner()


def run(*arguments):
    result = runner.invoke(build_app([]), ["tune", *(str(one) for one in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def document_of(*arguments) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_settings_links_and_seeds_make_a_document():
    document = document_of(
        VP8, "--set", "nack.retry_limit=3", "--sweep", "pacer.factor=1,2.5",
        "--link", "wifi", "--link", "lossy,rate=1M", *QUICK,
    )  # fmt: skip
    assert document["set"] == {"plane.nack_retries": "3"}
    assert [one["link"] for one in document["variants"]] == ["wifi", "wifi", "lossy,rate=1M", "lossy,rate=1M"]
    assert document["variants"][1]["settings"] == {"plane.nack_retries": 3, "pacing.factor": 2.5}
    assert document["runs"] == 8
    figures = document["variants"][0]["figures"]
    assert set(figures["residualLossPercent"]) == {"p10", "p50", "p90"}
    assert figures["estimateToCapacityPercent"] is None  # no limit, no share of it
    assert document["variants"][2]["figures"]["estimateToCapacityPercent"]["p50"] > 0
    [producer] = document["recorded"]["producers"]
    assert producer["encodings"][0]["repaired"] == 12
    assert document["modelledParts"]


def test_tables_tell_what_is_recorded_and_what_is_modelled():
    result = run(VP8, "--link", "wifi", "--sweep", "nack_retries=1,10", *QUICK)
    assert result.exit_code == 0
    for text in ("recorded: ", "modelled: ", "12 of them came by repair only", "plane.nack_retries=10",
                 "residual loss", "repair, p95", "overhead", "freezes",
                 "median (p10-p90) of 2 seeds"):  # fmt: skip
        assert text in result.stdout, text


def test_processes_find_what_one_finds():
    arguments = [VP8, "--link", "lossy", "--repeat", "1", "--seeds", "3"]
    one, two = (document_of(*arguments, "--jobs", jobs) for jobs in (1, 2))
    assert one["variants"] == two["variants"]


def test_a_plot_is_written(tmp_path):
    result = run(VP8, "--sweep", "pacing.factor=1,2.5", *QUICK, "--plot", tmp_path / "new")
    assert result.exit_code == 0
    picture = ElementTree.parse(tmp_path / "new" / "vp8-loss-tune.svg").getroot()
    assert picture.tag.endswith("svg")
    run(VP8, *QUICK, "--plot", tmp_path / "one.svg")
    assert (tmp_path / "one.svg").exists()
    result = run(VP8, *QUICK, "--plot", tmp_path / "one.png")
    assert (result.exit_code, "svg" in result.stderr) == (2, True)


def test_others_captures_are_played_too(tmp_path):
    path = tmp_path / "foreign.pcapng"
    path.write_bytes(pcapng([*voice(150), *camera(75)]))
    document = document_of(path, "--link", "lossy", *QUICK)
    assert document["recorded"]["foreign"]
    assert {one["mimeType"] for one in document["recorded"]["producers"]} == {"audio/opus", "video/VP8"}
    figures = document["variants"][0]["figures"]
    assert figures["residualLossPercent"]["p50"] < figures["audioLossPercent"]["p50"]  # NACK is for video
    assert figures["repairP50Ms"]["p50"] >= 50


def test_a_zipped_recording_is_played(tmp_path):
    path = tmp_path / "zipped.gz"
    path.write_bytes(gzip.compress((PCAPS / "opus.pcapng").read_bytes()))
    document = document_of(path, "--link", "lossy-10", *QUICK)
    assert document["variants"][0]["figures"]["audioLossPercent"]["p50"] > 5


def test_settings_can_be_listed():
    result = run("--settings")
    assert result.exit_code == 0
    assert "plane.nack_retries" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "nack.retries_limit=3"], "no setting"),
        (["--set", "pacing.factr=3"], "did you mean pacing.factor"),
        (["--set", "pacing.factor"], "NAME=VALUE"),
        (["--set", "pacing.factor=fast"], "number"),
        (["--set", "pacing.factor=1000"], "need 1 to 20"),
        (["--set", "plane.nack_retries=1.5"], "whole"),
        (["--set", "plane.history_packets=1000"], "power of two"),
        (["--sweep", "pacing.factor=1,2,x"], "number"),
        (["--sweep", "pacing.factor=1", "--sweep", "pacer.factor=2"], "twice"),
        (["--set", "pacing.factor=1", "--sweep", "pacing.factor=2"], "either"),
        (["--link", "moon"], "no link"),
        (["--link", "loss=200%"], "0 to 1"),
        (["--uplink", "moon"], "no link"),
        (["--feedback", "smoke"], "transport-cc"),
        (["--seeds", "0"], "greater than or equal to 1"),
    ],
)
def test_a_wrong_command_line_is_refused_in_words(arguments, says):
    result = run(VP8, *arguments)
    assert result.exit_code == 2
    assert says in result.stderr


def test_broken_files_get_a_message(tmp_path):
    good = VP8.read_bytes()
    for name, data in {
        "empty": b"", "text": b"this is no capture at all", "start only": good[:600],
        "block length": good[:20000] + b"\xff" * 32 + good[20000:], "gzip": gzip.compress(good)[:5000],
        "bad call": good.replace(b'"kind":"seam.add_path"', b'"kind":"seam.add_pa7h"', 1),
    }.items():  # fmt: skip
        path = tmp_path / "broken"
        path.write_bytes(data)
        result = run(path, *QUICK)
        assert result.exit_code == 1, (name, result.output)
        assert "rtpfwd tune: " in result.stderr
    assert run(tmp_path / "nowhere").exit_code == 1
    assert run(tmp_path).exit_code == 1


def test_times_that_cannot_be_are_refused(tmp_path):
    path = tmp_path / "years.pcapng"
    late = [(time_us + 10**15, *rest) for time_us, *rest in camera(3, first=30)]
    path.write_bytes(pcapng([*camera(10), *late]))
    result = run(path, *QUICK)
    assert (result.exit_code, "at most" in result.stderr) == (1, True), result.output


def test_a_file_that_breaks_off_is_played_as_far_as_it_goes(tmp_path):
    path = tmp_path / "cut.pcapng"
    path.write_bytes(VP8.read_bytes()[:200_001])
    result = run(path, *QUICK, "--json")
    assert result.exit_code == 1
    assert "stops in the middle" in result.stderr
    assert json.loads(result.stdout)["variants"]
