"""STUN: strict reading, and the agent behind it.

An input is a message. It is read as it is; then, where it has MESSAGE-INTEGRITY, once more signed with the
agent's password, so that the fuzzer gets behind the signature.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable
from contextlib import suppress

from aioice import stun as aioice_stun

from rtpfwd.clock import Instant, seconds
from rtpfwd.errors import MalformedPacket
from rtpfwd.protocols.ice_lite import IceLite
from rtpfwd.wire import stun
from rtpfwd.wire.datagram import Path

NOW = Instant(seconds(1000))
PATH: Path = (0, ("203.0.113.9", 5000))
SERVER = [("198.51.100.1", 3000)]


def run(data: bytes) -> Hashable:
    agent = IceLite(_no_entropy, own_addresses=SERVER)
    try:
        view = stun.parse(data)
    except MalformedPacket as error:
        assert agent.receive(data, PATH, NOW) is None, "an answer to what is no STUN"
        return str(error)[:24]
    assert len(view.attribute_types) == len(set(view.attribute_types)) <= stun.MAX_ATTRIBUTES
    assert set(view.unknown_required) <= set(view.attribute_types)
    stun.check_fingerprint(view)
    with suppress(MalformedPacket):
        stun.mapped_address(view)
    answer = agent.receive(data, PATH, NOW)
    assert answer is None or len(answer) <= len(data), "an answer longer than its question"
    assert agent.selected is None, "selected without a signature"
    _agree_with_aioice(view)
    signed = _signed(view, f"{agent.ufrag}:peer".encode(), agent.password.encode())
    if signed is None:
        return answer is None, tuple(agent.drops)
    view = stun.parse(signed)
    assert stun.check_integrity(view, agent.password.encode()) and stun.check_fingerprint(view)
    answer = agent.receive(signed, PATH, NOW)
    if answer is None:
        return tuple(agent.drops)
    reply = stun.parse(answer)
    assert reply.transaction_id == view.transaction_id
    assert reply.message_class in (stun.Class.RESPONSE, stun.Class.ERROR)
    assert stun.check_fingerprint(reply)
    assert agent.selected in (None, PATH)
    return reply.error_code, agent.selected, tuple(agent.drops)


def _signed(view: stun.StunView, username: bytes, key: bytes) -> bytes | None:
    """The same attributes with the right USERNAME, MESSAGE-INTEGRITY and FINGERPRINT."""
    body = view.data[stun.HEADER_SIZE : view.integrity_at]
    if not view.integrity_at or len(body) > 1300:
        return None
    head = view.data[:2] + struct.pack("!HI", 0, stun.COOKIE) + view.transaction_id
    name = struct.pack("!HH", stun.USERNAME, len(username)) + username + bytes(-len(username) % 4)
    data = stun._seal(head + name + body, key)
    try:
        stun.parse(data)
    except MalformedPacket:
        return None  # one attribute more than allowed
    return data


def _agree_with_aioice(view: stun.StunView) -> None:
    """What passes here and there says the same: no second reading to hide behind."""
    try:
        theirs = aioice_stun.parse_message(view.data)
    except (ValueError, struct.error):  # it knows fewer methods; the second is its bug
        return
    assert theirs.transaction_id == view.transaction_id
    if view.data.count(b"\x00\x06") == 1 and not view.has_integrity:
        assert theirs.attributes.get("USERNAME") == view.username


def _no_entropy(size: int) -> bytes:
    return bytes(range(size))


if __name__ == "__main__":
    from tests.fuzz.command import main

    main("stun", run)
