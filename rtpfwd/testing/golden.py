"""Golden egress: what a capture made the server send, kept as text beside the tests and compared packet by
packet, modulo the fields that somebody chooses.

One JSON array for each packet, the names of its fields in the first line; payloads as their length and a
hash. So a changed golden file can be read in a review, and holds nobody's picture or voice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rtpfwd.drivers.played_capture import SentPacket
from rtpfwd.errors import InvalidParameters

KEPT = 10
VERSION = 1


def _payload(packet: SentPacket) -> str:
    payload = packet.rtp.payload
    return f"{len(payload)}:{hashlib.sha256(payload).hexdigest()[:16]}"


FIELDS: dict[str, Callable[[SentPacket], Any]] = {
    "at_us": lambda one: int(one.at),
    "to": lambda one: f"{one.destination[0]} {one.destination[1]}",
    "ssrc": lambda one: one.rtp.ssrc,
    "payload_type": lambda one: one.rtp.payload_type,
    "marker": lambda one: int(one.rtp.marker),
    "sequence_number": lambda one: one.rtp.sequence_number,
    "timestamp": lambda one: one.rtp.timestamp,
    "extensions": lambda one: one.rtp.extension.hex(),
    "padding": lambda one: one.rtp.padding,
    "payload": _payload,
}
"""What is compared, by name. Times are of the plane's clock, extensions the whole block in hex."""
FROM_THE_FIRST = {"at_us": 1 << 63, "sequence_number": 1 << 16, "timestamp": 1 << 32}
"""Fields that can be counted from the first packet of their stream, and where they wrap."""


def golden_text(
    packets: Iterable[SentPacket], *, ignoring: Collection[str] = (), from_the_first: Collection[str] = ()
) -> str:
    """The text of a golden file.

    ``ignoring``: names of ``FIELDS`` that are left out. ``from_the_first``: those of ``FROM_THE_FIRST`` that
    count from the first packet of their SSRC, which is 0. Raises ``InvalidParameters`` for another name.
    """
    for given, known in ((ignoring, FIELDS), (from_the_first, FROM_THE_FIRST)):
        unknown = set(given) - set(known)
        if unknown:
            raise InvalidParameters(f"no field {', '.join(sorted(unknown))}: there are {', '.join(known)}")
    names = [one for one in FIELDS if one not in ignoring]
    counted = [one for one in names if one in from_the_first]
    firsts: dict[tuple[str, int], int] = {}
    lines = [json.dumps({"rtpfwd golden": VERSION, "fields": names, "fromTheFirst": counted})]
    for packet in packets:
        values = {name: FIELDS[name](packet) for name in names}
        for name in counted:
            first = firsts.setdefault((name, packet.rtp.ssrc), values[name])
            values[name] = (values[name] - first) % FROM_THE_FIRST[name]
        lines.append(json.dumps(list(values.values()), separators=(",", ":")))
    return "\n".join(lines) + "\n"


def compare_golden(golden: str, produced: str) -> list[str]:
    """What differs between two such texts, in words and line by line; empty where nothing does.

    Raises ``InvalidParameters`` where they do not hold the same fields, or ``golden`` is no such text.
    """
    ours, theirs = produced.splitlines(), golden.splitlines()
    head = json.loads(ours[0])
    try:
        other = json.loads(theirs[0])
    except (IndexError, ValueError):
        other = None
    if not isinstance(other, dict) or other.get("rtpfwd golden") != VERSION:
        raise InvalidParameters("not a golden file of this version: write it again")
    if other != head:
        raise InvalidParameters(f"the golden file holds {other}, and {head} is asked for: write it again")
    found = []
    for number, (one, two) in enumerate(zip_longest(theirs[1:], ours[1:]), 1):
        if one == two:
            continue
        if one is None or two is None:
            found.append(f"packet {number}: {'too many' if one is None else 'missing'}: {one or two}")
            continue
        found.append(f"packet {number}: " + _difference(head["fields"], one, two))
    return found


def check_golden(
    path: Path,
    packets: Iterable[SentPacket],
    *,
    update: bool,
    ignoring: Sequence[str] = (),
    from_the_first: Sequence[str] = (),
) -> None:
    """Compare with a file, or write it for ``update``. Raises ``AssertionError`` with the first differences,
    and where there is no file, ``InvalidParameters`` as above, and ``OSError``.
    """
    produced = golden_text(packets, ignoring=ignoring, from_the_first=from_the_first)
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(produced)
        return
    if not path.exists():
        raise AssertionError(f"no golden file {path}: run once with --rtpfwd-update-golden and look at it")
    found = compare_golden(path.read_text(), produced)
    if found:
        more = f"\n... and {len(found) - KEPT} more" if len(found) > KEPT else ""
        raise AssertionError(f"{path.name}: {len(found)} differ:\n" + "\n".join(found[:KEPT]) + more)


def _difference(names: Sequence[str], golden: str, produced: str) -> str:
    try:
        values = json.loads(golden)
    except ValueError:
        values = None
    if not isinstance(values, list) or len(values) != len(names):
        return f"was {golden}, is {produced}"
    pairs = zip(names, values, json.loads(produced), strict=True)
    return ", ".join(f"{name} was {one}, is {two}" for name, one, two in pairs if one != two)
