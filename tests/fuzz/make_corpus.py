"""Writes the corpus anew: ``python -m tests.fuzz.make_corpus``.

All of it is made here, valid samples and named faults, from our own serializers and by hand. What the fuzzer
found later is not: files named ``found-...`` are left alone. Samples of DTLS come from OpenSSL, whose hellos
are different each time; all else is the same bytes again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress

from OpenSSL import SSL

from rtpfwd.wire import stun
from rtpfwd.wire.header_extensions import ONE_BYTE_PROFILE, serialize_elements
from rtpfwd.wire.payloads.dependency_descriptor import (
    DependencyDescriptor,
    FrameTemplate,
    Indication,
    serialize_dependency_descriptor,
)
from rtpfwd.wire.rtcp.compound import serialize_compound
from rtpfwd.wire.rtcp.extended_reports import (
    DelaySinceLastReceiverReport,
    DlrrItem,
    ExtendedReport,
    ReceiverReferenceTime,
)
from rtpfwd.wire.rtcp.feedback import FirEntry, FullIntraRequest, Nack, PictureLossIndication
from rtpfwd.wire.rtcp.remb import ReceiverEstimatedMaxBitrate
from rtpfwd.wire.rtcp.reports import (
    CNAME_ITEM,
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SenderReport,
    SourceDescription,
)
from rtpfwd.wire.rtcp.transport_cc import TransportFeedback
from rtpfwd.wire.rtp import RtpPacket
from tests.fuzz.dtls import script
from tests.fuzz.engine import CORPUS
from tests.fuzz.layered import L2T2, layered_beginning, layered_samples
from tests.fuzz.payloads import DEPENDENCY_DESCRIPTOR, OPUS
from tests.fuzz.receive import Step, step
from tests.support.packets import padding_only, rtp, rtx, vp8

Sample = tuple[str, bytes]
CAMERA, CAMERA_RTX, MICROPHONE = 0x1000, 0x1001, 0x2000  # as in tests.fuzz.receive


def main() -> None:
    """Replace every entry that was made here."""
    for name, samples in TARGETS.items():
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.bin"):
            if not path.name.startswith("found-"):
                path.unlink()
        for title, data in samples():
            (folder / f"{title}.bin").write_bytes(data)
        print(f"{name}: {len(list(folder.iterdir()))} entries")


# -- STUN ----------------------------------------------------------------------------------------------------


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _message(*attributes: bytes, kind: int = 1, length: int | None = None) -> bytes:
    body = b"".join(attributes)
    told = len(body) if length is None else length
    return struct.pack("!HHI12s", kind, told, stun.COOKIE, b"transaction!") + body


def stun_samples() -> Iterator[Sample]:
    user, priority = _attribute(stun.USERNAME, b"server:client"), _attribute(stun.PRIORITY, bytes(4))
    controlling, end = _attribute(stun.ICE_CONTROLLING, bytes(8)), _attribute(stun.FINGERPRINT, bytes(4))
    integrity = _attribute(stun.MESSAGE_INTEGRITY, bytes(20))
    key = b"a password of 22 bytes"
    yield "check", stun.binding_request(b"transaction!", "a:b", key, priority=1, controlling=7)
    yield (
        "check-that-nominates",
        stun.binding_request(
            b"transaction!", "a:b", key, priority=1, controlling=7, use_candidate=True, nomination=3
        ),
    )
    yield "check-of-a-controlled-agent", stun.binding_request(b"x" * 12, "a:b", key, priority=1, controlled=7)
    yield "answer-ipv4", stun.success_response(b"t" * 12, stun.pack_address(("192.0.2.1", 9)), key)
    yield "answer-ipv6", stun.success_response(b"t" * 12, stun.pack_address(("2001:db8::1", 9)), key)
    yield "error-420", stun.error_response(b"t" * 12, 420, key, (0x0033, 0x7FFF))
    yield "length-field-too-long", _message(user, length=200)
    yield "length-field-zero", _message(user, integrity, end, length=0)
    yield "attribute-past-the-end", _message(struct.pack("!HH", stun.USERNAME, 60) + b"ab__")
    yield "username-not-utf8", _message(_attribute(stun.USERNAME, b"\xff\xfe\x80:"), integrity, end)
    yield "username-of-514-bytes", _message(_attribute(stun.USERNAME, b"u" * 514), integrity, end)
    yield "username-twice", _message(user, _attribute(stun.USERNAME, b"other:one"), integrity, end)
    yield "priority-of-3-bytes", _message(_attribute(stun.PRIORITY, bytes(3)), integrity, end)
    yield "integrity-of-19-bytes", _message(user, _attribute(stun.MESSAGE_INTEGRITY, bytes(19)))
    yield "nomination-behind-integrity", _message(user, integrity, _attribute(stun.NOMINATION, bytes(4)), end)
    yield "fingerprint-in-the-middle", _message(user, end, priority, integrity)
    yield "both-roles", _message(user, controlling, _attribute(stun.ICE_CONTROLLED, bytes(8)), integrity, end)
    yield "mandatory-unknown", _message(user, priority, _attribute(0x7ABC, b"?"), controlling, integrity, end)
    yield "forty-attributes", _message(*[_attribute(0xC057 + i, b"") for i in range(40)], integrity, end)
    yield "error-code-of-one-byte", _message(_attribute(stun.ERROR_CODE, b"\4"), kind=0x0111)
    yield "mapped-address-of-family-9", _message(_attribute(0x0020, b"\0\x09" + bytes(6)), kind=0x0101)
    yield "no-attributes", _message()


# -- RTP -----------------------------------------------------------------------------------------------------


def _with_block(profile: int, block: bytes, payload: bytes = b"payload") -> bytes:
    block += bytes(-len(block) % 4)
    return RtpPacket(96, 1, 2, 3, extension_profile=profile, extension=block, payload=payload).serialize()


def rtp_samples() -> Iterator[Sample]:
    plain = RtpPacket(96, 65535, 2**32 - 1, 0xCAFE, payload=b"payload").serialize()
    yield "plain", plain
    full = {4: b"0", 2: b"hi", 3: b"hi", 5: b"\0\1", 6: b"\x9c", 7: bytes(3), 8: b"\x0b", 10: bytes(8)}
    yield "one-byte-elements", _with_block(*serialize_elements(full))
    yield "two-byte-elements", _with_block(*serialize_elements({**full, 11: bytes(3), 9: bytes(255)}))
    yield "csrcs-and-padding", RtpPacket(0, 1, 2, 3, True, (1,) * 15, payload=b"x", padding=9).serialize()
    yield "csrcs-past-the-end", b"\x8f" + plain[1:]
    yield "extension-past-the-end", _with_block(ONE_BYTE_PROFILE, b"\x10a")[:14] + b"\xff\xff" + bytes(4)
    yield "extension-header-cut", b"\x90" + plain[1:12] + b"\xbe\xde"
    yield "padding-of-zero", b"\xa0" + plain[1:] + b"\0"
    yield "padding-longer-than-the-packet", b"\xa0" + plain[1:] + b"\xff"
    yield "padding-into-the-extension", b"\xb0" + plain[1:12] + b"\xbe\xde\0\1\x10a\0" + b"\x08"
    yield "padding-only", RtpPacket(96, 1, 2, 3, padding=255).serialize()
    yield "version-1", b"\x40" + plain[1:]
    yield "eleven-bytes", plain[:11]
    yield "id-15-stops", _with_block(ONE_BYTE_PROFILE, b"\x10a\xf0b\x20c")
    yield "id-0-with-a-length", _with_block(ONE_BYTE_PROFILE, b"\x10a\x03bcd\x20c")
    yield "run-of-zeros", _with_block(ONE_BYTE_PROFILE, bytes(64) + b"\x10a")
    yield "element-past-the-block", _with_block(ONE_BYTE_PROFILE, b"\x10a\x2f12")
    yield "two-byte-of-length-0", _with_block(0x1000, b"\x01\0\x02\1a\x03\0")
    yield "two-byte-id-without-length", _with_block(0x1000, b"\x01\1a\x02")
    yield "two-byte-with-appbits", _with_block(0x100F, b"\x01\1a\x02\1b")
    yield "undefined-profile", _with_block(0xABCD, b"\x10a\x20b")
    yield "same-id-twice", _with_block(ONE_BYTE_PROFILE, b"\x10a\x10b\x20c")
    yield "mid-of-255-bytes", _with_block(0x1000, b"\x01\xff" + b"m" * 255)
    yield "mid-not-utf8", _with_block(ONE_BYTE_PROFILE, b"\x13\xff\xfe\x80\xc0")
    yield "rid-of-strange-letters", _with_block(ONE_BYTE_PROFILE, b"\x25a/b\0<>")
    yield "sixteen-thousand-bytes-of-elements", _with_block(ONE_BYTE_PROFILE, b"\x10a\x50\0" * 900)


# -- RTCP ----------------------------------------------------------------------------------------------------


def rtcp_samples() -> Iterator[Sample]:
    block = ReportBlock(1, 128, -1, 0x1_0001, 9, 8, 7)
    report = SenderReport(1, 2**63, 3, 4, 5, (block,))
    names = SourceDescription((SdesChunk(1, ((CNAME_ITEM, b"somebody"),)),))
    clocks = (ReceiverReferenceTime(2**62), DelaySinceLastReceiverReport((DlrrItem(1, 2, 3),)))
    feedback = TransportFeedback(1, 2, 65530, 255, -5, (0, 255, None, 256, -1, *[None] * 30, *[1] * 20))
    bye = Goodbye((1, 2), b"gone")
    yield "sender-report-sdes-bye", serialize_compound([report, names, bye])
    yield "receiver-report-of-31-blocks", ReceiverReport(1, (block,) * 31).serialize()
    yield "extended-report", ExtendedReport(1, clocks).serialize()
    yield "nack", Nack(1, 2, (65530, 65535, 0, 4, 100)).serialize()
    yield (
        "pli-and-fir",
        serialize_compound(
            [PictureLossIndication(1, 2), FullIntraRequest(1, 0, (FirEntry(1, 2), FirEntry(3, 255)))]
        ),
    )
    yield "remb", ReceiverEstimatedMaxBitrate(1, 0, 2_500_000, (1, 2, 3)).serialize()
    yield "transport-feedback", feedback.serialize()
    yield "nack-of-300-items", _feedback(205, 1, b"\x12\x34\xff\xff" * 300)
    yield "fir-of-180-entries", _feedback(206, 4, b"".join(struct.pack("!IBxxx", i, i) for i in range(180)))
    yield "remb-of-255-ssrcs-past-the-end", _feedback(206, 15, b"REMB\xff\x03\xff\xff" + bytes(8))
    yield "remb-of-2-to-the-81", _feedback(206, 15, b"REMB\x01\xff\xff\xff" + bytes(4))
    yield "remb-of-nothing", _feedback(206, 15, b"REMB\x01\0\0\0" + bytes(4))
    yield "report-count-lies", b"\x9f" + report.serialize()[1:]
    yield "length-past-the-end", report.serialize()[:2] + b"\xff\xff" + report.serialize()[4:]
    yield "length-zero-forty-times", b"\x80\xcb\0\0" * 40
    yield "sdes-without-an-end", b"\x81\xca\0\2\0\0\0\1\x01\x02ab"
    yield "sdes-item-past-the-chunk", b"\x81\xca\0\2\0\0\0\1\x01\xffab"
    yield "bye-reason-past-the-end", b"\x81\xcb\0\2\0\0\0\1\xffabc"
    yield "padding-of-zero", b"\xa0\xcb\0\1\0\0\0\0"
    yield "padding-longer-than-the-packet", b"\xa0\xcb\0\1\0\0\0\xff"
    yield "version-0-behind-a-good-one", names.serialize() + b"\x01\xc8\0\0"
    yield "xr-block-past-the-end", b"\x80\xcf\0\2\0\0\0\1\x04\0\xff\xff"
    yield "xr-dlrr-of-half-an-item", b"\x80\xcf\0\3\0\0\0\1\x05\0\0\1\0\0\0\1"
    yield "feedback-about-65535-in-nine-runs", _feedback(205, 15, struct.pack(
        "!HHI10H", 0, 65535, 0, *[0x1FFF] * 10))  # fmt: skip
    yield "feedback-deltas-missing", _feedback(205, 15, struct.pack("!HHIHH", 0, 100, 0, 0x2064, 0))
    yield "feedback-symbol-3", _feedback(205, 15, struct.pack("!HHIHH", 0, 7, 0, 0xFFFF, 0))
    yield "application-packet", b"\x80\xcc\0\2\0\0\0\1name"


def _feedback(kind: int, form: int, body: bytes) -> bytes:
    whole = struct.pack("!II", 1, 2) + body
    return struct.pack("!BBH", 0x80 | form, kind, len(whole) // 4) + whole


# -- payload descriptors -------------------------------------------------------------------------------------


def payload_samples() -> Iterator[Sample]:
    key = b"\x10\x02\x00\x9d\x01\x2a\x80\x02\xe0\x01"
    for title, payload in (
        ("key-frame", key),
        ("with-all-fields", b"\x90\xf0\x81\x23\x45\x6a" + key[1:]),
        ("picture-id-of-7-bits", b"\x90\x80\x7f" + key[1:]),
        ("delta-frame", b"\x90\xe0\x81\x24\x45\x40\x01\0\0"),
        ("second-partition", b"\x81\x80\x01\0\0"),
        ("extension-byte-missing", b"\x90"),
        ("picture-id-cut", b"\x90\x80\x81"),
        ("nothing-behind-the-descriptor", b"\x90\xf0\x81\x23\x45\x6a"),
    ):
        yield f"vp8-{title}", b"\0" + payload
    for title, payload in (
        ("key-frame", b"\x88\x81\x23\x2a\0\x40data"),
        ("flexible-with-references", b"\xf4\x01\x09\x05\x03\x04data"),
        ("structure", b"\x8a\x05\x18\x02\x80\x01\x68\x02\x04\x14\x01\x02data"),
        ("eight-resolutions-missing", b"\x0a\xf8"),
        ("four-references", b"\x58\x03\x03\x03\x03data"),
        ("255-pictures-in-the-structure", b"\x0a\x08\xff\x0c\x0c"),
        ("cut-after-the-first-byte", b"\xff"),
    ):
        yield f"vp9-{title}", b"\1" + payload
    for title, payload in (
        ("idr", b"\x65\x88\x84"),
        ("sps-and-idr-in-stap-a", b"\x78\0\x04\x67\x42\0\x1f\0\x03\x65\x88\x84"),
        ("fu-a-first", b"\x7c\x85\x88\x84"),
        ("fu-a-last", b"\x7c\x45\x88\x84"),
        ("stap-a-of-a-lying-length", b"\x78\xff\xff\x67\x42"),
        ("stap-a-of-length-zero", b"\x78\0\0\x67\x42\0\0"),
        ("stap-a-cut-in-its-length", b"\x78\0\x02\x67\x42\0"),
        ("one-byte", b"\x65"),
    ):
        yield f"h264-{title}", b"\2" + payload
    for title, payload in (
        ("new-sequence", b"\x18\x0a\x0b\0\0\0\x24\xc4"),
        ("two-obus", b"\x20\x03\x0a\x01\x02\x32\x10\x07"),
        ("with-layers", b"\x10\x36\x48\x10\x07"),
        ("size-past-the-end", b"\x00\xff\x7f\x0a"),
        ("size-of-nine-bytes", b"\x00" + b"\xff" * 9),
        ("fragment-of-a-new-sequence", b"\x98\x0a\x0b"),
        ("aggregation-header-alone", b"\x20"),
    ):
        yield f"av1-{title}", b"\3" + payload
    yield "opus-dtx", bytes((OPUS, 0xF8))
    yield "opus-code-2", bytes((OPUS, 0xFA, 0))
    yield from _dependency_descriptors()


def _dependency_descriptors() -> Iterator[Sample]:
    structure = L2T2
    first = DependencyDescriptor(True, True, 0, 1, structure.templates[0], structure, 0b1111)
    key = serialize_dependency_descriptor(first, structure)
    later = serialize_dependency_descriptor(
        DependencyDescriptor(True, False, 3, 2, structure.templates[3]), structure
    )
    custom = FrameTemplate(0, 1, (Indication.REQUIRED,) * 4, (1, 17, 257), (0, 255))
    other = DependencyDescriptor(False, True, 1, 3, custom, None, 0b0011)
    custom_value = serialize_dependency_descriptor(other, structure)
    for title, values in (
        ("key-then-delta", (key, later)),
        ("key-then-custom", (key, custom_value)),
        ("delta-without-structure", (later, later)),
        ("structure-cut", (key[:9], later)),
        ("template-that-is-not-there", (key, b"\xbf\0\2")),
        ("two-bytes", (b"\x80\0", b"")),
        ("seventy-templates", (b"\x80\0\1\x80\x07" + bytes(20), later)),
        ("frame-diffs-without-end", (key, b"\x80\0\2\x10" + b"\x55" * 200)),
        ("layers-without-end", (b"\x80\0\1\x80\0" + b"\xaa" * 60, later)),
    ):
        yield f"dd-{title}", bytes((DEPENDENCY_DESCRIPTOR, len(values[0]))) + values[0] + values[1]


# -- DTLS ----------------------------------------------------------------------------------------------------


def _hello(mtu: int = 1200) -> list[bytes]:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_options(SSL.OP_NO_QUERY_MTU)
    context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
    connection = SSL.Connection(context, None)
    connection.set_ciphertext_mtu(mtu)
    connection.set_connect_state()
    with suppress(SSL.WantReadError):
        connection.do_handshake()
    output, found = connection.bio_read(1 << 16), []
    while output:
        size = 13 + int.from_bytes(output[11:13])
        found.append(output[:size])
        output = output[size:]
    return found


def _record(kind: int, body: bytes, epoch: int = 0, version: int = 0xFEFD) -> bytes:
    return struct.pack("!BHHHIH", kind, version, epoch, 0, 9, len(body)) + body


def dtls_samples() -> Iterator[Sample]:
    (hello,) = _hello()
    yield "hello", script(hello)
    yield "hello-twice", script(hello, hello)
    yield "hello-in-pieces", script(*_hello(256))
    yield "hello-after-a-second", script(hello, waits=True)
    yield "hello-cut", script(hello[:60], hello[60:])
    yield "hello-without-ciphers", script(hello[:-60] + bytes(60), hello)
    yield "record-length-past-the-end", script(hello[:11] + b"\xff\xff" + hello[13:], hello)
    yield "handshake-length-lies", script(hello[:14] + b"\xff\xff\xff" + hello[17:])
    pieces = [_record(22, b"\1\1\x5f\x90\0\0" + (at * 100).to_bytes(3) + b"\0\0\x64" + bytes(100))
              for at in range(11)]  # fmt: skip
    yield "eleven-fragments-of-90000-bytes", script(*pieces)
    yield "plaintext-alerts", script(_record(21, b"\2\x28"), _record(21, b"\1\0"), hello)
    yield "application-data", script(_record(23, b"sctp"), _record(23, b"sctp", 1))
    yield "change-cipher-spec-first", script(_record(20, b"\1"), hello)
    yield "epoch-1-junk", script(_record(22, bytes(40), 1), _record(21, bytes(24), 1), hello)
    yield "epoch-9", script(_record(22, bytes(40), 9))
    yield "tls-record", script(_record(22, bytes(40), 0, 0x0303))
    yield "dtls-1.0-record", script(_record(22, hello[13:], 0, 0xFEFF))
    yield "empty-records", script(_record(22, b"") * 20)
    yield "junk-behind-a-hello", script(hello + b"\x16\xfe")
    yield "thirteen-bytes", script(hello[:13])


# -- the whole way in ----------------------------------------------------------------------------------------


def _publisher(*packets: RtpPacket) -> bytes:
    return b"".join(step(Step.PUBLISHER_RTP, packet.serialize()) for packet in packets)


def _learnt_ssrcs() -> tuple[int, int]:
    """What the worker of ``tests.fuzz.receive`` calls its outgoing video, and the repairs of it."""
    from tests.fuzz.receive import World

    consumer = World().consumers[0]
    return consumer.ssrc, consumer.rtx_ssrc or 0


def receive_samples() -> Iterator[Sample]:
    ssrc, rtx_ssrc = _learnt_ssrcs()
    key, wait = vp8(CAMERA, 1, key=True), step(Step.WAIT, length=20)
    deltas = [vp8(CAMERA, number, timestamp=3000 * number, picture_id=number) for number in range(2, 8)]
    sounds = [rtp(MICROPHONE, number, timestamp=960 * number) for number in range(5)]
    start = _publisher(key, *deltas)
    yield "video-and-sound", start + _publisher(*sounds) + wait
    yield (
        "loss-and-rtx",
        _publisher(key, deltas[0], deltas[3], deltas[4])
        + wait
        + _publisher(rtx(CAMERA_RTX, 1, deltas[1]), rtx(CAMERA_RTX, 2, deltas[2])),
    )
    yield "duplicates-and-disorder", _publisher(key, *reversed(deltas), *deltas)
    yield "probes", start + _publisher(padding_only(CAMERA, 8), padding_only(CAMERA_RTX, 9), vp8(CAMERA, 9))
    yield "rtx-of-rtx", start + _publisher(rtx(CAMERA_RTX, 1, rtx(CAMERA_RTX, 0, deltas[1])))
    yield "rtx-without-a-number", start + _publisher(rtp(CAMERA_RTX, 1, payload_type=97, payload=b"\0"))
    yield "jump-and-restart", start + _publisher(*(vp8(CAMERA, n, key=True) for n in (40000, 40001, 8, 9)))
    yield "wrap", _publisher(*(vp8(CAMERA, n, key=True) for n in (65534, 65535, 0, 1)))
    yield "unknown-ssrc-and-type", _publisher(rtp(0xABC, 1), rtp(CAMERA, 1, payload_type=70), key)
    yield "ssrc-0-and-highest", _publisher(rtp(0, 1), rtp(0xFFFFFFFF, 1))
    yield (
        "odd-extensions",
        _publisher(
            vp8(CAMERA, 1, key=True, elements={4: b"\xff" * 16, 10: b"a/b<", 1: b"\x80"}),
            rtp(MICROPHONE, 1, elements={4: b"m" * 255, 1: bytes(200)}),
        ),
    )
    yield (
        "descriptor-cut",
        _publisher(*(rtp(CAMERA, n, payload_type=96, payload=b"\x90\xff"[:n]) for n in (1, 2))),
    )
    yield "largest", _publisher(vp8(CAMERA, 1, key=True, size=1488), vp8(CAMERA, 2, size=1489))
    yield "rtp-from-the-viewer", step(Step.VIEWER_RTP, key.serialize())
    numbers = tuple(range(65536 - 40, 65536)) + tuple(range(40))
    nack = Nack(1, ssrc, numbers).serialize()
    yield "nack-of-the-viewer", start + step(Step.VIEWER_RTCP, nack) + wait + step(Step.VIEWER_RTCP, nack)
    asking = serialize_compound(
        [PictureLossIndication(1, ssrc), FullIntraRequest(1, 0, (FirEntry(ssrc, 1),))]
    )
    yield "key-frames-asked-for", start + step(Step.VIEWER_RTCP, asking) * 5
    yield "feedback-for-repairs", start + step(Step.VIEWER_RTCP, Nack(1, rtx_ssrc, (1, 2)).serialize())
    block = ReportBlock(ssrc, 255, -1, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF)
    yield "absurd-report", start + step(Step.VIEWER_RTCP, ReceiverReport(1, (block,)).serialize())
    report = SenderReport(CAMERA, 2**64 - 1, 2**32 - 1, 0, 0)
    yield (
        "clock-of-the-publisher",
        start + step(Step.PUBLISHER_RTCP, report.serialize()) + step(Step.WAIT, length=3000),
    )
    for title, sample in rtcp_samples():
        if title in ("extended-report", "remb-of-2-to-the-81", "feedback-about-65535-in-nine-runs"):
            yield f"rtcp-{title}", step(Step.VIEWER_RTCP, sample) + step(Step.PUBLISHER_RTCP, sample) + wait
    raw = (
        start
        + step(Step.RAW, key.serialize())
        + step(Step.RAW, bytes(40))
        + step(Step.RAW, b"\x80\xc8" + bytes(30))
    )
    yield (
        "forged",
        raw + step(Step.RAW_STRANGER, key.serialize()) + step(Step.RAW, b"\x16\xfe\xfd" + bytes(30)),
    )
    yield "network-changed", start + step(Step.CHECK, b"\0\3") + step(Step.CHECK, b"\0\7abc") + wait
    yield (
        "signaling-in-between",
        b"".join(
            step(Step.CONTROL, bytes((choice,))) + _publisher(vp8(CAMERA, choice + 1, key=True))
            for choice in range(16)
        ),
    )
    lowest_only = step(Step.CONTROL, b"\x0c")
    known = b"".join(_publisher(packet) + step(Step.WAIT, length=100) for packet in layered_beginning())
    for title, packets in layered_samples():
        yield f"layered-{title}", known + lowest_only + _publisher(*packets)
    yield "outage", start + step(Step.WAIT, length=3000) * 12 + _publisher(vp8(CAMERA, 9, key=True))


TARGETS = {
    "stun": stun_samples,
    "rtp": rtp_samples,
    "rtcp": rtcp_samples,
    "payloads": payload_samples,
    "dtls": dtls_samples,
    "receive": receive_samples,
}

if __name__ == "__main__":
    main()
