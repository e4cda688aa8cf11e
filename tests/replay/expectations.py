"""What a recording says of itself, and what a replay of it gives."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from rtpfwd.capture.replay import Replay, ReplayResult
from rtpfwd.cli.recordings import read_items
from rtpfwd.cli.replay.command import make_plane
from rtpfwd.wire.captures.items import Record


class Digest:
    """Of everything that a replay sends, in order."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.by_ssrc: Counter[str] = Counter()

    def add(self, now: int, path: Any, packet: bytes) -> None:
        self.hash.update(now.to_bytes(8))
        self.hash.update(packet)
        self.by_ssrc[f"{int.from_bytes(packet[8:12]):#010x}"] += 1


def played(path: Path, plane: str = "reference") -> tuple[ReplayResult, Digest]:
    """A replay, and what it sent."""
    digest = Digest()
    player = Replay(make_plane(plane), plain=plane == "reference", on_sent=digest.add)
    for item in read_items(path):
        player.take(item)
    return player.finish(), digest


def expectation(path: Path) -> dict[str, Any]:
    """The expected result: counts, and one number for all bytes and times."""
    result, digest = played(path)
    return {
        "received": result.received,
        "sent": result.sent,
        "calls": result.calls,
        "identical": result.comparison.same,
        "differences": [str(one) for one in result.comparison.differences],
        "sentBySsrc": dict(sorted(digest.by_ssrc.items())),
        "sha256": digest.hash.hexdigest(),
    }


def describe_streams(path: Path) -> str:
    """TOML as ``rtpfwd inspect`` takes it, from the recorded calls."""
    names: dict[tuple[str, int], dict[str, Any]] = {}
    streams: list[tuple[str, int, dict[str, Any]]] = []
    rtx: dict[int, int] = {}
    for item in read_items(path):
        if not isinstance(item, Record):
            continue
        if item.kind == "name":
            names[item.value["kind"], item.value["number"]] = item.value
        elif item.kind in ("seam.add_receive_stream", "seam.add_send_stream"):
            kind = "receiveStream" if "receive" in item.kind else "sendStream"
            number, spec = item.value
            streams.append((kind, number, spec))
        elif item.kind == "seam.add_rtx_ssrc":
            rtx[item.value[0]] = item.value[1]
    lines = []
    for kind, number, spec in streams:
        about = names.get((kind, number), {})
        rid = f", rid {about['rid']}" if about.get("rid") else ""
        title = (
            f"producer {about.get('id', '?')}{rid}"
            if kind == "receiveStream"
            else f"consumer {about.get('id', '?')}"
        )
        types = sorted(int(one) for one in spec["payload_types"])
        lines += [
            "",
            "[[stream]]",
            f'name = "{title}"',
            f"ssrc = {spec['ssrc']:#010x}",
            f"payload_type = {types}",
        ]
        lines += [
            f'codec = "{spec["mime_type"]}"',
            f"clock_rate = {spec['clock_rate']}",
            "[stream.extensions]",
        ]
        lines += [
            f'{one} = "{uri}"' for uri, one in sorted(spec["extension_ids"].items(), key=lambda pair: pair[1])
        ]
        ssrc = spec["rtx_ssrc"] or (rtx.get(number) if kind == "receiveStream" else None)
        if ssrc is not None:
            codec = "video/rtx" if spec["mime_type"].startswith("video") else "audio/rtx"
            lines += [
                "",
                "[[stream]]",
                f'name = "{title}, repairs"',
                f"ssrc = {ssrc:#010x}",
                f'codec = "{codec}"',
            ]
            lines += [f"repairs = {spec['ssrc']:#010x}"]
    return "\n".join(lines) + "\n"
