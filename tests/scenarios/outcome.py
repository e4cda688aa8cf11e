"""What a scene of bandwidth comes to: timelines, and checks with the figure that was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rtpfwd.drivers.encoder_model import SIMULCAST_720P, EncoderSpec, EncodingSpec
from tests.scenarios.timeline import Timeline, Watched

SIMULCAST = EncoderSpec(SIMULCAST_720P)
SVC = EncoderSpec(SIMULCAST_720P, svc=True)
KSVC = EncoderSpec(SIMULCAST_720P, svc=True, key_only=True)
SCREEN = EncoderSpec(
    (
        EncodingSpec(960, 540, 250_000, 50_000, fps=15, temporal_layers=2),
        EncodingSpec(1920, 1080, 1_000_000, 200_000, fps=15, temporal_layers=2),
    ),
    screen=True,
)
CAMERA_LAYERS = ("180p", "360p", "720p")


@dataclass(frozen=True, slots=True)
class Check:
    """One statement about a scene."""

    statement: str
    found: str
    holds: bool


@dataclass
class Outcome:
    """A scene that was played."""

    title: str
    timelines: list[Timeline]
    layer_names: Sequence[Sequence[str]] = (CAMERA_LAYERS,)
    watched_names: Sequence[str] = ()
    checks: list[Check] = field(default_factory=list)

    def at_most(self, what: str, found: float | None, limit: float, unit: str = "") -> None:
        """``found`` exists and is not above ``limit``."""
        self._check(f"{what}: at most {limit:g} {unit}".rstrip(), found, found is not None and found <= limit)

    def at_least(self, what: str, found: float | None, limit: float, unit: str = "") -> None:
        """``found`` exists and is not below ``limit``."""
        holds = found is not None and found >= limit
        self._check(f"{what}: at least {limit:g} {unit}".rstrip(), found, holds)

    def holds(self, what: str, found: object, holds: bool) -> None:
        """Anything else."""
        self.checks.append(Check(what, str(found), bool(holds)))

    def _check(self, statement: str, found: float | None, holds: bool) -> None:
        shown = "never" if found is None else f"{found:.0f}" if abs(found) >= 100 else f"{found:.3g}"
        self.checks.append(Check(statement, shown, holds))


def decoded_cleanly(outcome: Outcome, *watched: Watched) -> None:
    """Descriptors told the truth, and the numbering had no holes."""
    for one in watched:
        misled = len(one.decoder.misled)
        outcome.holds("no frame was let through without what it refers to", misled, misled == 0)
        sink = one.sink
        outcome.holds(
            "one numbering", (sink.jumps, sink.timestamps_back), sink.jumps == sink.timestamps_back == 0
        )


def longest_freeze(one: Watched, begin_s: float, end_s: float) -> float:
    """In milliseconds; 0 without one."""
    return max((length for _, length in one.freezes(begin_s, end_s)), default=0)
