"""Janus's recordings (``.mjr``), reading only: the RTP of one stream.

Source: Janus's ``record.c``, version 2 of the format: ``MJR00002``, a length and JSON about the recording;
then for each packet ``MEET``, milliseconds since the first one, a length and the packet, big endian.
Left out: version 1, which has no times, and data channels.
"""

import json
from collections.abc import Iterator
from struct import unpack

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire import Buffer
from rtpfwd.wire.captures.items import CapturedFrame, FrameItem, Interface, LinkType
from rtpfwd.wire.captures.source import ByteSource

MAGIC = b"MJR00002"
MAGIC_1 = b"MEETECHO"
FRAME_MAGIC = b"MEET"
HEAD_SIZE = 10
FRAME_HEADER_SIZE = 10


class MjrParser:
    """See ``source.FormatParser``. The interface's description tells the medium and its codec."""

    def __init__(self) -> None:
        self.truncated = False
        self._source = ByteSource()
        self._start_us: int | None = None

    def feed(self, data: Buffer) -> None:
        """Takes the next bytes of the file."""
        self._source.feed(data)

    def items(self) -> Iterator[FrameItem]:
        """Gives what the bytes so far complete.

        Raises ``MalformedPacket`` for version 1, a recording of data, JSON that is none, and a frame without
        its magic.
        """
        source = self._source
        if self._start_us is None:
            interface = self._read_head()
            if interface is None:
                return
            yield interface
        start_us = self._start_us or 0
        while len(source) >= FRAME_HEADER_SIZE:
            magic, offset_ms, size = unpack("!4sIH", source.peek(FRAME_HEADER_SIZE))
            if magic != FRAME_MAGIC:
                raise MalformedPacket(f"mjr frame at {source.position}: {magic!r}, need {FRAME_MAGIC!r}")
            if len(source) < FRAME_HEADER_SIZE + size:
                return
            data = source.take(FRAME_HEADER_SIZE + size)[FRAME_HEADER_SIZE:]
            yield CapturedFrame(start_us + offset_ms * 1000, data, LinkType.USER0, size)

    def end(self) -> Iterator[FrameItem]:
        """Tells the end of the file. Raises ``MalformedPacket`` when even its header is not whole."""
        if self._start_us is None:
            raise MalformedPacket(f"mjr file of {len(self._source)} bytes: need a whole header")
        self.truncated = len(self._source) > 0
        return iter(())

    def _read_head(self) -> Interface | None:
        source = self._source
        head = source.peek(HEAD_SIZE)
        if head.startswith(MAGIC_1):
            raise MalformedPacket("mjr recording of version 1, which has no times: need version 2")
        if len(head) < HEAD_SIZE:
            return None
        if not head.startswith(MAGIC):
            raise MalformedPacket(f"mjr magic {head[:8]!r}: need {MAGIC!r}")
        size = HEAD_SIZE + int.from_bytes(head[8:])
        if len(source) < size:
            return None
        try:
            about = json.loads(source.take(size)[HEAD_SIZE:])
            medium, start_us = str(about["t"]), int(about.get("u", 0))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise MalformedPacket(f"mjr header at {HEAD_SIZE}: {error!r}, need JSON with t and u") from None
        if medium not in ("a", "v"):
            raise MalformedPacket(f"mjr recording of {medium[:20]!r}: need a or v")
        self._start_us = max(start_us, 0)
        kind = {"a": "audio", "v": "video"}[medium]
        return Interface(0, LinkType.USER0, "", f"{kind}/{str(about.get('c', 'unknown'))[:40]}")
