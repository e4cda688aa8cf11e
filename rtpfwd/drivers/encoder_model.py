"""A video encoder without pictures: when it makes frames, of which layer, and how large.

One encoder has one encoding per simulcast stream, or one per spatial layer of a scalable stream. It follows a
target rate as libwebrtc's do: the rate is split lowest first, an upper encoding starts only when its minimum
(and a fifth more) is left over, sizes scatter, key frames are several times larger and are paid back
afterwards, and a frame is dropped when the debt is too large. Source of the shares: libwebrtc's
``SimulcastRateAllocator``. Left out: quality, and resolution changes within an encoding.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds

TEMPORAL_PATTERNS: dict[int, tuple[int, ...]] = {1: (0,), 2: (0, 1), 3: (0, 2, 1, 2)}
FRAME_WEIGHTS: dict[int, tuple[float, ...]] = {1: (1.0,), 2: (1.2, 0.8), 3: (1.6, 0.8, 0.8)}
"""Size of a frame of each temporal layer, times the mean: 60/40 and 40/20/40 percent of the rate."""
START_MARGIN = 1.2  # libwebrtc: what an encoding needs, times its minimum, to be switched on again
FOLLOW_US = milliseconds(200)  # time constant of rate control
SMALLEST_FRAME = 80
DROP_AT_S = 0.4  # of rate in debt
PAY_BACK_FRAMES = 10
SCREEN_QUIET_SHARE = 0.08
SCREEN_CHANGE_EVERY_S = 4.0


@dataclass(frozen=True, slots=True)
class EncodingSpec:
    """One simulcast encoding or one spatial layer. Rates in bits per second."""

    width: int
    height: int
    max_bps: int
    min_bps: int = 30_000
    fps: float = 30.0
    temporal_layers: int = 1


SIMULCAST_720P = (
    EncodingSpec(320, 180, 150_000, 30_000, temporal_layers=3),
    EncodingSpec(640, 360, 500_000, 150_000, temporal_layers=3),
    EncodingSpec(1280, 720, 2_000_000, 600_000, temporal_layers=3),
)
"""What a browser's camera is usually told to send."""


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """``svc``: the encodings are spatial layers of one stream; ``key_only``: layers depend on one another in
    key frames only (k-SVC). All encodings of an SVC stream share frame rate and temporal layers.
    """

    encodings: tuple[EncodingSpec, ...]
    svc: bool = False
    key_only: bool = False
    screen: bool = False
    """Nearly nothing most of the time, and a burst when the picture changes."""
    noise: float = 0.2
    """Frame sizes scatter by up to this share."""
    key_frame_ratio: tuple[float, float] = (5.0, 8.0)
    """Key frames are so many times as large as the mean frame."""
    encode_us: int = milliseconds(8)
    """From capture to the first packet."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of one encoding (a layer frame where spatial layers share a picture)."""

    encoding: int
    temporal: int
    key: bool
    size: int
    captured: Instant
    place: int
    """In the temporal pattern."""
    last_of_picture: bool = True
    new_layers: bool = False
    """Of SVC: the first picture with another set of layers than the one before."""


class _Encoding:
    """What one encoding remembers."""

    __slots__ = ("debt", "due", "key_wanted", "place", "rate", "running", "target")

    def __init__(self) -> None:
        self.target = 0
        self.rate = 0.0
        self.running = False
        self.key_wanted = True
        self.place = 0
        self.debt = 0.0  # bytes
        self.due: Instant | None = None


