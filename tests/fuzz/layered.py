"""Samples of a stream with dependency descriptors: two spatial and two temporal layers, and lies."""

from __future__ import annotations

from collections.abc import Iterator

from rtpfwd.drivers.fake_media import EXTENSION_IDS, VIDEO_PAYLOAD_TYPES
from rtpfwd.wire.header_extensions import DEPENDENCY_DESCRIPTOR
from rtpfwd.wire.payloads.dependency_descriptor import (
    DependencyDescriptor,
    DependencyStructure,
    FrameTemplate,
    Indication,
    serialize_dependency_descriptor,
)
from rtpfwd.wire.rtp import RtpPacket
from tests.fuzz.receive import LAYERED
from tests.support.packets import rtp

ABSENT, DISCARDABLE, SWITCH, REQUIRED = Indication
L2T2 = DependencyStructure(
    template_id_offset=0,
    decode_targets=4,
    templates=(
        FrameTemplate(0, 0, (SWITCH, SWITCH, SWITCH, SWITCH), (), (0, 0)),
        FrameTemplate(0, 1, (ABSENT, DISCARDABLE, ABSENT, REQUIRED), (2,), (2, 1)),
        FrameTemplate(1, 0, (ABSENT, ABSENT, SWITCH, SWITCH), (1,), (1, 1)),
        FrameTemplate(1, 1, (ABSENT, ABSENT, ABSENT, DISCARDABLE), (2, 1), (3, 2)),
    ),
    chains=2,
    protected_by=(0, 0, 1, 1),
    resolutions=((320, 180), (640, 360)),
)
MANY_TARGETS = DependencyStructure(
    20,
    32,
    (FrameTemplate(0, 0, (SWITCH,) * 32), FrameTemplate(0, 1, (DISCARDABLE,) * 16 + (ABSENT,) * 16, (1,))),
)


def layered_beginning() -> tuple[RtpPacket, ...]:
    """A second of pictures, after which the server knows what each layer costs and may leave some out."""
    return _packet(1, L2T2, 0, 1, attach=True), *(
        _packet(n, L2T2, (0, 2, 1, 3)[n % 4], n) for n in range(2, 16)
    )


def layered_samples() -> Iterator[tuple[str, tuple[RtpPacket, ...]]]:
    """(title, packets of the publisher that follow) each."""
    key = (_packet(21, L2T2, 0, 21, attach=True), _packet(22, L2T2, 2, 22))
    deltas = tuple(_packet(number, L2T2, number & 3, number) for number in range(23, 32))
    yield "pictures", (*key, *deltas)
    yield "disorder", (*key, *reversed(deltas))
    yield "lost-base", (*key, *deltas[2:])
    yield "frame-numbers-wrap", (*key, *(_packet(n, L2T2, 1, n + 65510) for n in range(23, 32)))
    yield "given-up", (*key, _packet(23, L2T2, 0, 23, active=1), _packet(24, L2T2, 1, 24, active=0))
    payload_type = VIDEO_PAYLOAD_TYPES["AV1"]
    yield "descriptor-lost", (*key, rtp(LAYERED, 23, payload_type=payload_type, payload=b"\x10\x30"))
    yield "structure-of-before", (
        *key, _packet(23, MANY_TARGETS, 0, 23, attach=True), _packet(24, L2T2, 0, 21),
        _packet(25, MANY_TARGETS, 1, 24),
    )  # fmt: skip


def _packet(
    number: int,
    structure: DependencyStructure,
    template: int,
    frame: int,
    *,
    attach: bool = False,
    active: int | None = None,
) -> RtpPacket:
    descriptor = DependencyDescriptor(
        True, True, structure.template_id_offset + template & 63, frame & 0xFFFF,
        structure.templates[template], structure if attach else None, active,
    )  # fmt: skip
    value = serialize_dependency_descriptor(descriptor, structure)
    return rtp(
        LAYERED, number, timestamp=3000 * (frame // 2), payload_type=VIDEO_PAYLOAD_TYPES["AV1"],
        payload=b"\x10\x30 frame", marker=True,
        elements={EXTENSION_IDS[DEPENDENCY_DESCRIPTOR]: value},
    )  # fmt: skip
