"""The doctor tells what is wrong, how bad it is, and what to do."""

import json
import os
import resource
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from rtpfwd.protocols import certificate
from signaling import doctor
from signaling.doctor_command import doctor as command
from signaling.findings import Finding, Level, as_json, as_text, fail, healthy, ok, warn
from tests.browser.turn_server import coturn, turn_server
from tests.signaling.conftest import settings_for_tests

DAY_US = 86_400 * 1_000_000


def run(check: doctor.Check, tmp_path: Path, **changes: Any) -> list[Finding]:
    findings = list(check(settings_for_tests(tmp_path, **changes)))
    for finding in findings:
        assert bool(finding.advice) == (finding.level is not Level.OK), "what to do, if there is something"
    return findings


def only(check: doctor.Check, tmp_path: Path, **changes: Any) -> Finding:
    (finding,) = run(check, tmp_path, **changes)
    return finding


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    for kind, check, setting in (
        (socket.SOCK_DGRAM, doctor.media_port, "mediasoup_listen_port"),
        (socket.SOCK_STREAM, doctor.http_port, "port"),
    ):
        with socket.socket(socket.AF_INET, kind) as taken:
            taken.bind(("127.0.0.1", 0))
            if kind is socket.SOCK_STREAM:
                taken.listen()
            port = taken.getsockname()[1]
            found = only(check, tmp_path, **{setting: port})
            assert found.level is Level.FAIL and str(port) in found.found
            assert setting.upper() in found.advice
        assert only(check, tmp_path, **{setting: port}).level is Level.OK


def test_an_address_of_another_machine_cannot_be_bound(tmp_path: Path) -> None:
    found = only(doctor.media_port, tmp_path, listen_ip="198.51.100.1")
    assert found.level is Level.FAIL and "LISTEN_IP" in found.advice
    assert only(doctor.media_port, tmp_path, listen_ip="not an address").level is Level.FAIL


@pytest.mark.parametrize(
    ("granted", "level"), [("212992", Level.WARN), ("4194304", Level.OK), ("?", Level.WARN)]
)
def test_small_socket_buffers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, granted: str, level: Level
) -> None:
    for name in ("rmem_max", "wmem_max"):
        (tmp_path / name).write_text(f"{granted}\n")
    monkeypatch.setattr(doctor, "KERNEL_LIMITS", tmp_path)
    found = run(doctor.socket_buffers, tmp_path)
    assert [one.level for one in found] == [level, level]
    if granted == "212992":
        assert "net.core.rmem_max=4194304" in found[0].advice and "sysctl" in found[0].advice


