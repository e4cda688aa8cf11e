"""What a viewer got, by their own browser's counters: differences over a while, and a table of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.browser.person import Person

Report = Mapping[str, Any]

COUNTERS = """async () => {
  const all = await Promise.all(window.peerConnections.map((connection) => connection.getStats()));
  return all.flatMap((report) => [...report.values()]);
}"""


@dataclass(frozen=True)
class Snapshot:
    """A browser's counters at one moment."""

    reports: list[Report]

    @classmethod
    async def of(cls, person: Person) -> Snapshot:
        return cls(await person.page.evaluate(COUNTERS))

    def stream(self, kind: str) -> Report:
        """The received stream of a kind, of which there is one; empty before there is any."""
        for one in self.reports:
            if one["type"] == "inbound-rtp" and one["kind"] == kind:
                return one
        return {}

    def sent(self, kind: str, counter: str) -> float:
        """A counter of what is sent, all layers together."""
        outbound = [one for one in self.reports if one["type"] == "outbound-rtp" and one["kind"] == kind]
        return sum(one.get(counter, 0) for one in outbound)

    @property
    def frames(self) -> int:
        return int(self.stream("video").get("framesDecoded", 0))

    @property
    def transports(self) -> list[tuple[str, ...]]:
        """Certificates and DTLS states: those of the same transports stay the same."""
        names = ("id", "dtlsState", "localCertificateId")  # the remote one's is told late
        transports = [one for one in self.reports if one["type"] == "transport"]
        return sorted(tuple(one.get(name, "") for name in names) for one in transports)


@dataclass(frozen=True)
class Quality:
    """One measurement. Shares are of 1, times in seconds unless they say otherwise."""

    name: str
    seconds: float
    frames: int
    sent_frames: int
    """Of all layers that the other encoded."""
    freezes: int
    frozen_s: float
    dropped: int
    key_frames: int
    nacks: int
    plis: int
    lost: int
    repaired: int
    height: int
    video_delay_ms: float
    """Mean stay in the video jitter buffer."""
    concealed: float
    audio_lost: int
    audio_delay_ms: float
    round_trip_ms: float

    @classmethod
    def between(cls, name: str, first: Snapshot, last: Snapshot, sent: tuple[Snapshot, Snapshot]) -> Quality:
        video = _Difference(first.stream("video"), last.stream("video"))
        audio = _Difference(first.stream("audio"), last.stream("audio"))
        trips = [
            one["currentRoundTripTime"]
            for one in last.reports
            if one["type"] == "candidate-pair" and one.get("nominated") and "currentRoundTripTime" in one
        ]
        return cls(
            name=name,
            seconds=(last.stream("video")["timestamp"] - first.stream("video")["timestamp"]) / 1000,
            frames=round(video["framesDecoded"]),
            sent_frames=round(
                sent[1].sent("video", "framesEncoded") - sent[0].sent("video", "framesEncoded")
            ),
            freezes=round(video["freezeCount"]),
            frozen_s=video["totalFreezesDuration"],
            dropped=round(video["framesDropped"]),
            key_frames=round(video["keyFramesDecoded"]),
            nacks=round(video["nackCount"]),
            plis=round(video["pliCount"]),
            lost=round(video["packetsLost"]),
            repaired=round(video["retransmittedPacketsReceived"]),
            height=last.stream("video").get("frameHeight", 0),
            video_delay_ms=1000 * video.ratio("jitterBufferDelay", "jitterBufferEmittedCount"),
            concealed=audio.ratio("concealedSamples", "totalSamplesReceived"),
            audio_lost=round(audio["packetsLost"]),
            audio_delay_ms=1000 * audio.ratio("jitterBufferDelay", "jitterBufferEmittedCount"),
            round_trip_ms=1000 * max(trips, default=0.0),
        )

    @property
    def frozen_per_10_s(self) -> float:
        return 10 * self.frozen_s / self.seconds


async def measure(name: str, sender: Person, viewer: Person, for_s: float) -> Quality:
    """What the viewer gets of the sender's video and sound within ``for_s`` seconds."""
    sent, first = await asyncio.gather(Snapshot.of(sender), Snapshot.of(viewer))
    await asyncio.sleep(for_s)
    sent_then, last = await asyncio.gather(Snapshot.of(sender), Snapshot.of(viewer))
    return Quality.between(name, first, last, (sent, sent_then))


def table(rows: list[Quality]) -> str:
    """The measurements in Markdown."""
    lines = [
        "| scenario | s | frames | height | freezes | frozen s / 10 s | dropped | key frames | nack | pli "
        "| lost | repaired | video delay ms | concealed | audio delay ms | RTT ms |",
        "| --- " + "| ---: " * 15 + "|",
    ]
    for row in rows:
        lines.append(
            f"| {row.name} | {row.seconds:.1f} | {row.frames} | {row.height} | {row.freezes} "
            f"| {row.frozen_per_10_s:.2f} | {row.dropped} | {row.key_frames} | {row.nacks} | {row.plis} "
            f"| {row.lost} | {row.repaired} | {row.video_delay_ms:.0f} | {row.concealed:.1%} "
            f"| {row.audio_delay_ms:.0f} | {row.round_trip_ms:.0f} |"
        )
    return "\n".join(lines)


class _Difference:
    """Later counters less earlier ones; what is missing is 0."""

    def __init__(self, first: Report, last: Report) -> None:
        self._first, self._last = first, last

    def __getitem__(self, name: str) -> float:
        return float(self._last.get(name, 0)) - float(self._first.get(name, 0))

    def ratio(self, part: str, whole: str) -> float:
        return self[part] / self[whole] if self[whole] else 0.0
