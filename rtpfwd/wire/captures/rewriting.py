"""Capture items back to pcapng: what a reader gave, some of it left out or commented on.

Interfaces keep their order; packets without addresses (rtpdump, mjr) get those of nobody. Link layers, time
resolutions and what a reader steps over do not come back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rtpfwd.wire.captures.items import CapturedDatagram, CaptureItem, Interface, Record, Secrets, Section
from rtpfwd.wire.captures.pcapng_blocks import TLS_KEY_LOG
from rtpfwd.wire.captures.pcapng_writer import InterfaceNumber, PcapngWriter
from rtpfwd.wire.datagram import Address

NOBODY: Address = ("0.0.0.0", 0)


def rewrite(items: Iterable[CaptureItem], comments: Mapping[int, Sequence[str]]) -> Iterator[bytes]:
    """The file's bytes in pieces, with ``comments`` added by packet number. Raises as ``items`` do."""
    writer = PcapngWriter()
    begun = False
    interfaces: dict[int, InterfaceNumber] = {}
    for item in items:
        if isinstance(item, Section):
            begun = True
            yield writer.header(application=item.application, system=item.system, comments=item.comments)
            continue
        if not begun:
            begun = True
            yield writer.header()
        if isinstance(item, Interface):
            number, block = writer.interface(item.name, item.description, comments=item.comments)
            interfaces[item.index] = number
            yield block
        elif isinstance(item, Record):
            yield writer.record(item.time_us, item.kind, item.value)
        elif isinstance(item, Secrets) and item.kind == TLS_KEY_LOG:
            yield writer.key_log(item.data.decode(errors="replace"))
        elif isinstance(item, CapturedDatagram):
            if item.interface not in interfaces:
                interfaces[item.interface], block = writer.interface("")
                yield block
            yield writer.datagram(
                interfaces[item.interface], item.time_us, *_ends(item), item.data,
                direction=item.direction, comments=(*item.comments, *comments.get(item.number, ())),
                packet_id=item.packet_id, missing=item.missing,
            )  # fmt: skip


def _ends(item: CapturedDatagram) -> tuple[Address, Address]:
    source, destination = item.source or NOBODY, item.destination or NOBODY
    if (":" in source[0]) != (":" in destination[0]):  # one of them was not known
        source, destination = NOBODY, NOBODY
    return source, destination
