"""Clients for the tests: python-socketio's own, a bare WebSocket for what no library would send, and JSON
samples.
"""

import asyncio
import itertools
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
import socketio

NAMESPACE = "/call"
PATIENCE_S = 5.0
FINGERPRINT = ":".join(["AB"] * 32)
DTLS_PARAMETERS = {"role": "client", "fingerprints": [{"algorithm": "sha-256", "value": FINGERPRINT}]}

_ssrcs = itertools.count(1000, 10)


async def until(condition: Callable[[], bool]) -> None:
    """Gives the loop turns until ``condition`` holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)


def audio_parameters(mid: str = "0") -> dict[str, Any]:
    """What Chrome's mediasoup-client sends for a microphone."""
    return {
        "mid": mid,
        "codecs": [
            {
                "mimeType": "audio/opus",
                "payloadType": 111,
                "clockRate": 48000,
                "channels": 2,
                "parameters": {"minptime": 10, "useinbandfec": 1},
                "rtcpFeedback": [{"type": "transport-cc", "parameter": ""}],
            }
        ],
        "headerExtensions": [{"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 1, "encrypt": False}],
        "encodings": [{"ssrc": next(_ssrcs), "dtx": False}],
        "rtcp": {"cname": "someone", "reducedSize": True, "mux": True},
    }


def video_parameters(mid: str = "1") -> dict[str, Any]:
    """Three simulcast layers as a part-1 client has them: RIDs, no SSRC, and an empty cname."""
    return {
        "mid": mid,
        "codecs": [
            {
                "mimeType": "video/VP8",
                "payloadType": 96,
                "clockRate": 90000,
                "parameters": {},
                "rtcpFeedback": [{"type": "nack", "parameter": ""}, {"type": "nack", "parameter": "pli"}],
            },
            {
                "mimeType": "video/rtx",
                "payloadType": 97,
                "clockRate": 90000,
                "parameters": {"apt": 96},
                "rtcpFeedback": [],
            },
        ],
        "headerExtensions": [
            {"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 1, "encrypt": False},
            {"uri": "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", "id": 2, "encrypt": False},
            {"uri": "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", "id": 3, "encrypt": False},
        ],
        "encodings": [{"active": True, "rid": f"r{n}", "scalabilityMode": "L1T3"} for n in range(3)],
        "rtcp": {"cname": "", "reducedSize": True, "mux": True},
    }


class Person:
    """A client made of python-socketio, with its pushes kept in the order of arrival."""

    def __init__(self, url: str, **headers: str) -> None:
        self._url = url
        self._headers = headers
        self._arrived = asyncio.Condition()
        self.pushes: list[tuple[str, Any]] = []
        self.sio = socketio.AsyncClient(reconnection=False, logger=False, engineio_logger=False)
        self.sio.on("*", self._push, namespace=NAMESPACE)
        self.sio.on("disconnect", self._gone, namespace=NAMESPACE)
        self.gone = asyncio.Event()
        self.answer: dict[str, Any] = {}

    async def _push(self, event: str, data: Any = None) -> None:
        async with self._arrived:
            self.pushes.append((event, data))
            self._arrived.notify_all()

    async def _gone(self, *_reason: Any) -> None:
        self.gone.set()

    async def connect(self) -> Self:
        await self.sio.connect(
            self._url, headers=self._headers, namespaces=[NAMESPACE], transports=["websocket"]
        )
        await self.push("connection-success")
        return self

    async def ask(self, event: str, payload: Any = None) -> Any:
        """The acknowledgement of a request; ``None`` sends no argument at all."""
        return await self.sio.call(event, payload, namespace=NAMESPACE, timeout=PATIENCE_S)

    async def join(self, room: str = "r", **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await self.ask("joinRoom", {"roomName": room, **more})
        assert "error" not in answer, answer
        self.answer = answer
        return answer

    async def push(self, event: str, **wanted: Any) -> Any:
        """Waits for the first push of that name whose fields are as wanted, and takes it out."""
        async with asyncio.timeout(PATIENCE_S), self._arrived:
            while True:
                for index, (name, data) in enumerate(self.pushes):
                    if name == event and all(data.get(key) == value for key, value in wanted.items()):
                        del self.pushes[index]
                        return data
                await self._arrived.wait()

    async def settled(self) -> list[str]:
        """Names of the pushes that are here once a round trip is over."""
        await self.ask("getProducers")
        await self.ask("getProducers")
        return [name for name, _ in self.pushes]

    # a part-1 client's steps

    async def transport(self, *, consumer: bool, room: str | None = None) -> dict[str, Any]:
        payload: dict[str, Any] = {"consumer": consumer}
        if room is not None:
            payload["roomName"] = room
        answer = await self.ask("createWebRtcTransport", payload)
        assert "error" not in answer["params"], answer
        params: dict[str, Any] = answer["params"]
        return params

    async def produce(self, kind: str = "audio", **more: Any) -> dict[str, Any]:
        parameters = audio_parameters() if kind == "audio" else video_parameters()
        answer: dict[str, Any] = await self.ask(
            "transport-produce", {"kind": kind, "rtpParameters": parameters, "appData": {}, **more}
        )
        assert "error" not in answer, answer
        return answer

    async def consume(self, producer_id: str) -> dict[str, Any]:
        """One receive transport for each producer, consume before connect, resume without an answer."""
        transport = await self.transport(consumer=True)
        answer = await self.ask(
            "consume",
            {
                "rtpCapabilities": self.answer["rtpCapabilities"],
                "remoteProducerId": producer_id,
                "serverConsumerTransportId": transport["id"],
            },
        )
        assert "error" not in answer["params"], answer
        connect = {"dtlsParameters": DTLS_PARAMETERS, "serverConsumerTransportId": transport["id"]}
        assert await self.ask("transport-recv-connect", connect) == {"connected": True}
        await self.sio.emit(
            "consumer-resume",
            {"serverConsumerId": answer["params"]["serverConsumerId"]},
            namespace=NAMESPACE,
        )
        params: dict[str, Any] = answer["params"]
        return {**params, "transportId": transport["id"]}

    async def leave(self) -> None:
        """Says goodbye as a browser's ``socket.disconnect()`` does (python-socketio may drop the packet)."""
        if self.sio.connected:
            await self.sio.eio.ws.send_str(f"41{NAMESPACE},")
        await self.sio.disconnect()

    async def vanish(self) -> None:
        """Loses its connection without a word."""
        self.sio.eio.ws._response.connection.transport.abort()
        await self.gone.wait()


class Wire:
    """A bare WebSocket that speaks Engine.IO by hand."""

    def __init__(self, url: str, **headers: str) -> None:
        self._url = f"{url.replace('http', 'ws', 1)}/socket.io/?EIO=4&transport=websocket"
        self._headers = headers
        self._ids = itertools.count()
        self.session = aiohttp.ClientSession()
        self.socket: aiohttp.ClientWebSocketResponse

    async def __aenter__(self) -> Self:
        await self.open()
        await self.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    async def open(self) -> None:
        """The WebSocket alone."""
        self.socket = await self.session.ws_connect(self._url, headers=self._headers, max_msg_size=1 << 24)
        assert (await self.text())[0] == "0"

    async def enter(self) -> None:
        """CONNECT to the namespace."""
        await self.socket.send_str(f"40{NAMESPACE},")
        assert (await self.text()).startswith(f"40{NAMESPACE},{{")
        assert "connection-success" in await self.text()

    async def text(self) -> str:
        """The next text frame; pings are answered. Raises ``ConnectionError`` when the server closed."""
        while True:
            message = await self.socket.receive(timeout=PATIENCE_S)
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise ConnectionError(f"closed: {message}")
            if message.data == "2":
                await self.socket.send_str("3")
                continue
            return str(message.data)

    async def closed(self) -> None:
        """Reads until the server has closed."""
        try:
            while True:
                await self.text()
        except ConnectionError:
            return

    async def ask_raw(self, body: str) -> Any:
        """Sends ``body`` as an event's JSON text, and returns the acknowledgement."""
        number = next(self._ids)
        await self.socket.send_str(f"42{NAMESPACE},{number}{body}")
        return await self.acknowledged(number)

    async def acknowledged(self, number: int) -> Any:
        """The acknowledgement with that id; pushes before it are passed over."""
        prefix = f"43{NAMESPACE},{number}["
        while True:
            text = await self.text()
            if text.startswith(prefix):
                return json.loads(text[len(prefix) - 1 :])[0]

    async def ask(self, event: str, *arguments: Any) -> Any:
        """An event with any arguments."""
        return await self.ask_raw(json.dumps([event, *arguments]))

    async def alive(self) -> bool:
        """Whether requests are still answered."""
        return bool((await self.ask("leaveRoom")) == {})
