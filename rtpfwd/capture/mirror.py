"""What stands in the data plane's tables, kept beside it, so that a recording can begin in the middle.

The seam has no way to read the tables back, and two planes would have to agree on one. Table calls are rare;
what they say is small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rtpfwd.capture.calls import Arguments
from rtpfwd.dataplane.interface import (
    ALL_LAYERS,
    Layers,
    ProbatorSpec,
    ReceiveStreamId,
    ReceiveStreamSpec,
    SendStreamId,
    SendStreamSpec,
    TransportId,
)
from rtpfwd.protocols.srtp import SrtpKeys
from rtpfwd.wire.datagram import Path

Call = tuple[str, Arguments]
"""A method of the seam and its arguments, ``now`` left out."""


@dataclass(slots=True)
class TransportEntry:
    """A transport as it stands."""

    keys: SrtpKeys | None = None
    extension_ids: Mapping[str, int] | None = None
    paths: list[Path] = field(default_factory=list)
    selected: Path | None = None
    rate_bps: int | None = None
    probator: ProbatorSpec | None = None


@dataclass(slots=True)
class SendEntry:
    """A send stream as it stands."""

    spec: SendStreamSpec
    source: ReceiveStreamId | None = None
    layers: Layers = ALL_LAYERS


class Mirror:
    """The tables. ``note`` must be called with every call that succeeded."""

    def __init__(self) -> None:
        self.transports: dict[TransportId, TransportEntry] = {}
        self.receive_streams: dict[ReceiveStreamId, ReceiveStreamSpec] = {}
        self.send_streams: dict[SendStreamId, SendEntry] = {}
        self.paths: dict[Path, TransportId] = {}
        self.version = 0
        """Counts objects that came, so that somebody can tell whether there are new ones."""
        self.moves = 0
        """Counts paths that came or went."""

    def note(self, method: str, arguments: Arguments) -> None:
        """A call has been made."""
        handler = _HANDLERS.get(method)
        if handler is not None:
            handler(self, *arguments)

    def transport_of(self, method: str, arguments: Arguments) -> TransportId | None:
        """Whose transport a call is about, before it is noted; None where it is about no one's."""
        first: Any = arguments[0] if arguments else None
        if method in ("add_receive_stream", "add_send_stream"):
            transport: TransportId = arguments[1].transport
            return transport
        if method == "remove_path":
            return self.paths.get(first)
        if method in _OF_RECEIVE_STREAMS:
            return self.receive_streams[first].transport
        if method in _OF_SEND_STREAMS:
            return self.send_streams[first].spec.transport
        return TransportId(first) if isinstance(first, int) else None

    def calls_for_receiving(self, transport: TransportId) -> Iterator[Call]:
        """The calls that would bring a transport and its receive streams to where they stand."""
        entry = self.transports[transport]
        yield "add_transport", (transport,)
        if entry.keys is not None:
            yield "set_keys", (transport, entry.keys)
        if entry.extension_ids is not None:
            yield "set_receive_extensions", (transport, entry.extension_ids)
        for path in entry.paths:
            yield "add_path", (transport, path)
        if entry.selected is not None:
            yield "select_path", (transport, entry.selected)
        if entry.rate_bps is not None:
            yield "set_pacing_rate", (transport, entry.rate_bps)
        if entry.probator is not None:
            yield "set_probator", (transport, entry.probator)
        for stream, spec in self.receive_streams.items():
            if spec.transport == transport:
                yield "add_receive_stream", (stream, spec)

    def calls_for_sending(self, transport: TransportId) -> Iterator[Call]:
        """The same for its send streams; their sources must stand already."""
        for stream, entry in self.send_streams.items():
            if entry.spec.transport == transport:
                yield "add_send_stream", (stream, entry.spec)
                if entry.source is not None:
                    yield "set_source", (stream, entry.source, entry.layers)

    # -- one for each call that changes a table ------------------------------------------------------------

    def _add_transport(self, transport: TransportId) -> None:
        self.transports[transport] = TransportEntry()
        self.version += 1

    def _set_keys(self, transport: TransportId, keys: SrtpKeys) -> None:
        self.transports[transport].keys = keys

    def _set_receive_extensions(self, transport: TransportId, ids: Mapping[str, int]) -> None:
        self.transports[transport].extension_ids = dict(ids)

    def _add_path(self, transport: TransportId, path: Path) -> None:
        if self.paths.get(path) == transport:
            return
        self._remove_path(path)
        self.moves += 1
        self.transports[transport].paths.append(path)
        self.paths[path] = transport

    def _remove_path(self, path: Path) -> None:
        transport = self.paths.pop(path, None)
        if transport is not None:
            self.moves += 1
            entry = self.transports[transport]
            entry.paths.remove(path)
            if entry.selected == path:
                entry.selected = None

    def _select_path(self, transport: TransportId, path: Path | None) -> None:
        self.transports[transport].selected = path

    def _set_pacing_rate(self, transport: TransportId, rate_bps: int) -> None:
        self.transports[transport].rate_bps = rate_bps

    def _set_probator(self, transport: TransportId, spec: ProbatorSpec | None) -> None:
        self.transports[transport].probator = spec

    def _add_receive_stream(self, stream: ReceiveStreamId, spec: ReceiveStreamSpec) -> None:
        self.receive_streams[stream] = spec
        self.version += 1

    def _add_rtx_ssrc(self, stream: ReceiveStreamId, ssrc: int) -> None:
        self.receive_streams[stream] = replace(self.receive_streams[stream], rtx_ssrc=ssrc)

    def _set_receive_paused(self, stream: ReceiveStreamId, paused: bool) -> None:
        self.receive_streams[stream] = replace(self.receive_streams[stream], paused=paused)

    def _add_send_stream(self, stream: SendStreamId, spec: SendStreamSpec) -> None:
        self.send_streams[stream] = SendEntry(spec)
        self.version += 1

    def _set_source(self, stream: SendStreamId, source: ReceiveStreamId | None, layers: Layers) -> None:
        entry = self.send_streams[stream]
        entry.source, entry.layers = source, layers

    def _set_send_paused(self, stream: SendStreamId, paused: bool) -> None:
        entry = self.send_streams[stream]
        entry.spec = replace(entry.spec, paused=paused)

    def _remove_receive_stream(self, stream: ReceiveStreamId) -> None:
        del self.receive_streams[stream]
        for entry in self.send_streams.values():
            if entry.source == stream:
                entry.source = None

    def _remove_send_stream(self, stream: SendStreamId) -> None:
        del self.send_streams[stream]

    def _remove_transport(self, transport: TransportId) -> None:
        for receive in [one for one, spec in self.receive_streams.items() if spec.transport == transport]:
            self._remove_receive_stream(receive)
        for send in [one for one, entry in self.send_streams.items() if entry.spec.transport == transport]:
            self._remove_send_stream(send)
        for path in list(self.transports[transport].paths):
            self._remove_path(path)
        del self.transports[transport]


_OF_RECEIVE_STREAMS = frozenset(("add_rtx_ssrc", "set_receive_paused", "remove_receive_stream", "due_nacks"))
_OF_SEND_STREAMS = frozenset(("set_source", "set_send_paused", "remove_send_stream", "retransmit"))
_HANDLERS: dict[str, Callable[..., None]] = {
    "add_transport": Mirror._add_transport,
    "set_keys": Mirror._set_keys,
    "set_receive_extensions": Mirror._set_receive_extensions,
    "add_path": Mirror._add_path,
    "remove_path": Mirror._remove_path,
    "select_path": Mirror._select_path,
    "set_pacing_rate": Mirror._set_pacing_rate,
    "set_probator": Mirror._set_probator,
    "add_receive_stream": Mirror._add_receive_stream,
    "add_rtx_ssrc": Mirror._add_rtx_ssrc,
    "set_receive_paused": Mirror._set_receive_paused,
    "add_send_stream": Mirror._add_send_stream,
    "set_source": Mirror._set_source,
    "set_send_paused": Mirror._set_send_paused,
    "remove_receive_stream": Mirror._remove_receive_stream,
    "remove_send_stream": Mirror._remove_send_stream,
    "remove_transport": Mirror._remove_transport,
}
