"""Which parser describes which MIME type. Audio has no layers and no key frames, hence no parser."""

from rtpfwd.wire.payloads.av1 import parse_av1
from rtpfwd.wire.payloads.base import DescriptorParser
from rtpfwd.wire.payloads.h264 import parse_h264
from rtpfwd.wire.payloads.vp8 import parse_vp8
from rtpfwd.wire.payloads.vp9 import parse_vp9


def descriptor_parser(mime_type: str) -> DescriptorParser | None:
    """The parser for a MIME type such as ``video/VP8``, in any case; None when there is none for it."""
    return _PARSERS.get(mime_type.lower())


_PARSERS: dict[str, DescriptorParser] = {
    "video/vp8": parse_vp8,
    "video/vp9": parse_vp9,
    "video/h264": parse_h264,
    "video/av1": parse_av1,
}
