"""The wire between a browser and the server's HTTP port, for a test to cut.

Only signaling goes through it: media takes its own way by UDP, which is the point.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CHUNK = 65_536


class Line:
    """A TCP relay on the loopback address. Use ``line_to``."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._up = True
        self._deaf = False
        self._ends: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """The server, as seen through the line."""
        return f"http://localhost:{self.port}"

    def deafen(self) -> None:
        """From now on the server hears the browser, and the browser hears nothing."""
        self._deaf = True

    def cut(self) -> None:
        """Breaks all connections without a word and refuses new ones until ``mend``."""
        self._up = self._deaf = False
        for end in list(self._ends):
            end.transport.abort()

    def mend(self) -> None:
        """Lets connections through again."""
        self._up = True

    def lead_to(self, port: int) -> None:
        """New connections end at another port of this machine."""
        self._target_port = port

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, both ways, until either side ends."""
        if not self._up:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        ends = {writer, far_writer}
        self._ends |= ends
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer, back=True))
        except OSError:
            pass  # cut
        finally:
            self._ends -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool = False
    ) -> None:
        while data := await reader.read(CHUNK):
            if not (back and self._deaf):
                writer.write(data)
                await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


@asynccontextmanager
async def line_to(port: int) -> AsyncIterator[Line]:
    """A line to a port of this machine."""
    line = Line(port)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        line.cut()
        await server.wait_closed()
