"""The front that stands between the network and OpenSSL: records, and the handshake machine.

An input is a sequence of datagrams, each behind two bytes: its length, and in the highest bit whether time
passes first. They go to a server that waits for its first hello, and to a connection that is established,
which nothing that is not authentic may end or make speak.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import cache

from rtpfwd.clock import Instant, seconds
from rtpfwd.protocols import dtls_records as records
from rtpfwd.protocols.certificate import generate
from rtpfwd.protocols.dtls import DATAGRAM_LIMIT, DtlsContext, DtlsTransport
from rtpfwd.protocols.dtls_states import DtlsRole, DtlsState

NOW = Instant(seconds(1000))
MAX_DATAGRAMS = 40


def run(data: bytes) -> Hashable:
    waiting = DtlsTransport(_context())
    waiting.set_remote_fingerprints(_context().fingerprints)
    waiting.start(DtlsRole.SERVER, NOW)
    now = NOW
    talk = _established()
    for passes, datagram in datagrams(data):
        _check_records(datagram)
        if passes:
            now = Instant(now + seconds(1))
            waiting.handle_timeout(now)
        waiting.receive(datagram, now)
        talk.receive(datagram, NOW)
        for sent in waiting.transmit():
            assert len(sent) <= DATAGRAM_LIMIT and records.split(sent)
    assert waiting.state in (DtlsState.CONNECTING, DtlsState.FAILED)
    assert waiting.next_timeout() is not None or waiting.state is DtlsState.FAILED
    assert talk.state is DtlsState.CONNECTED and not talk.events(), "ended by a stranger"
    assert not talk.transmit(), "a stranger was answered"
    return waiting.state, tuple(waiting.drops), tuple(waiting.record_drops)


def datagrams(data: bytes) -> Iterator[tuple[bool, bytes]]:
    """The datagrams of an input, and whether a second passes before each."""
    position = count = 0
    while position + 2 <= len(data) and count < MAX_DATAGRAMS:
        word = int.from_bytes(data[position : position + 2])
        end = min(position + 2 + (word & 0x7FFF), len(data))
        yield bool(word & 0x8000), data[position + 2 : end]
        position, count = end, count + 1


def script(*sent: bytes, waits: bool = False) -> bytes:
    """The input that is these datagrams."""
    return b"".join((waits << 15 | len(one)).to_bytes(2) + one for one in sent)


def _check_records(datagram: bytes) -> None:
    found = records.split(datagram)
    joined = b"".join(record.data for record in found)
    assert datagram.startswith(joined)
    assert all(len(record.data) >= records.HEADER_SIZE for record in found)
    for record in found:
        before, after = (records.refusal(record, established=known) for known in (False, True))
        assert record.epoch or after is not None, "a record in the clear behind the handshake"
        assert record.epoch or record.content_type != records.ALERT or before is not None
    renumbered, following = records.renumber(joined, 7)
    assert len(renumbered) == len(joined)
    assert following == 7 + sum(record.epoch == 0 for record in found)
    assert [record.data[11:] for record in records.split(renumbered)] == [one.data[11:] for one in found]
    packed = records.pack(joined, DATAGRAM_LIMIT)
    assert b"".join(packed) == joined
    assert all(len(one) <= DATAGRAM_LIMIT or len(records.split(one)) == 1 for one in packed)


@cache
def _context() -> DtlsContext:
    return DtlsContext(generate(1_700_000_000_000_000))


@cache
def _established() -> DtlsTransport:
    ours, theirs = DtlsTransport(_context()), DtlsTransport(_context())
    for one in (ours, theirs):
        one.set_remote_fingerprints(_context().fingerprints)
    theirs.start(DtlsRole.SERVER, NOW)
    ours.start(DtlsRole.CLIENT, NOW)
    while waiting := ours.transmit():
        for datagram in waiting:
            theirs.receive(datagram, NOW)
        for datagram in theirs.transmit():
            ours.receive(datagram, NOW)
    assert theirs.state is DtlsState.CONNECTED
    theirs.events()
    return theirs


if __name__ == "__main__":
    from tests.fuzz.command import main

    main("dtls", run)
