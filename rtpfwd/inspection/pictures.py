"""Frames, key frames, layers and sizes of one video stream.

A frame is a timestamp (RFC 3550 §5.1: all packets of a picture share it); spatial layers of one picture are
one frame. Layers come from the dependency descriptor where the description names its id, else from payloads.
"""

from rtpfwd.errors import MalformedPacket
from rtpfwd.inspection.resolutions import Resolution, find_resolution
from rtpfwd.inspection.series import Keep, Series
from rtpfwd.wire.payloads.base import PayloadDescriptor
from rtpfwd.wire.payloads.dependency_descriptor import (
    DependencyStructure,
    describe,
    parse_dependency_descriptor,
)
from rtpfwd.wire.payloads.registry import descriptor_parser

RECENT_FRAMES = 128
MAX_RESOLUTIONS = 64


class Pictures:
    """Feed it the packets of one video stream that carry payload, repairs left out."""

    def __init__(self, mime_type: str, origin_us: int) -> None:
        self.frames = 0
        self.key_frames = 0
        self.frame_series = Series(origin_us, Keep.SUM)
        self.key_frame_series = Series(origin_us, Keep.SUM)
        self.layers: dict[tuple[int, int], tuple[int, int]] = {}
        """(spatial, temporal) layer to packets and bytes."""
        self.resolutions: list[tuple[int, Resolution]] = []
        """When the size changed, and to what."""
        self.has_layers = False
        self._mime_type = mime_type
        self._is_vp9 = mime_type.lower() == "video/vp9"
        self._parse = descriptor_parser(mime_type)
        self._structure: DependencyStructure | None = None
        self._recent: dict[int, bool] = {}  # timestamps, and whether a key frame was seen in them

    def receive(
        self, timestamp: int, payload: bytes, size: int, time_us: int, dependency: bytes | None
    ) -> None:
        """Takes in one packet of ``size`` bytes in all; ``dependency`` is its dependency descriptor."""
        described = self._describe(payload, dependency)
        seen_key = self._recent.get(timestamp)
        if seen_key is None:
            self.frames += 1
            self.frame_series.add(time_us, 1)
            if len(self._recent) >= RECENT_FRAMES:
                del self._recent[next(iter(self._recent))]
            self._recent[timestamp] = False
        if described is None:
            return
        if described.is_keyframe:
            if not seen_key:
                self.key_frames += 1
                self.key_frame_series.add(time_us, 1)
                self._recent[timestamp] = True
            self._see_resolution(find_resolution(self._mime_type, payload), time_us)
        layer = described.spatial_layer, described.temporal_layer
        packets, size_before = self.layers.get(layer, (0, 0))
        self.layers[layer] = packets + 1, size_before + size

    def _describe(self, payload: bytes, dependency: bytes | None) -> PayloadDescriptor | None:
        if dependency is not None:
            try:
                descriptor, self._structure = parse_dependency_descriptor(dependency, self._structure)
                return describe(descriptor, self._structure)
            except (MalformedPacket, ValueError):
                pass
        if self._parse is None:
            return None
        described = self._parse(payload)
        # Senders outside WebRTC (FFmpeg) leave all of the descriptor but B and E empty, P included.
        # Bit 2 of VP9's own first byte (profiles 0 to 2) then tells: 1 is not a key frame.
        if described.is_keyframe and self._is_vp9 and payload[0] & 0xF2 == 0 and payload[1] & 4:
            described.is_keyframe = False
        return described

    def _see_resolution(self, resolution: Resolution | None, time_us: int) -> None:
        if resolution is None and self._structure is not None and self._structure.resolutions:
            resolution = self._structure.resolutions[-1]
        if resolution is None or (self.resolutions and self.resolutions[-1][1] == resolution):
            return
        if len(self.resolutions) < MAX_RESOLUTIONS:
            self.resolutions.append((time_us, resolution))
