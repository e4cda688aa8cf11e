"""Shrinking a capture that shows a fault, as far as the fault stays.

Delta debugging, from the coarse to the fine: first what no plane looks at, then whole transports and streams
with their packets, the end of the recording, runs of packets, single packets, and at last the calls that were
not needed. What is left has every call that the fault needs, in its place.

Source: A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002; only
complements are tried, and groups before runs, because calls depend on one another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rtpfwd.capture.calls import NOW, PREFIX, decode_call
from rtpfwd.capture.mirror import Mirror
from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire.captures.items import CapturedDatagram, CaptureItem, Direction, Interface, Record, Section
from rtpfwd.wire.datagram import Address
from rtpfwd.wire.demux import Kind, classify
from rtpfwd.wire.rtp import peek_ssrc

Fails = Callable[[Sequence[CaptureItem]], bool]
"""Whether a capture of these items shows the fault."""

MAX_TRIES = 2000
_KEPT_RECORDS = frozenset(("start", "name", "late"))
_UNPLAYED_RECORDS = frozenset(("decision", "end", "flight", "comment"))
_OF_RECEIVE_STREAMS = frozenset(
    ("add_receive_stream", "add_rtx_ssrc", "set_receive_paused", "remove_receive_stream", "due_nacks")
)
_OF_SEND_STREAMS = frozenset(
    ("add_send_stream", "set_send_paused", "remove_send_stream", "retransmit", "set_source")
)


@dataclass(frozen=True, slots=True)
class Minimised:
    """What is left, and how much that is. ``tries`` captures were looked at; ``finished``: nothing more can
    be left out, as opposed to: the tries were used up.
    """

    items: list[CaptureItem]
    packets: tuple[int, int]
    """Before and after; of all directions."""
    calls: tuple[int, int]
    tries: int
    finished: bool


def minimise(items: Sequence[CaptureItem], fails: Fails, *, max_tries: int = MAX_TRIES) -> Minimised:
    """The smallest part of ``items`` that was found for which ``fails`` is still true.

    ``fails`` decides alone: it has to say False to a part that goes wrong in another way. Raises
    ``InvalidParameters`` where it says False to the whole.
    """
    search = _Search(list(items), fails, max_tries)
    if not search.try_without(()):
        raise InvalidParameters("the check passes for the whole capture: there is nothing to find")
    search.run()
    kept = search.kept()
    return Minimised(
        kept,
        (_packets(items), _packets(kept)),
        (_calls(items), _calls(kept)),
        search.tries,
        search.tries < max_tries,
    )


class _Search:
    """``alive`` are the indexes of items that are still needed, as far as is known."""

    def __init__(self, items: list[CaptureItem], fails: Fails, max_tries: int) -> None:
        self._items = items
        self._fails = fails
        self._max_tries = max_tries
        self._alive = dict.fromkeys(range(len(items)))
        self.tries = 0

    def kept(self) -> list[CaptureItem]:
        return [self._items[one] for one in self._alive]

    def try_without(self, indexes: Iterable[int]) -> bool:
        """Leave these out for good, if the fault stays."""
        gone = set(indexes) & self._alive.keys()
        if self.tries >= self._max_tries or (self.tries and not gone):
            return False
        self.tries += 1
        left = [one for one in self._alive if one not in gone]
        if not self._fails([self._items[one] for one in left]):
            return False
        self._alive = dict.fromkeys(left)
        return True

    def run(self) -> None:
        self._leave_out_unplayed()
        before = -1
        while before != len(self._alive) and self.tries < self._max_tries:
            before = len(self._alive)
            for group in _groups(self._items, self._alive):
                self.try_without(group)
            self._cut_end()
            self._thin(self._media())
            self._thin(self._removable_records())
        self.try_without(self._unused_interfaces())

    def _leave_out_unplayed(self) -> None:
        outbound, others, records = [], [], []
        for index, item in enumerate(self._items):
            if isinstance(item, Record):
                if item.kind in _UNPLAYED_RECORDS:
                    records.append(index)
            elif isinstance(item, CapturedDatagram):
                if classify(item.data) is not Kind.RTP:
                    others.append(index)
                elif item.direction is Direction.OUTBOUND:
                    outbound.append(index)
            elif not isinstance(item, Section | Interface):
                others.append(index)
        if not self.try_without([*outbound, *others, *records]):
            for group in (others, records, outbound):
                self.try_without(group)

    def _media(self) -> list[int]:
        return [one for one in self._alive if isinstance(self._items[one], CapturedDatagram)]

    def _removable_records(self) -> list[int]:
        found = []
        for one in self._alive:
            item = self._items[one]
            if isinstance(item, Record) and item.kind not in _KEPT_RECORDS:
                found.append(one)
        return found

    def _unused_interfaces(self) -> list[int]:
        used = {one.interface for one in self.kept() if isinstance(one, CapturedDatagram)}
        return [
            index
            for index in self._alive
            if isinstance(item := self._items[index], Interface) and item.index not in used
        ]

    def _cut_end(self) -> None:
        """The shortest beginning that still fails, if there is one order of it."""
        order = list(self._alive)
        low, high = 0, len(order)
        while low < high and self.tries < self._max_tries:
            middle = (low + high) // 2
            if self.try_without(order[middle:]):
                high = middle
            else:
                low = middle + 1

    def _thin(self, candidates: list[int]) -> None:
        """Leave out runs of candidates, of half of them at first, of one at last."""
        size = len(candidates)
        while size > 1 and self.tries < self._max_tries:
            size = (size + 1) // 2
            position = 0
            while position < len(candidates) and self.tries < self._max_tries:
                run = candidates[position : position + size]
                if self.try_without(run):
                    del candidates[position : position + size]
                else:
                    position += size
        if len(candidates) == 1:
            self.try_without(candidates)


def _groups(items: Sequence[CaptureItem], alive: Iterable[int]) -> list[list[int]]:
    """What belongs to one transport, receive stream or send stream, calls and packets; the largest first."""
    mirror = Mirror()
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    ssrcs: dict[tuple[int, int], int] = {}
    transports: dict[Address, int] = {}
    for index in alive:
        item = items[index]
        if isinstance(item, CapturedDatagram):
            if item.direction is Direction.INBOUND and item.source is not None and len(item.data) >= 12:
                transport = transports.get(item.source, -1)
                groups["transport", transport].append(index)
                stream = ssrcs.get((transport, peek_ssrc(item.data)))
                groups["receive", -1 if stream is None else stream].append(index)
        elif isinstance(item, Record) and item.kind.startswith(PREFIX):
            for group in _owners(item, mirror, ssrcs, transports):
                groups[group].append(index)
        elif isinstance(item, Record) and item.kind == "name" and isinstance(item.value, dict):
            kind = {"receiveStream": "receive", "sendStream": "send"}.get(str(item.value.get("kind")))
            number = item.value.get("number")
            if isinstance(number, int):
                groups[kind or "transport", number].append(index)
    return sorted(groups.values(), key=len, reverse=True)


def _owners(
    record: Record, mirror: Mirror, ssrcs: dict[tuple[int, int], int], transports: dict[Address, int]
) -> set[tuple[str, int]]:
    """The groups of a call, which is noted in the tables; none for one that makes no sense there."""
    method = record.kind.removeprefix(PREFIX)
    found: set[tuple[str, int]] = set()
    try:
        arguments = tuple(one for one in decode_call(method, record.value) if one is not NOW)
        if method == "set_keys":  # the profile stands for the keys
            return {("transport", arguments[0])}
        transport = mirror.transport_of(method, arguments)
        if transport is not None:
            found.add(("transport", transport))
        if method in _OF_RECEIVE_STREAMS:
            found.add(("receive", arguments[0]))
        elif method in _OF_SEND_STREAMS:
            found.add(("send", arguments[0]))
            if method == "set_source" and arguments[1] is not None:
                source = arguments[1]
                found.add(("receive", source))
                found.add(("transport", mirror.receive_streams[source].transport))
        mirror.note(method, arguments)
        if method == "add_path":
            transports[arguments[1][1]] = arguments[0]
        elif method == "add_receive_stream":
            spec = arguments[1]
            for ssrc in (spec.ssrc, spec.rtx_ssrc):
                if ssrc is not None:
                    ssrcs[spec.transport, ssrc] = arguments[0]
        elif method == "add_rtx_ssrc":
            ssrcs[mirror.receive_streams[arguments[0]].transport, arguments[1]] = arguments[0]
    except (MalformedPacket, KeyError):
        return found
    return found


def _packets(items: Iterable[CaptureItem]) -> int:
    return sum(isinstance(one, CapturedDatagram) for one in items)


def _calls(items: Iterable[CaptureItem]) -> int:
    return sum(isinstance(one, Record) and one.kind.startswith(PREFIX) for one in items)
