"""STUN and TURN servers as the doctor asks them: a real coturn, and servers that misbehave."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rtpfwd.wire import stun, turn
from signaling import reachability
from signaling.reachability import IceUrl, Unreachable, parse_ice_url, relayed_address, seen_address
from signaling.turn import Credentials, turn_credentials
from tests.browser.turn_server import TurnServer, coturn, turn_server

NOBODY = Credentials("1:doctor", "x")
Reply = Callable[[bytes], bytes | None]


@contextmanager
def udp_server(reply: Reply) -> Iterator[int]:
    """Answers every datagram on a loopback port; gives the port."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(0.05)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                data, sender = udp.recvfrom(2048)
            except TimeoutError:
                continue
            answer = reply(data)
            if answer is not None:
                udp.sendto(answer, sender)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield udp.getsockname()[1]
    finally:
        over.set()
        thread.join()
        udp.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachability, "RETRANSMIT_S", (0.1, 0.1))


def echo(data: bytes) -> bytes:
    address = stun.pack_address(("192.0.2.7", 4000))
    return stun.success_response(stun.parse(data).transaction_id, address, b"unused")


def test_a_stun_server_says_where_it_sees_us() -> None:
    with udp_server(echo) as port:
        assert seen_address("127.0.0.1", port) == ("192.0.2.7", 4000)


def test_the_first_answer_may_be_lost() -> None:
    asked: list[bytes] = []

    def second(data: bytes) -> bytes | None:
        asked.append(data)
        return echo(data) if len(asked) > 1 else None

    with udp_server(second) as port:
        assert seen_address("127.0.0.1", port) == ("192.0.2.7", 4000)
    assert asked[0] == asked[1], "a retransmission, not another question"


@pytest.mark.parametrize(
    "reply",
    [
        lambda data: None,
        lambda data: b"HTTP/1.1 400 Bad Request",
        lambda data: data,
        lambda data: echo(data[:8] + bytes(12) + data[20:-8] + b"\x80\x28\0\4" + bytes(4)),
    ],
    ids=["silence", "not STUN", "an echo", "somebody else's answer"],
)
def test_what_is_no_answer_is_as_good_as_none(reply: Reply) -> None:
    with udp_server(reply) as port, pytest.raises(Unreachable):
        seen_address("127.0.0.1", port)


def test_a_server_that_is_not_there_is_said_to_be_so() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Unreachable, match=r"nothing answers there|no answer"):
        seen_address("127.0.0.1", port)
    with pytest.raises(Unreachable, match="does not resolve"):
        seen_address("nowhere.invalid", port)


def test_a_turn_server_without_secret_is_no_use() -> None:
    def open_relay(data: bytes) -> bytes:
        view = stun.parse(data)
        head = (turn.ALLOCATE | 0x100).to_bytes(2, "big") + data[2:20]
        return stun._seal(head[:2] + bytes(2) + head[4:8] + view.transaction_id, None)

    with udp_server(open_relay) as port, pytest.raises(Unreachable, match="use-auth-secret"):
        relayed_address("127.0.0.1", port, NOBODY)


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[TurnServer]:
    if coturn() is None:
        pytest.skip("no coturn on the search path: apt-get install coturn")
    async with turn_server(tmp_path) as server:
        yield server


async def test_coturn_takes_our_credentials_and_shows_us_ourselves(
    relay: TurnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reachability, "RETRANSMIT_S", (2.0, 2.0))
    assert seen_address(relay.address, relay.port)[0] == relay.address
    good = turn_credentials(relay.secret, "doctor", int(time.time()) + 60)
    host, port = relayed_address(relay.address, relay.port, good)
    assert host == relay.address and port > 0
    for username, secret in ((f"{int(time.time()) + 60}:doctor", "wrong"), ("1:doctor", relay.secret)):
        expiry, _, user = username.partition(":")
        refused = turn_credentials(secret, user, int(expiry))
        with pytest.raises(Unreachable, match="TURN_SECRET"):
            relayed_address(relay.address, relay.port, refused)


def test_urls() -> None:
    assert parse_ice_url("stun:s.example") == IceUrl("stun", "s.example", 3478, "udp")
    assert parse_ice_url("turn:[2001:db8::1]:99?transport=udp") == IceUrl("turn", "2001:db8::1", 99, "udp")
    assert parse_ice_url("turns:t.example") == IceUrl("turns", "t.example", 5349, "tcp")
    assert not parse_ice_url("turn:t.example?transport=tcp").over_udp
    for wrong in (
        "turn:",
        "turn:a:70000",
        "turn:a:0",
        "http://a",
        "turn:a?transport=sctp",
        "turn:u@a",
        "turn:a b",
    ):
        with pytest.raises(ValueError, match=r"turn|http"):
            parse_ice_url(wrong)
