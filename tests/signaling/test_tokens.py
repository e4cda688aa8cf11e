"""Signed tokens decide who enters, under which name, and who may do what."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.app import CallServer
from signaling.refusal import Code, Refusal
from signaling.settings import Limits
from signaling.tokens import Doorkeeper, Grants, make_token
from tests.signaling.conftest import MeetPerson, StartServer

SECRET = "a secret of the tests of thirty-two or more"
OLDER = "the secret before that one and just as long"
FOREIGN = "somebody else's secret, of the same length"

DOOR = Doorkeeper((SECRET, OLDER), Limits())


def token(secret: str = SECRET, room: str = "r", *, lasts: int = 7200, **more: Any) -> str:
    return make_token(secret, room, expires_at=int(time.time()) + lasts, **more)


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode({"room": "r", "exp": time.time() + 7200, **claims}, secret, algorithm)


def unsigned() -> str:
    head, body = ({"alg": "none", "typ": "JWT"}, {"room": "r", "exp": time.time() + 7200})
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in (head, body)]
    return ".".join([*parts, ""])


def test_a_token_carries_room_name_and_grants() -> None:
    grants = Grants(publish=False, moderate=True)
    ticket = DOOR.admit("r", token(name="Ann", grants=grants))
    assert (ticket.name, ticket.grants) == ("Ann", grants)
    assert ticket.fingerprint


def test_a_token_written_differently_is_the_same_token() -> None:
    made = token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(made[-1])
    twins = [made[:-1] + alphabet[last & ~3 | bits] for bits in range(4)]  # two bits of it mean nothing
    prints = set()
    for twin in twins:
        try:
            prints.add(DOOR.admit("r", twin).fingerprint)
        except Refusal:
            continue
    assert len(prints) == 1


def test_what_it_does_not_grant_by_name_has_a_default() -> None:
    ticket = DOOR.admit("r", signed({"grants": {"publish": False}}))
    assert ticket.grants == Grants(publish=False, subscribe=True, moderate=False)


def test_tokens_of_an_older_secret_are_good_while_it_is_listed() -> None:
    old = token(OLDER)
    assert DOOR.admit("r", old).name is None
    with pytest.raises(Refusal, match="not valid"):
        Doorkeeper((SECRET,), Limits()).admit("r", old)


BAD = {
    "none": (None, "holders of a token only"),
    "empty": ("", "not valid"),
    "no JWT": ("x", "not valid"),
    "forged": (token(FOREIGN), "not valid"),
    "unsigned": (unsigned(), "not valid"),
    "another algorithm": (signed({}, SECRET + SECRET, "HS512"), "not valid"),
    "changed": (token()[:-3] + "AAA", "not valid"),
    "expired": (token(lasts=-60), "expired"),
    "not yet": (signed({"nbf": time.time() + 7000}), "not valid yet"),
    "never ends": (jwt.encode({"room": "r"}, SECRET, "HS256"), "not valid"),
    "no room": (jwt.encode({"exp": time.time() + 7200}, SECRET, "HS256"), "not valid"),
    "another room": (token(room="other"), "another room"),
    "room is a number": (signed({"room": 5}), "room"),
    "name with a line break": (signed({"name": "a\nb"}), "name"),
    "grants are a list": (signed({"grants": ["publish"]}), "grants"),
    "grant is a word": (signed({"grants": {"moderate": "yes"}}), r"grants\.moderate"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_token_for_this_room_is_refused_with_the_reason(case: str) -> None:
    given_token, why = BAD[case]
    with pytest.raises(Refusal, match=why) as refused:
        DOOR.admit("r", given_token)
    assert refused.value.code is Code.TOKEN_INVALID


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=200)
    | st.lists(st.binary(max_size=60), min_size=3, max_size=3).map(
        lambda parts: ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    )
    | st.recursive(st.none() | st.integers() | st.text(max_size=9), lambda i: st.lists(i, max_size=3)).map(
        lambda odd: (
            base64.urlsafe_b64encode(json.dumps({"alg": odd, "kid": odd, "crit": odd}).encode()).decode()
            + ".e30.AAAA"
        )
    )
)
def test_any_text_is_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        DOOR.admit("r", text)
    assert refused.value.code is Code.TOKEN_INVALID


def test_a_header_nested_without_end_is_refused() -> None:
    head = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 1400).decode().rstrip("=")
    with pytest.raises(Refusal):
        DOOR.admit("r", f"{head}.e30.AAAA")


def test_without_secrets_everybody_may_enter_and_nobody_moderates() -> None:
    ticket = Doorkeeper((), Limits()).admit("any room", None)
    assert ticket.grants == Grants(publish=True, subscribe=True, moderate=False)


def test_a_token_that_nobody_could_use_is_not_made() -> None:
    with pytest.raises(ValueError, match=r"room: .*longer than 64"):
        token(room="x" * 65)
    with pytest.raises(ValueError, match=r"name: .*control characters"):
        token(name="\x1b[2J")


@pytest.mark.parametrize("case", BAD)
async def test_the_door_stays_shut_and_nothing_is_made(
    start: StartServer, meet: MeetPerson, case: str
) -> None:
    server = await start(token_secrets=f"{SECRET},{OLDER}")
    ann = await meet(server)
    refused = await ann.ask("joinRoom", {"roomName": "r", "token": BAD[case][0] or None})
    assert refused["code"] == "token_invalid"
    assert not server.rooms, "no room, no router"
    assert (await ann.ask("createWebRtcTransport", {"consumer": True}))["params"]["code"] == "invalid_state"


async def locked_server(start: StartServer) -> CallServer:
    return await start(token_secrets=SECRET)


async def test_the_name_is_the_tokens_and_stays(start: StartServer, meet: MeetPerson) -> None:
    server = await locked_server(start)
    ann, bob = await meet(server), await meet(server)
    assert (await ann.join(token=token(name="Ann"), displayName="Eve"))["displayName"] == "Ann"
    renamed = await ann.ask("set-display-name", {"displayName": "Eve"})
    assert renamed["error"]["code"] == "forbidden"
    assert await ann.ask("set-display-name", {"displayName": "Ann"}) == {}
    answer = await bob.join(token=token(), displayName="Bob")
    assert [peer["displayName"] for peer in answer["peers"]] == ["Ann"]
    await ann.vanish()
    back = await meet(server)
    resumed = await back.join(resumeToken=ann.answer["resumeToken"], displayName="Eve")
    assert resumed["displayName"] == "Ann", "a resume neither asks for the token nor changes the name"


async def test_who_may_not_publish_is_refused_before_anything_is_made(
    start: StartServer, meet: MeetPerson
) -> None:
    server = await locked_server(start)
    ann, bob = await meet(server), await meet(server)
    watching = await ann.join(token=token(grants=Grants(publish=False)))
    assert watching["grants"] == {"publish": False, "subscribe": True, "moderate": False}
    await ann.transport(consumer=False)
    produce = {"kind": "audio", "rtpParameters": {}, "appData": {}}
    assert (await ann.ask("transport-produce", produce))["code"] == "forbidden"
    await bob.join(token=token())
    await bob.transport(consumer=False)
    await ann.consume((await bob.produce())["id"])


async def test_who_may_not_subscribe_is_refused(start: StartServer, meet: MeetPerson) -> None:
    server = await locked_server(start)
    ann, bob = await meet(server), await meet(server)
    await ann.join(token=token(grants=Grants(subscribe=False)))
    await bob.join(token=token())
    await bob.transport(consumer=False)
    producer_id = (await bob.produce())["id"]
    transport = await ann.transport(consumer=True)
    consume = {
        "rtpCapabilities": ann.answer["rtpCapabilities"],
        "remoteProducerId": producer_id,
        "serverConsumerTransportId": transport["id"],
    }
    assert (await ann.ask("consume", consume))["params"]["code"] == "forbidden"