def test_too_few_open_files(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1000), hard))
    try:
        found = only(doctor.file_limit, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found.level is Level.WARN and "LimitNOFILE=2128" in found.advice
    assert only(doctor.file_limit, tmp_path, limits={"sockets": 1}).level is Level.OK


def written(tmp_path: Path, starts_at_us: int) -> dict[str, Any]:
    chain, key = certificate.generate(starts_at_us).to_pem()
    (tmp_path / "chain.pem").write_text(chain)
    (tmp_path / "key.pem").write_text(key)
    return {"tls_cert": tmp_path / "chain.pem", "tls_key": tmp_path / "key.pem"}


def test_certificates(tmp_path: Path) -> None:
    now = time.time_ns() // 1000
    assert only(doctor.tls, tmp_path, **written(tmp_path, now)).level is Level.OK
    soon = only(doctor.tls, tmp_path, **written(tmp_path, now - 3645 * DAY_US))
    assert soon.level is Level.WARN and "expires in 5 days" in soon.found
    late = only(doctor.tls, tmp_path, **written(tmp_path, now - 3655 * DAY_US))
    assert late.level is Level.FAIL and "expired 5 days ago" in late.found
    both = written(tmp_path, now)
    (tmp_path / "key.pem").write_text(certificate.generate(now).to_pem()[1])
    assert only(doctor.tls, tmp_path, **both).level is Level.FAIL
    (tmp_path / "key.pem").unlink()
    assert only(doctor.tls, tmp_path, **both).level is Level.FAIL


def test_without_tls_there_are_cameras_on_localhost_only(tmp_path: Path) -> None:
    assert only(doctor.tls, tmp_path).level is Level.WARN
    assert "self-signed" in only(doctor.tls, tmp_path, tls_self_signed=True).found


def test_announced_addresses(tmp_path: Path) -> None:
    lost = only(doctor.announced, tmp_path, announced_ip="your-public-ip.invalid")
    assert lost.level is Level.FAIL and "ANNOUNCED_IP" in lost.advice
    assert only(doctor.announced, tmp_path, announced_ip="127.0.0.1").level is Level.OK
    public, tokens = run(doctor.announced, tmp_path, announced_ip="9.9.9.9")
    assert public.level is Level.OK and "another machine" in public.found
    assert tokens.check == "tokens" and tokens.level is Level.WARN
    assert only(doctor.announced, tmp_path, announced_ip="9.9.9.9", token_secrets="x" * 32).level is Level.OK


def test_a_page_that_was_not_built(tmp_path: Path) -> None:
    assert only(doctor.web_client, tmp_path).level is Level.WARN
    (tmp_path / "index.html").touch()
    assert only(doctor.web_client, tmp_path).level is Level.OK


def test_the_clock_and_the_plane_are_looked_at(tmp_path: Path) -> None:
    assert only(doctor.clock, tmp_path).level in (Level.OK, Level.WARN)
    assert only(doctor.data_plane, tmp_path).level in (Level.OK, Level.WARN)


def test_ice_servers_that_are_not_there(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (stun,) = run(doctor.stun_servers, tmp_path, stun_urls=f"stun:127.0.0.1:{port}")
    assert stun.level is Level.WARN
    urls = f"turn:127.0.0.1:{port},turns:t.example,turn:a:b:c"
    dead, secure, wrong = run(doctor.turn_servers, tmp_path, turn_urls=urls, turn_secret="s")
    assert (dead.level, secure.level, wrong.level) == (Level.FAIL, Level.OK, Level.FAIL)
    assert "not tried" in secure.found


def test_findings_as_text_and_as_a_document() -> None:
    found = [ok("a", "fine"), warn("b", "so so", "do this"), fail("c", "broken [bold]", "do that")]
    assert not healthy(found) and healthy(found[:2])
    document = json.loads(as_json(found))
    assert document["ok"] is False
    assert document["findings"][1] == {"check": "b", "level": "warn", "found": "so so", "advice": "do this"}
    assert as_text(found[2]).plain == "fail c: broken [bold]\n     -> do that"


def call(*arguments: str, **environment: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(
        app, [*arguments], env={"MEDIASOUP_LISTEN_PORT": "0", "PORT": "0", **environment}
    )
    return result.exit_code, result.output


def test_the_exit_code_says_whether_calls_will_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, output = call("--json")
    document = json.loads(output)
    assert code == 0 and document["ok"] is True
    assert {one["check"] for one in document["findings"]} >= {"media port", "HTTP port", "clock", "TLS"}
    code, output = call(ANNOUNCED_IP="nowhere.invalid")
    assert code == 1 and "fail announced address: nowhere.invalid does not resolve" in output
    code, output = call("--json", PORT="many")
    assert code == 1 and json.loads(output)["findings"][0]["check"] == "settings"
    assert os.listdir(tmp_path) == [], "it changes nothing"


async def test_a_real_turn_server_is_told_from_one_with_another_secret(tmp_path: Path) -> None:
    if coturn() is None:
        pytest.skip("no coturn on the search path: apt-get install coturn")
    async with turn_server(tmp_path) as server:
        good = only(doctor.turn_servers, tmp_path, turn_urls=server.url, turn_secret=server.secret)
        assert good.level is Level.OK and f"({server.address}:" in good.found
        wrong = only(doctor.turn_servers, tmp_path, turn_urls=server.url, turn_secret="another")
        assert wrong.level is Level.FAIL and "TURN_SECRET" in wrong.found
        url = f"stun:{server.address}:{server.port}"
        here = only(doctor.stun_servers, tmp_path, stun_urls=url, announced_ip=server.address)
        assert here.level is Level.OK
        elsewhere = only(doctor.stun_servers, tmp_path, stun_urls=url, announced_ip="198.51.100.7")
        assert elsewhere.level is Level.WARN and f"ANNOUNCED_IP={server.address}" in elsewhere.advice
