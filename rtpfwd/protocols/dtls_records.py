"""DTLS records: what may be shown to OpenSSL, and how its output becomes datagrams.

Source: RFC 6347 §4.1 (records), RFC 7983 (first bytes).

OpenSSL's memory BIO has no datagram borders: two datagrams written before a read are one stream in which a
cut record swallows the next, and several records come out in one piece. Hence every record goes in by
itself and every flight is cut at record borders on its way out. OpenSSL also obeys alerts without any
protection; those never reach it.
"""

from dataclasses import dataclass

from rtpfwd.protocols.dtls_states import DtlsDrop

HEADER_SIZE = 13
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23


@dataclass(frozen=True, slots=True)
class Record:
    """One record: content type, epoch (0 is in the clear), and all its bytes, header included."""

    content_type: int
    epoch: int
    data: bytes


def split(datagram: bytes) -> list[Record]:
    """The whole records at the front of a datagram. What does not look like DTLS ends the list."""
    records: list[Record] = []
    position = 0
    while len(datagram) - position >= HEADER_SIZE:
        end = position + HEADER_SIZE + int.from_bytes(datagram[position + 11 : position + 13], "big")
        # 0xfe 0xff is DTLS 1.0, as the first ClientHello says; 0xfe 0xfd is 1.2. TLS has 3 here.
        if datagram[position + 1 : position + 3] not in (b"\xfe\xff", b"\xfe\xfd") or end > len(datagram):
            break
        epoch = int.from_bytes(datagram[position + 3 : position + 5], "big")
        records.append(Record(datagram[position], epoch, datagram[position:end]))
        position = end
    return records


def refusal(record: Record, *, established: bool) -> DtlsDrop | None:
    """Why OpenSSL must not see ``record``; ``None`` when it may."""
    kind = record.content_type
    if established and record.epoch == 0:
        # A new ClientHello, or the first part of a repeated flight, whose Finished is all that matters.
        return DtlsDrop.PLAINTEXT_AFTER_HANDSHAKE
    if kind == ALERT:
        return None if record.epoch else DtlsDrop.PLAINTEXT_ALERT
    if kind == APPLICATION_DATA:
        return DtlsDrop.APPLICATION_DATA
    if kind not in (HANDSHAKE, CHANGE_CIPHER_SPEC) or record.epoch > 1 or len(record.data) == HEADER_SIZE:
        return DtlsDrop.UNEXPECTED_RECORD
    return None


def renumber(datagram: bytes, number: int) -> tuple[bytes, int]:
    """Give the records in the clear the sequence numbers from ``number`` on; returns the next number too.

    Nothing protects the number of such a record, and a peer takes a repeated number for a replay.
    """
    out = b""
    for record in split(datagram):
        if record.epoch == 0:
            out += record.data[:5] + number.to_bytes(6, "big") + record.data[11:]
            number += 1
        else:
            out += record.data
    return out, number


def pack(output: bytes, limit: int) -> list[bytes]:
    """Cut what OpenSSL wrote into datagrams of whole records, each at most ``limit`` bytes.

    A single record above ``limit`` gets a datagram of its own; with the MTU set OpenSSL writes none.
    """
    datagrams: list[bytes] = []
    start = position = 0
    while position < len(output):
        end = position + HEADER_SIZE + int.from_bytes(output[position + 11 : position + 13], "big")
        if end - start > limit and position > start:
            datagrams.append(output[start:position])
            start = position
        position = end
    if start < len(output):
        datagrams.append(output[start:])
    return datagrams
