"""A DTLS client's first flights cut into pieces of another size on their way out, as some stacks send them.

Handshake messages in the clear are put together and cut anew (RFC 6347 §4.2.3: fragmentation is not part of
the transcript, so any cut is legal), and every record in the clear gets a fresh number, as there may be more
pieces than the original had. Each piece goes out in a datagram of its own.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from struct import Struct

RECORD = Struct("!BHHIHH")  # type, version, epoch, number (32 bits high, 16 low), length
HANDSHAKE = 22
CLIENT_HELLO = 1
HEADER = 12  # type 1, length 3, message number 2, fragment offset 3, fragment length 3 (RFC 6347 §4.2.2)

Send = Callable[[bytes], Awaitable[None]]


class HelloSplitter:
    """Stands between aiortc's DTLS and its ICE: ``transport._send`` is replaced by ``send``.

    ``piece`` is the largest handshake fragment in bytes, ``shuffle`` sends what was one datagram in a random
    order, ``repeat`` sends every piece twice.
    """

    def __init__(
        self, forward: Send, *, piece: int = 255, shuffle: bool = False, repeat: bool = False
    ) -> None:
        self._forward = forward
        self._piece = piece
        self._random = random.Random(1) if shuffle else None
        self._repeat = repeat
        self._number = 0
        self._message = b""
        self.hello_bytes = self.hello_pieces = 0
        """Of the last ClientHello."""

    async def send(self, data: bytes) -> None:
        """Cuts a datagram of DTLS; all else passes."""
        if not 20 <= data[0] < 64:
            await self._forward(data)
            return
        datagrams: list[bytes] = []
        while data:
            kind, version, epoch, _, _, length = RECORD.unpack_from(data)
            record, data = data[: RECORD.size + length], data[RECORD.size + length :]
            assert len(record) == RECORD.size + length, "a record was torn: make the flight smaller"
            body = record[RECORD.size :]
            if epoch != 0:
                datagrams.append(record)
                continue
            for piece in self._cut(body) if kind == HANDSHAKE else [body]:
                for _ in range(1 + self._repeat):
                    high, low = divmod(self._number, 1 << 16)
                    datagrams.append(RECORD.pack(kind, version, 0, high, low, len(piece)) + piece)
                    self._number += 1
        if self._random is not None:
            self._random.shuffle(datagrams)
        for datagram in datagrams:
            await self._forward(datagram)

    def _cut(self, fragment: bytes) -> list[bytes]:
        """The new fragments of a message once its last fragment came; they come in order here."""
        head, total, offset = fragment[:6], int.from_bytes(fragment[1:4]), int.from_bytes(fragment[6:9])
        self._message = self._message[:offset] + fragment[HEADER:]
        if len(self._message) < total:
            return []
        starts = range(0, max(total, 1), self._piece)
        parts = [self._message[at : at + self._piece] for at in starts]
        if head[0] == CLIENT_HELLO:
            self.hello_bytes, self.hello_pieces = total, len(parts)
        return [
            head + at.to_bytes(3) + len(part).to_bytes(3) + part
            for at, part in zip(starts, parts, strict=True)
        ]
