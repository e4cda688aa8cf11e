"""What a viewer's browser shows of somebody's layers, sampled by the page itself, and how long a change takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.browser.person import Person

WATCH = """([consumerId, layers, forMs]) => new Promise((resolve) => {
  // Frames as they are presented, with their size, from the moment the layers are asked for.
  const video = [...document.querySelectorAll("video")].find((one) => one.videoWidth > 0 && !one.muted)
    ?? [...document.querySelectorAll("[data-testid=tile][data-local=false] video")].find((one) => one.videoWidth > 0);
  const start = performance.now();
  const frames = [];
  const next = (now, meta) => {
    frames.push([performance.now() - start, meta.width, meta.height]);
    if (performance.now() - start < forMs) video.requestVideoFrameCallback(next);
  };
  video.requestVideoFrameCallback(next);
  if (layers) window.rtpfwd.prefer(consumerId, layers[0], layers[1]);
  setTimeout(() => resolve(frames), forMs);
})"""


@dataclass(frozen=True)
class Watched:
    """Frames presented: milliseconds since the request, width, height."""

    frames: list[tuple[float, int, int]]

    @property
    def heights(self) -> list[int]:
        """Heights shown, each once, in order of appearance."""
        found: list[int] = []
        for _, _, height in self.frames:
            if not found or found[-1] != height:
                found.append(height)
        return found

    def first_ms(self, height: int) -> float | None:
        """When the first frame of that height was shown."""
        return next((at for at, _, shown in self.frames if shown == height), None)

    def longest_gap_ms(self, after_ms: float = 0.0) -> float:
        """The longest time without a new frame."""
        times = [at for at, _, _ in self.frames if at >= after_ms]
        return max((later - earlier for earlier, later in zip(times, times[1:], strict=False)), default=1e9)


async def video_consumer(viewer: Person, sender: Person) -> str:
    """The id of the viewer's consumer of somebody's picture."""
    peer_id = await sender.peer_id()
    for consumer in await viewer.page.evaluate("window.rtpfwd.stats()"):
        if consumer["peerId"] == peer_id and consumer["kind"] == "video":
            return str(consumer["consumerId"])
    raise AssertionError(f"{viewer.name} has no consumer of {sender.name}'s picture")


async def watch(
    viewer: Person, consumer_id: str, layers: tuple[int, int] | None, for_ms: int = 2000
) -> Watched:
    """Ask for layers (or nothing new) and note every frame that is shown for a while."""
    frames: list[Any] = await viewer.page.evaluate(
        WATCH, [consumer_id, list(layers) if layers else None, for_ms]
    )
    return Watched([tuple(one) for one in frames])


async def decoder_figures(viewer: Person) -> dict[str, float]:
    """Counters of the one video that is received."""
    for consumer in await viewer.page.evaluate("window.rtpfwd.stats()"):
        for report in consumer["stats"]:
            if report["type"] == "inbound-rtp" and report["kind"] == "video":
                return {
                    name: value for name, value in report.items() if isinstance(value, (int, float))
                } | {"decoder": report.get("decoderImplementation", "")}
    return {}
