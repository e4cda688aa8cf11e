"""How loud a microphone is, as its sender says in each packet (RFC 6464), kept until somebody asks.

Only the level of the packet's own source is read; those of a mixer's contributors (RFC 6465) are not.
"""

from __future__ import annotations

from collections import deque

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import AudioLevelSample, ReceiveStreamSpec
from rtpfwd.wire.extension_values import parse_audio_level
from rtpfwd.wire.header_extensions import SSRC_AUDIO_LEVEL


class AudioLevels:
    """The last ``capacity`` levels of one stream. ``element_id`` is the extension's id at the sender."""

    __slots__ = ("_element_id", "_samples")

    def __init__(self, element_id: int, capacity: int) -> None:
        self._element_id = element_id
        self._samples: deque[tuple[Instant, bytes]] = deque(maxlen=capacity)

    def note(self, elements: dict[int, bytes], now: Instant) -> None:
        """A packet with these header extensions arrived; without a level among them it tells nothing."""
        value = elements.get(self._element_id)
        if value is not None:
            self._samples.append((now, value))

    def take(self) -> list[AudioLevelSample]:
        """What was noted since the last call, oldest first."""
        samples = [
            AudioLevelSample(arrival, parsed.level, parsed.voice)
            for arrival, value in self._samples
            if (parsed := parse_audio_level(value)) is not None
        ]
        self._samples.clear()
        return samples


def audio_levels_of(spec: ReceiveStreamSpec, capacity: int) -> AudioLevels | None:
    """Where to note the levels of a stream; ``None`` for video and where they were not negotiated."""
    element_id = spec.extension_ids.get(SSRC_AUDIO_LEVEL)
    if element_id is None or not spec.mime_type.lower().startswith("audio/"):
        return None
    return AudioLevels(element_id, capacity)
