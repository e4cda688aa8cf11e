import itertools
import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.protocols import dtls_records as records
from rtpfwd.protocols.dtls_states import DtlsDrop


def record(kind: int, body: bytes, epoch: int = 0, version: int = 0xFEFD) -> bytes:
    return struct.pack("!BHHHIH", kind, version, epoch, 0, 7, len(body)) + body


def test_a_datagram_falls_into_its_records() -> None:
    first, second = record(22, b"hello", version=0xFEFF), record(21, b"\2\50", epoch=1)
    found = records.split(first + second)
    assert [(each.content_type, each.epoch, each.data) for each in found] == [(22, 0, first), (21, 1, second)]


def test_what_does_not_look_like_dtls_ends_the_list() -> None:
    good = record(22, b"hello")
    for tail in (
        b"\x16\x03\x01\0\5hello" * 3,
        good[:-1],
        good[:12],
        b"\0" * 40,
        record(22, b"", version=0xFEFC),
    ):
        assert len(records.split(good + tail)) == 1
        assert records.split(tail) == []


def test_openssl_never_sees_a_plaintext_alert_nor_plaintext_after_the_handshake() -> None:
    def verdict(kind: int, epoch: int, established: bool, body: bytes = b"x") -> DtlsDrop | None:
        (found,) = records.split(record(kind, body, epoch))
        return records.refusal(found, established=established)

    assert verdict(21, 0, False) is DtlsDrop.PLAINTEXT_ALERT
    assert verdict(21, 1, False) is None and verdict(21, 1, True) is None
    assert verdict(22, 0, False) is None and verdict(22, 1, False) is None and verdict(20, 0, False) is None
    for kind in (20, 21, 22, 23):
        assert verdict(kind, 0, True) is DtlsDrop.PLAINTEXT_AFTER_HANDSHAKE
    assert verdict(23, 1, True) is DtlsDrop.APPLICATION_DATA
    assert verdict(22, 2, True) is DtlsDrop.UNEXPECTED_RECORD
    assert verdict(24, 1, True) is DtlsDrop.UNEXPECTED_RECORD
    assert verdict(22, 0, False, b"") is DtlsDrop.UNEXPECTED_RECORD


def test_a_record_above_the_limit_gets_a_datagram_of_its_own() -> None:
    big, small = record(22, bytes(300)), record(22, bytes(20))
    assert records.pack(small + big + small + small, 200) == [small, big, small + small]


@settings(max_examples=150)
@given(st.lists(st.binary(max_size=400), max_size=20), st.integers(420, 1500))
def test_packing_loses_nothing_and_keeps_to_the_limit(bodies: list[bytes], limit: int) -> None:
    output = b"".join(record(22, body) for body in bodies)
    datagrams = records.pack(output, limit)
    assert b"".join(datagrams) == output
    assert all(0 < len(each) <= limit for each in datagrams)
    assert [each.data for datagram in datagrams for each in records.split(datagram)] == [
        record(22, body) for body in bodies
    ]
    for left, right in itertools.pairwise(datagrams):
        assert len(left) + len(records.split(right)[0].data) > limit  # as full as can be


@settings(max_examples=150)
@given(st.binary(max_size=100))
def test_any_bytes_split(data: bytes) -> None:
    assert data.startswith(b"".join(each.data for each in records.split(data)))
