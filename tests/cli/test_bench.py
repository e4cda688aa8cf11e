import json
import threading

import pytest
from typer.testing import CliRunner

from rtpfwd.cli.app import build_app
from rtpfwd.cli.bench.load import Interval
from rtpfwd.cli.bench.measure import is_borne
from rtpfwd.cli.bench.nuisances import Nuisances
from rtpfwd.errors import InvalidParameters

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


def test_a_rate_that_the_clients_cannot_make_is_not_the_servers():
    calm = {"due": 1000, "expected": 9000, "received": 9000, "latencies_us": [300]}
    assert is_borne(Interval(sent=1000, **calm))
    assert not is_borne(Interval(sent=900, **calm))
    assert not is_borne(Interval(sent=1000, **calm | {"received": 8900}))
    assert not is_borne(Interval(sent=1000, **calm | {"latencies_us": [20_000]}))


def figures_of(*arguments: str) -> list[dict]:
    result = runner.invoke(build_app([]), ["bench", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_third_of_the_subscribers_of_simulcast_gets_each_encoding():
    [figures] = figures_of(
        "simulcast6", "--suite", "gcm", "--rate", "210", "--seconds", "0.5", "--keys-given"
    )
    assert figures["received"] == pytest.approx(2 * figures["packets_in"], abs=10)
    assert figures["latency_p99_us"] <= figures["latency_p999_us"]


def test_rooms_beside_each_other_are_spread_over_threads():
    shape = ["--rooms", "2", "--threads", "2", "--rate", "100", "--seconds", "0.5", "--keys-given"]
    [figures] = figures_of("1x2", "--suite", "gcm", *shape)
    assert figures["scenario"] == "2 x 1x2"
    assert figures["received"] == figures["forwarded"] == 2 * figures["packets_in"]


def test_two_files_are_compared_by_what_both_measured(tmp_path):
    one = {"scenario": "1x3", "suite": "GCM", "plane": "native", "load": "told", "cpu_us_per_forwarded": 4.0}
    other = one | {"cpu_us_per_forwarded": 3.0}
    (tmp_path / "a.json").write_text(json.dumps([one, one | {"plane": "reference"}]))
    (tmp_path / "b.json").write_text(json.dumps([other]))
    found = figures_of("--compare", str(tmp_path / "a.json"), str(tmp_path / "b.json"))
    assert found == [{"what": "1x3 GCM native told", "ratios": {"cpu_us_per_forwarded": 0.75}}]
    (tmp_path / "b.json").write_text("{}")
    files = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    assert runner.invoke(build_app([]), ["bench", "--compare", *files]).exit_code == 1


def test_transports_that_come_and_go_leave_nothing_in_tables():
    [figures] = figures_of("leak", "--cycles", "10")
    assert figures["before"] == figures["after"]
    assert figures["after"]["transports"] == figures["after"]["sessions"] == 0


def test_nuisances_take_turns_and_end():
    nuisances = Nuisances()
    before = threading.active_count()
    for kind in ("burn", "collect"):
        nuisances.start(kind)
        assert threading.active_count() == before + 1
    nuisances.start("none")
    assert threading.active_count() == before
    with pytest.raises(InvalidParameters):
        nuisances.start("noise")
