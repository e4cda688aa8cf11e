import json

import pytest
from typer.testing import CliRunner

from rtpfwd.cli.app import build_app
from rtpfwd.cli.bench.load import Interval

runner = CliRunner()


@pytest.mark.parametrize("how", [[], ["--keys-given"]])
def test_a_small_bench_loses_nothing_and_reports_what_it_did(how):
    result = runner.invoke(
        build_app([]), ["bench", "1x3", "--suite", "gcm", "--rate", "100", "--seconds", "0.5", "--json", *how]
    )
    assert result.exit_code == 0, result.output
    [figures] = json.loads(result.stdout)
    assert figures["handshake"] == ("keys given" if how else "ICE and DTLS")
    assert figures["packets_in"] == 50
    assert figures["forwarded"] == figures["received"] == 150
    assert figures["loss"] == 0
    assert 0 < figures["latency_p50_us"] <= figures["latency_p99_us"] <= figures["latency_max_us"]
    assert figures["cpu_us_per_forwarded"] > 0
    assert figures["rss_mib"] > 10


def test_the_control_bench_takes_the_time_of_estimators():
    result = runner.invoke(build_app([]), ["bench", "control", "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["transports"] == 100
    assert figures["cpu_us_per_feedback"] > 0
    assert figures["cpu_us_per_allocation"] > 0
    a_second = 10 * figures["cpu_us_per_feedback"] + 4 * figures["cpu_us_per_allocation"]
    assert figures["core_share"] == pytest.approx(a_second * 100 / 1e6)


@pytest.mark.parametrize("scenario", ["2x2", "1x0", "many", "1x"])
def test_a_scenario_of_another_form_is_refused(scenario):
    result = runner.invoke(build_app([]), ["bench", scenario])
    assert result.exit_code == 2


def test_a_server_that_cannot_start_is_an_error_in_one_line():
    result = runner.invoke(build_app([]), ["bench", "1x1", "--plane", "none", "--suite", "gcm"])
    assert result.exit_code == 1
    assert "server process ended" in result.output


def test_percentiles_are_those_of_the_sorted_latencies():
    interval = Interval(latencies_us=list(range(100)))
    assert [interval.percentile_us(share) for share in (0.5, 0.99, 1.0)] == [50, 99, 99]
    assert Interval().percentile_us(0.5) == 0
