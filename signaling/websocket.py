"""One client's WebSocket with everything bounded: rate and size inward, queue and patience outward.

python-engineio pulls frames with ``wait`` and pushes them with ``send``, one task for each direction and
client, so a slow client holds up nobody else and its events stay in order. This class stands in for
engineio's aiohttp wrapper (``engineio.async_drivers.aiohttp.WebSocket``) and keeps its three methods.

A frame costs one token of the socket's bucket. Without tokens frames wait, in order, as a part-1 client may
burst when it joins a large room; a backlog over ``pending_events`` or ``queue_bytes`` is abuse and closes the
socket.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from .packets import admit
from .settings import Limits

CLOSE_HANDSHAKE_S = 2.0
SHORTEST_WAIT_S = 0.001  # zero would mean "no timeout" to aiohttp


class TokenBucket:
    """``rate`` tokens a second, at most ``burst`` saved up. Times are seconds of one monotonic clock."""

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Takes one token if there is one."""
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def delay(self) -> float:
        """Seconds from the last ``take`` until there is a token."""
        return max(0.0, (1.0 - self._tokens) / self._rate)


class OutgoingQueue(asyncio.Queue[Any]):
    """Engine.IO packets that wait for one client; over the limit it calls ``on_overflow``, once.

    On a WebSocket (``until_sent``) a packet counts until TCP has taken it, on polling until the client
    fetched it. What is over the limit is dropped: the socket is about to close, and a client that resumes is
    told the state anew.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits
        self.messages = 0
        self.bytes = 0
        self.until_sent = False
        self.overflowed = False
        self.on_overflow: Callable[[], None] = lambda: None

    def put_nowait(self, item: Any) -> None:
        """Queues a packet; ``None`` is engineio's end mark and always fits."""
        if item is not None:
            size = _size(item)
            if self.messages >= self._limits.queue_messages or self.bytes + size > self._limits.queue_bytes:
                if not self.overflowed:
                    self.overflowed = True
                    self.on_overflow()
                return
            self.messages += 1
            self.bytes += size
        super().put_nowait(item)

    def get_nowait(self) -> Any:
        """The next packet."""
        item = super().get_nowait()
        if item is not None and not self.until_sent:
            self.messages -= 1
            self.bytes -= _size(item)
        return item

    def sent(self, frame: str) -> None:
        """A frame left for the client's TCP."""
        if self.until_sent:
            self.messages -= 1
            self.bytes -= len(frame) - 1 if frame[:1] == "4" else 0


class GuardedWebSocket:
    """What engineio reads from and writes to."""

    def __init__(self, handler: Any, server: Any) -> None:
        limits: Limits = server.limits
        socket = handler.__self__  # the engine socket whose loop this feeds
        socket.guard = self
        self._handler = handler
        self._queue: OutgoingQueue = socket.queue
        self._bucket: TokenBucket = socket.bucket
        self._limits = limits
        self._upgrading: bool = socket.connected  # it began with polling
        self._backlog: deque[str] = deque()
        self._backlog_bytes = 0
        self._request: web.Request | None = None
        self._response = web.WebSocketResponse(
            max_msg_size=limits.message_bytes, compress=False, timeout=CLOSE_HANDSHAKE_S
        )

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        """Serves the connection until it ends."""
        self._request = environ["aiohttp.request"]
        await self._response.prepare(self._request)
        self._queue.until_sent = not self._upgrading
        await self._handler(self)
        return self._response

    async def wait(self) -> str:
        """The next admissible frame, as fast as the rate allows.

        Raises ``OSError`` when the connection ends.
        """
        while True:
            frame = await self._next_paid()
            if frame == "5":
                self._upgrading = False
                self._queue.until_sent = True
            if frame:
                return frame

    async def _next_paid(self) -> str:
        """The next frame when there is a token for it; the empty string stands for one that is refused."""
        while True:
            if self._backlog and self._bucket.take(time.monotonic()):
                frame = self._backlog.popleft()
                self._backlog_bytes -= len(frame)
                return frame
            patience = max(self._bucket.delay(), SHORTEST_WAIT_S) if self._backlog else None
            try:
                message = await self._response.receive(patience)
            except TimeoutError:
                continue
            if message.type is WSMsgType.TEXT:
                frame = admit(message.data, upgrading=self._upgrading) or ""
            elif message.type is WSMsgType.BINARY:
                frame = ""
            else:
                raise ConnectionError("the client closed the connection")
            if not self._backlog and self._bucket.take(time.monotonic()):
                return frame
            await self._hold(frame)

    async def _hold(self, frame: str) -> None:
        self._backlog.append(frame)
        self._backlog_bytes += len(frame)
        limits = self._limits
        if len(self._backlog) > limits.pending_events or self._backlog_bytes > limits.queue_bytes:
            await self._response.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too many events")
            raise ConnectionError("the client sent too many events")

    async def send(self, message: str) -> None:
        """Hands one frame to TCP; a client that does not take it in time loses its connection
        (``TimeoutError``).
        """
        try:
            async with asyncio.timeout(self._limits.send_deadline_s):
                await self._response.send_str(message)
        except TimeoutError:
            self.abort()
            raise
        self._queue.sent(message)

    async def close(self) -> None:
        """Ends the connection with a close frame.

        One that is gone already is left as it is: the engine's writer comes here when a write fails, and
        what the client had sent before it went, its goodbye above all, is still to be read.
        """
        transport = self._request.transport if self._request is not None else None
        if transport is not None and not transport.is_closing():
            await self._response.close()

    def abort(self) -> None:
        """Cuts the TCP connection: for a client that does not read, to which a close frame would not get
        through.
        """
        if self._request is not None and self._request.transport is not None:
            self._request.transport.abort()


def _size(item: Any) -> int:
    return len(item.data) if isinstance(item.data, str) else 0
