"""The one shape in which every codec's payload is described to the layer logic."""

from dataclasses import dataclass
from typing import Protocol

from rtpfwd.wire import Buffer


@dataclass(slots=True)
class PayloadDescriptor:
    """One packet's place in its stream. The defaults are what a payload means that makes no sense.

    ``is_keyframe``: a key frame starts in this packet; a receiver can begin here. ``begins_picture`` and
    ``ends_picture``: first and last packet of a frame, of one spatial layer where there are several. Few
    codecs mark the end in the payload; where ``ends_picture`` is False, the RTP marker tells.
    ``switching_up_point``: who was served fewer temporal layers may be served this frame's layer from here
    on. ``picture_id`` has ``picture_id_bits`` bits (7 or 15; 0 when absent); ``tl0_picture_index`` has 8.
    Both are None when absent.
    """

    is_keyframe: bool = False
    spatial_layer: int = 0
    temporal_layer: int = 0
    begins_picture: bool = False
    ends_picture: bool = False
    switching_up_point: bool = False
    picture_id: int | None = None
    picture_id_bits: int = 0
    tl0_picture_index: int | None = None


class DescriptorParser(Protocol):
    """Describes the payload ``data[start:end]`` (``end`` None: to the end). Never raises."""

    def __call__(self, data: Buffer, start: int = 0, end: int | None = None) -> PayloadDescriptor:
        """Describes one payload."""
        ...
