"""Who has the floor: dominant speaker identification from audio levels alone. Pure arithmetic.

Source: I. Volfin, I. Cohen, "Dominant Speaker Identification for Multipoint Videoconferencing" (2012), with
the constants of Jitsi's and mediasoup's implementations. Time is cut into slots of 20 ms. A voice is judged
on three scales: the newest slot (how loud), the newest 100 ms (how many loud slots) and the last second
(how many 100 ms that were loud throughout). Each count becomes a score: how much better speech explains it
than noise does. A voice takes the floor only if it beats the holder on all three scales, so neither a short
loud noise nor a short pause of the holder changes anything.

Where this differs from mediasoup, on purpose:
* the floor is empty until somebody speaks up; there, the first producer holds it, silent or not;
* whoever is paused loses the floor;
* after a gap longer than any Opus packet, a packet counts for one slot and the gap for silence, so that a
  click between two rare packets (DTX) does not pass for long speech.
"""

from __future__ import annotations

from collections import deque
from math import comb, isqrt, log

from rtpfwd.clock import Instant, milliseconds, seconds

SLOT_US = milliseconds(20)
MAX_LEVEL = 127
SHADES = 13
"""N1: steps of loudness that a slot is sorted into."""
SLOTS_IN_BLOCK = 5
"""N2: slots of the medium scale."""
BLOCKS = 10
"""N3: blocks of the long scale."""
SHADE = -(-MAX_LEVEL // SHADES)
LOUD_SHADE = 7
"""A slot of a shade above this is loud: -47 dBov and up."""
LOUD_SLOTS = 4
"""A block with more loud slots than this is loud throughout."""
LEADS = (3.0, 2.0, 0.0)
"""C1, C2, C3: by how much, in logarithms of scores, a challenger must lead on each scale."""
LEVEL_IDLE_US = milliseconds(40)
"""No packet for longer than this: silence."""
VOICE_IDLE_US = seconds(3600)
"""Who was not heard for longer than this no longer takes part, until heard again."""
LONGEST_PACKET_US = milliseconds(120)  # RFC 7587 §6.1, maxptime
NOISE_WINDOW = 750
"""Packets (15 s of 20 ms each) after which a noise floor that is too low may rise."""
LEAST_SCORE = 1e-10

Scores = tuple[float, float, float]


def _scores(count: int, rate: float) -> tuple[float, ...]:
    """ln of the score for 0 to ``count`` active parts out of ``count``.

    Score: ln of the binomial (p = 1/2: what noise would do) over the exponential distribution of speech.
    """
    noise = count * log(0.5)
    raw = (log(comb(count, n)) + noise - log(rate) + rate * n for n in range(count + 1))
    return tuple(log(max(score, LEAST_SCORE)) for score in raw)


_SCORES = (_scores(SHADES, 0.78), _scores(SLOTS_IN_BLOCK, 24.0), _scores(BLOCKS, 47.0))


class Voice:
    """The last second of one participant, in levels from 0 (silence) to 127 (overload)."""

    __slots__ = ("_levels", "_lowest", "_noise", "_since_noise", "_until", "heard_at", "paused")

    def __init__(self, now: Instant, paused: bool) -> None:
        self.paused = paused
        self.heard_at = now
        self._until = now
        self._levels: deque[int] = deque([0] * (SLOTS_IN_BLOCK * BLOCKS), maxlen=SLOTS_IN_BLOCK * BLOCKS)
        self._noise = self._lowest = self._since_noise = 0

    def hear(self, level: int, at: Instant) -> None:
        """A packet of that level, 0 to 127, arrived."""
        self.heard_at = at
        gap = at - self._until
        if gap > LONGEST_PACKET_US:
            self._advance(0, at)
            self._levels[0] = level
        else:
            self._advance(level, at)
        if level:
            self._learn_noise(level)

    def fall_silent(self, now: Instant) -> None:
        """Nothing has arrived until ``now``; short of ``LEVEL_IDLE_US`` that means nothing."""
        if now - self._until > LEVEL_IDLE_US:
            self._advance(0, now)

    def loud_slots(self) -> int:
        """Loud slots of the last second, whatever the noise."""
        return sum(level // SHADE > LOUD_SHADE for level in self._levels)

    def scores(self) -> Scores:
        """Logarithms of the scores on the three scales, the shortest first."""
        floor = self._noise + SHADE
        shades = [level // SHADE if level >= floor else 0 for level in self._levels]
        loud = [shade > LOUD_SHADE for shade in shades]
        blocks = [sum(loud[start : start + SLOTS_IN_BLOCK]) for start in range(0, len(loud), SLOTS_IN_BLOCK)]
        long = sum(block > LOUD_SLOTS for block in blocks)
        return _SCORES[0][shades[0]], _SCORES[1][blocks[0]], _SCORES[2][long]

    def _advance(self, level: int, to: Instant) -> None:
        # Newest first. Packets of one burst get a slot each, though no time lies between them.
        slots = max((to - self._until) // SLOT_US, 1)
        self._levels.extendleft([level] * min(slots, SLOTS_IN_BLOCK * BLOCKS))
        self._until = max(self._until, to)

    def _learn_noise(self, level: int) -> None:
        # Down at once, up slowly: halfway (geometric mean) to the lowest level of each window.
        if not self._noise or level < self._noise:
            self._noise = level
            self._lowest = self._since_noise = 0
            return
        self._lowest = min(self._lowest, level) if self._lowest else level
        self._since_noise += 1
        if self._since_noise >= NOISE_WINDOW:
            self._noise = isqrt(self._noise * self._lowest)
            self._lowest = self._since_noise = 0


class Floor:
    """Everybody's voice by key, and whose turn it is."""

    def __init__(self) -> None:
        self.holder: str | None = None
        self._voices: dict[str, Voice] = {}

    def add(self, key: str, now: Instant, *, paused: bool) -> None:
        """Somebody new, silent so far."""
        self._voices[key] = Voice(now, paused)

    def remove(self, key: str) -> None:
        """Forget a voice; the floor is free if it was its."""
        self._voices.pop(key, None)
        if self.holder == key:
            self.holder = None

    def set_paused(self, key: str, paused: bool) -> None:
        """A paused voice takes no part; the floor is free if it was its."""
        self._voices[key].paused = paused
        if paused and self.holder == key:
            self.holder = None

    def hear(self, key: str, level: int, at: Instant) -> None:
        """A packet of ``key``, ``level`` from 0 (silence) to 127 (overload)."""
        self._voices[key].hear(level, at)

    def update(self, now: Instant) -> bool:
        """Settle whose turn it is; whether the floor went to somebody else."""
        for voice in self._voices.values():
            voice.fall_silent(now)
        winner = self._first() if self.holder is None else self._challenger(self.holder, now)
        if winner is None:
            return False
        self.holder = winner
        return True

    def _first(self) -> str | None:
        loud = {key: voice.loud_slots() for key, voice in self._voices.items() if not voice.paused}
        winner = max(loud, key=lambda key: loud[key], default=None)
        return winner if winner is not None and loud[winner] else None

    def _challenger(self, holder: str, now: Instant) -> str | None:
        present = self._voices[holder].scores()
        winner: str | None = None
        best = LEADS[1]
        for key, voice in self._voices.items():
            if key == holder or voice.paused or now - voice.heard_at > VOICE_IDLE_US:
                continue
            leads = [theirs - ours for theirs, ours in zip(voice.scores(), present, strict=True)]
            if all(lead > least for lead, least in zip(leads, LEADS, strict=True)) and leads[1] > best:
                winner, best = key, leads[1]
        return winner
