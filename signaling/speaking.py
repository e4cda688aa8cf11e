"""Who is heard in a room: the pushes ``active-speaker`` and ``audio-levels``, for clients of part 2.

``active-speaker`` names the peer that has the floor, whenever that changes; it is null when nobody has it:
nobody has spoken yet, or the speaker muted, unpublished or left. Silence alone does not take the floor
away. ``audio-levels`` comes at each interval with everybody who is heard, the loudest first, and once more,
empty, when that is nobody any more.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtpfwd.clock import Instant

from .peer import Peer

if TYPE_CHECKING:
    from rtpfwd.sfu.producer import Producer
    from rtpfwd.sfu.router import Router

LEVELS_INTERVAL_MS = 300
LEVELS_THRESHOLD = -70
"""dBov, of averages over words and pauses; a quiet room without noise suppression lies below."""
MOST_LEVELS = 10


class Speaking:
    """The two observers of one room. ``tell`` pushes to every part-2 client in it."""

    def __init__(
        self,
        router: "Router",
        owner_of: Callable[[str], Peer | None],
        tell: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._owner_of = owner_of
        self._tell = tell
        self._producer_id: str | None = None
        self._told: str | None = None
        self._levels = router.create_audio_level_observer(
            max_entries=MOST_LEVELS, threshold=LEVELS_THRESHOLD, interval_ms=LEVELS_INTERVAL_MS
        )
        self._speaker = router.create_active_speaker_observer()
        self._levels.on("volumes", self._heard)
        self._levels.on("silence", lambda: tell("audio-levels", {"levels": []}))
        self._speaker.on("dominantspeaker", self._took_the_floor)

    @property
    def active(self) -> str | None:
        """The id of the peer that has the floor."""
        return self._told

    def listen_to(self, producer: "Producer", now: Instant) -> None:
        """Something new to hear; anything but audio is ignored."""
        if producer.kind == "audio":
            self._levels.add_producer(producer.id, now=now)
            self._speaker.add_producer(producer.id, now=now)

    def not_heard(self, producer_id: str) -> None:
        """A producer was muted or ended."""
        if producer_id == self._producer_id:
            self._pass_the_floor(None, None)

    def _took_the_floor(self, dominant: "dict[str, Producer]") -> None:
        # Between the event and its delivery the producer may have gone.
        producer = dominant["producer"]
        owner = self._owner_of(producer.id)
        if owner is not None and not producer.paused:
            self._pass_the_floor(producer.id, owner.id)

    def _pass_the_floor(self, producer_id: str | None, peer_id: str | None) -> None:
        self._producer_id = producer_id
        if peer_id != self._told:
            self._told = peer_id
            self._tell("active-speaker", {"peerId": peer_id})

    def _heard(self, volumes: list[dict[str, Any]]) -> None:
        levels: dict[str, int] = {}
        for volume in volumes:
            owner = self._owner_of(volume["producer"].id)
            if owner is not None:
                levels.setdefault(owner.id, volume["volume"])  # of two microphones the louder one
        if levels:
            self._tell(
                "audio-levels", {"levels": [{"peerId": one, "level": level} for one, level in levels.items()]}
            )
