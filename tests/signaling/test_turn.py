"""The iceServers that clients get: coturn's shared-secret scheme, or nothing without a TURN server."""

from pathlib import Path
from typing import Any

import pytest

from signaling.settings import SettingsError
from signaling.turn import Credentials, IceServers, turn_credentials
from tests.signaling.conftest import MeetPerson, StartServer, settings_for_tests


def test_a_password_is_the_hmac_of_the_user_name() -> None:
    # printf 1700000000:ann | openssl dgst -sha1 -hmac north -binary | base64
    made = turn_credentials("north", "ann", 1_700_000_000)
    assert made == Credentials("1700000000:ann", EXPECTED)


EXPECTED = "jeamH6dA5l2I9g3jmieza7CzEDo="


def test_stun_turn_and_what_the_operator_added(tmp_path: Path) -> None:
    settings = settings_for_tests(
        tmp_path,
        stun_urls="stun:s.example:3478",
        turn_urls="turn:t.example:3478?transport=udp,turns:t.example:5349",
        turn_secret="north",
        turn_ttl_s=3600,
        ice_servers=({"urls": "stun:own.example"},),
    )
    own, stun, turn = IceServers(settings, clock=lambda: 1_699_996_400.7).of("ann")
    assert own == {"urls": "stun:own.example"}
    assert stun == {"urls": ["stun:s.example:3478"]}
    assert turn == {
        "urls": ["turn:t.example:3478?transport=udp", "turns:t.example:5349"],
        "username": "1700000000:ann",
        "credential": EXPECTED,
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"turn_urls": "turn:x"}, "needs turn_secret"),
        ({"turn_urls": "https://x", "turn_secret": "s"}, "turn_urls"),
        ({"stun_urls": "x"}, "stun_urls"),
        ({"token_secrets": "short"}, "token_secrets: each must have 32"),
    ],
)
def test_what_no_client_could_use_is_named_at_the_start(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(SettingsError, match=why):
        settings_for_tests(tmp_path, **changes)


def test_a_secret_of_the_wrong_kind_is_not_printed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="token_secrets") as refused:
        settings_for_tests(tmp_path, token_secrets=[{"deep": "do not print me"}])
    assert "do not print me" not in str(refused.value)
    settings = settings_for_tests(tmp_path, token_secrets="x" * 40, turn_secret="y" * 40)
    assert "xxxx" not in repr(settings) and "yyyy" not in repr(settings)


async def test_each_peer_gets_credentials_in_its_own_name(start: StartServer, meet: MeetPerson) -> None:
    server = await start(turn_urls="turn:t.example:3478", turn_secret="north")
    ann, bob = await meet(server), await meet(server)
    names = []
    for person in (ann, bob):
        answer = await person.join()
        (turn,) = answer["iceServers"]
        names.append(turn["username"])
        assert turn["username"].endswith(f":{answer['peerId']}")
    assert len(set(names)) == 2
