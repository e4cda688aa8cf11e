"""The bytes that have come and are not read yet: what every streaming parser of this folder reads from.

Bounded: it holds one chunk, and at most the one block that the parser is still waiting for.
"""

from collections.abc import Iterator
from typing import Protocol

from rtpfwd.wire import Buffer
from rtpfwd.wire.captures.items import FrameItem


class FormatParser(Protocol):
    """What every format's parser can do. Drive it by ``feed``, ``items``, ``feed``, ..., ``end``."""

    truncated: bool
    """After ``end``: the file stops in the middle of something."""

    def feed(self, data: Buffer) -> None:
        """Takes the next bytes of the file."""
        ...

    def items(self) -> Iterator[FrameItem]:
        """Gives what the bytes so far complete; raises ``MalformedPacket`` where the file makes no sense.

        After an error the parser is of no further use.
        """
        ...

    def end(self) -> Iterator[FrameItem]:
        """The file is over: gives what only its end completes. Raises as ``items`` does."""
        ...


class ByteSource:
    """A queue of bytes with a read position; ``position`` is that position in the file."""

    __slots__ = ("_buffer", "_offset", "position")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._offset = 0
        self.position = 0

    def __len__(self) -> int:
        return len(self._buffer) - self._offset

    def feed(self, data: Buffer) -> None:
        """Appends the next bytes of the file."""
        del self._buffer[: self._offset]
        self._offset = 0
        self._buffer += data

    def peek(self, size: int) -> bytes:
        """The next ``size`` bytes, or what there is of them."""
        return bytes(self._buffer[self._offset : self._offset + size])

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes, which must be there, and steps over them."""
        taken = bytes(self._buffer[self._offset : self._offset + size])
        self._offset += size
        self.position += size
        return taken

    def find(self, what: bytes, limit: int) -> int:
        """How far ahead ``what`` starts, within the next ``limit`` bytes; -1 when it does not."""
        found = self._buffer.find(what, self._offset, self._offset + limit)
        return found - self._offset if found >= 0 else -1