class EncoderModel:
    """``set_target`` and ``set_active`` say what it may do, ``encode`` gives the frames that are due."""

    def __init__(self, spec: EncoderSpec, target_bps: int) -> None:
        self.spec = spec
        self.active = [True] * len(spec.encodings)
        self.dropped = self.key_frames = 0
        self.target_bps = target_bps
        self._random = random.Random(f"encoder {spec.seed}")
        self._states = [_Encoding() for _ in spec.encodings]
        self._last: Instant | None = None
        self._layers: tuple[int, ...] = ()
        self._burst_at: Instant | None = None
        self._burst_s = 0.0
        self._allocate()

    @property
    def allocation(self) -> tuple[int, ...]:
        """Bits per second of each encoding; 0: off."""
        return tuple(state.target if state.running else 0 for state in self._states)

    @property
    def wanted_bps(self) -> int:
        """What the active encodings could use together."""
        both = zip(self.spec.encodings, self.active, strict=True)
        return sum(one.max_bps for one, active in both if active)

    def set_target(self, bps: int) -> None:
        """What all encodings together shall take from now on."""
        self.target_bps = bps
        self._allocate()

    def set_active(self, encoding: int, active: bool) -> None:
        """Whether anybody wants this encoding (dynacast; ``setParameters`` in a browser)."""
        self.active[encoding] = active
        self._allocate()

    def request_key_frame(self, encoding: int) -> None:
        """The next frame of this encoding is a key frame; of SVC, of all layers."""
        for index, state in enumerate(self._states):
            if self.spec.svc or index == encoding:
                state.key_wanted = True

    def start(self, now: Instant) -> None:
        """The first frames are captured now."""
        self._last = now
        for state in self._states:
            state.due = now
        if self.spec.screen:
            self._plan_burst(now)

    def next_capture(self) -> Instant | None:
        """When the next frame is captured."""
        return min((state.due for state in self._states if state.due is not None), default=None)

    def encode(self, now: Instant) -> list[Frame]:
        """The frames captured by now, lowest encoding first."""
        if self._last is None:
            return []
        self._follow(now - self._last)
        self._last = now
        if self._burst_at is not None and now >= self._burst_at:
            self._burst_s = 1.0
            self._plan_burst(now)
        return self._encode_svc(now) if self.spec.svc else self._encode_simulcast(now)

    def _encode_simulcast(self, now: Instant) -> list[Frame]:
        frames = []
        for index, state in enumerate(self._states):
            if state.due is None or state.due > now:
                continue
            captured = state.due
            self._advance(index, now)
            if not state.running:
                continue
            key = state.key_wanted
            if not key and state.debt > state.rate / 8 * DROP_AT_S:
                self._drop(index)
                continue
            frames.append(self._frame(index, key, captured, True, False))
        return frames

    def _encode_svc(self, now: Instant) -> list[Frame]:
        base = self._states[0]
        if base.due is None or base.due > now:
            return []
        captured = base.due
        for index in range(len(self._states)):
            self._advance(index, now)
        layers = tuple(index for index, state in enumerate(self._states) if state.running)
        if not layers:
            return []
        changed = layers != self._layers
        grown = bool(set(layers) - set(self._layers))
        key = grown or any(state.key_wanted for state in self._states)
        debt = sum(self._states[index].debt for index in layers)
        rate = sum(self._states[index].rate for index in layers)
        if not key and debt > rate / 8 * DROP_AT_S:
            for index in layers:
                self._drop(index)
            return []
        self._layers = layers
        frames = []
        for index in layers:
            self._states[index].place = base.place
            frames.append(self._frame(index, key, captured, index == layers[-1], changed, advance=False))
        pattern = TEMPORAL_PATTERNS[self.spec.encodings[0].temporal_layers]
        place = 1 % len(pattern) if key else (base.place + 1) % len(pattern)
        for state in self._states:
            state.place = place
            state.key_wanted = False
        return frames

    def _frame(
        self, index: int, key: bool, captured: Instant, last: bool, new_layers: bool, *, advance: bool = True
    ) -> Frame:
        spec, state = self.spec.encodings[index], self._states[index]
        pattern = TEMPORAL_PATTERNS[spec.temporal_layers]
        place = 0 if key else state.place
        temporal = pattern[place]
        size = self._size(index, temporal, key)
        if advance:
            state.place = (place + 1) % len(pattern)
            state.key_wanted = False
        self.key_frames += key
        return Frame(index, temporal, key, size, captured, place, last, new_layers)

    def _size(self, index: int, temporal: int, key: bool) -> int:
        spec, state = self.spec.encodings[index], self._states[index]
        mean = state.rate / 8 / spec.fps
        scatter = 1 + self.spec.noise * (2 * self._random.random() - 1)
        if key:
            wanted = mean * self._random.uniform(*self.spec.key_frame_ratio)
        else:
            wanted = mean * FRAME_WEIGHTS[spec.temporal_layers][temporal] * scatter
            if self.spec.screen:
                wanted *= 2.0 if self._burst_s > 0 else SCREEN_QUIET_SHARE
                self._burst_s -= 1 / spec.fps / len(self._states)
            elif state.debt > 0:
                wanted = max(wanted - state.debt / PAY_BACK_FRAMES, wanted / 2)
        state.debt = max(state.debt + wanted - mean, -2 * mean)
        return max(round(wanted), SMALLEST_FRAME)

    def _drop(self, index: int) -> None:
        state = self._states[index]
        state.debt -= state.rate / 8 / self.spec.encodings[index].fps
        self.dropped += 1

    def _advance(self, index: int, now: Instant) -> None:
        state = self._states[index]
        interval = MICROSECONDS / self.spec.encodings[index].fps
        assert state.due is not None
        behind = max(math.floor((now - state.due) / interval), 0)
        state.due = Instant(state.due + round((behind + 1) * interval))

    def _follow(self, elapsed_us: int) -> None:
        share = 1 - math.exp(-elapsed_us / FOLLOW_US)
        for state in self._states:
            state.rate += (state.target - state.rate) * share

    def _plan_burst(self, now: Instant) -> None:
        wait = self._random.expovariate(1 / SCREEN_CHANGE_EVERY_S)
        self._burst_at = Instant(now + round((1 + min(wait, 15)) * MICROSECONDS))

    def _allocate(self) -> None:
        left = self.target_bps
        first = True
        for index, (spec, state) in enumerate(zip(self.spec.encodings, self._states, strict=True)):
            needed = spec.min_bps if state.running else round(spec.min_bps * START_MARGIN)
            # The lowest one goes on at its minimum even where that is not there.
            runs = self.active[index] and (first or left >= needed)
            if runs:
                given = min(max(left, spec.min_bps), spec.max_bps)
                left = max(left - given, 0)
                first = False
                if not state.running:
                    state.rate, state.key_wanted, state.debt = float(given), True, 0.0
                state.target = given
            elif self.active[index]:
                left = 0  # who does not fit keeps those above from it
            state.running = runs
