"""Shrinking a capture file for which a check fails (capture/minimise.py), by playing it over and over.

A check takes a ``PlayedCapture``; it fails when it raises or returns False. A part of the capture counts
only if it fails in the same way: with the same kind of error, raised in the same place on the same way there.
Where the data plane itself breaks, that is the fault, whatever the check. A part in which the plane refuses
calls that it took before is no use.

Packets that are left out are losses to the plane, and what was recorded on the way out is left out first. So
a check has to be one that a server without fault passes for any part of the capture; ``PlayedCapture.again``
plays the same part with another plane, to compare with.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rtpfwd.capture.minimise import MAX_TRIES, Minimised, minimise
from rtpfwd.drivers.played_capture import PlayedCapture, play_capture
from rtpfwd.drivers.recordings import Truncated, read_items, write_items
from rtpfwd.errors import RtpfwdError
from rtpfwd.wire.captures.items import CaptureItem

Check = Callable[[PlayedCapture], object]
Fault = tuple[str, tuple[tuple[str, int | None], ...]]
"""What kind of error, and the files and lines on the way to it."""
RETURNED_FALSE: Fault = ("returned False", ())


def minimise_file(
    source: Path,
    check: Check,
    target: Path,
    *,
    max_tries: int = MAX_TRIES,
    told: Callable[[int, int], None] = lambda tries, items: None,
    **settings: Any,
) -> Minimised:
    """Write to ``target`` the smallest part of ``source`` that was found for which ``check`` fails.

    ``settings`` are those of ``play_capture``; ``told`` hears how many parts were tried and how many items
    the last one had. Raises as ``play_capture`` does, ``InvalidParameters`` where the check passes, and
    ``OSError``.
    """
    items = list(_whole(source))
    played, fault = _try(items, check, settings)
    accepted = set(played.result.refused) if played is not None else set()
    tries = 0

    def fails(part: Sequence[CaptureItem]) -> bool:
        nonlocal tries
        tries += 1
        told(tries, len(part))
        try:
            one, found = _try(part, check, settings)
        except RtpfwdError:
            return False
        if one is not None and not accepted.issuperset(one.result.refused):
            return False
        return found is not None and found == fault

    found = minimise(items, fails, max_tries=max_tries)
    write_items(target, found.items)
    return found


def _whole(path: Path) -> Iterator[CaptureItem]:
    with suppress(Truncated):  # what there is may show the fault
        yield from read_items(path)


def _try(
    items: Sequence[CaptureItem], check: Check, settings: dict[str, Any]
) -> tuple[PlayedCapture | None, Fault | None]:
    """What came of it, and what was wrong. Raises ``RtpfwdError`` for items that cannot be played."""
    try:
        played = play_capture(items, **settings)
    except RtpfwdError:
        raise
    except Exception as error:  # a bug of a data plane: just what one looks for
        return None, _fault(error)
    try:
        passed = check(played) is not False
    except Exception as error:
        return played, _fault(error)
    return played, None if passed else RETURNED_FALSE


def _fault(error: Exception) -> Fault:
    frames = traceback.extract_tb(error.__traceback__)
    return type(error).__name__, tuple((one.filename, one.lineno) for one in frames)
