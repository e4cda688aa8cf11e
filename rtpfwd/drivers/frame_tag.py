"""What an encoder model writes into each packet about its frame, for a decoder model that wants to know the
truth: descriptors are what an SFU may rewrite, this is what the frame really needs.

It stands in front of the mark at the payload's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from rtpfwd.drivers.fake_media import MARK_SIZE

_TAG = Struct("!IIIBBBBHHII")
_MAGIC = 0x66726D65
_NONE = 0xFFFF_FFFF
TAG_SIZE = _TAG.size


@dataclass(frozen=True, slots=True)
class FrameTag:
    """``stream`` is one for each RTP stream of a publisher, ``frame`` counts its frames (layer frames)
    from 0; ``references`` are such numbers, two at most.
    """

    stream: int
    frame: int
    encoding: int
    temporal: int
    key: bool
    width: int
    height: int
    references: tuple[int, ...]

    def serialize(self) -> bytes:
        """The tag's bytes."""
        first, second = (*self.references, _NONE, _NONE)[:2]
        return _TAG.pack(
            _MAGIC, self.stream, self.frame, self.encoding, self.temporal, self.key, 0,
            self.width, self.height, first, second,
        )  # fmt: skip


def read_frame_tag(payload: bytes) -> FrameTag | None:
    """The tag of a payload that came from an encoder model, else ``None``."""
    at = len(payload) - MARK_SIZE - TAG_SIZE
    if at < 0:
        return None
    magic, stream, frame, encoding, temporal, key, _, width, height, *references = _TAG.unpack_from(
        payload, at
    )
    if magic != _MAGIC:
        return None
    return FrameTag(
        stream, frame, encoding, temporal, bool(key), width, height,
        tuple(one for one in references if one != _NONE),
    )  # fmt: skip
