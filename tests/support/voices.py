"""How people sound to an RFC 6464 meter: functions from time to -dBov, for ``MediaSource.loudness``."""

from __future__ import annotations

from collections.abc import Callable

from rtpfwd.clock import Instant, milliseconds

Voice = Callable[[Instant], int]

SPEECH, ROOM, SILENCE = 28, 88, 127
WORD_US, PAUSE_US = milliseconds(480), milliseconds(120)


def quiet(_at: Instant) -> int:
    """A microphone in a room where nobody speaks."""
    return ROOM


def talking(at: Instant) -> int:
    """Words of half a second with short pauses."""
    return SPEECH if at % (WORD_US + PAUSE_US) < WORD_US else ROOM


def coughing(every_us: int, length_us: int = milliseconds(200)) -> Voice:
    """As loud as speech, and short."""
    return lambda at: SPEECH if at % every_us < length_us else ROOM


def steady(level: int) -> Voice:
    """The same level all the time."""
    return lambda _at: level
