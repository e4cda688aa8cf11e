"""Links by name or in words: ``wifi``, ``rate=1M,delay=40ms,loss=2%``, or both: ``wifi,rate=2M``.

A link here is a viewer's access in both directions: media comes down through it, and feedback goes up through
one of the same delay, jitter and loss without the limit on its rate. The figures stand for an order of
magnitude, not for a measurement.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rtpfwd.clock import milliseconds
from rtpfwd.drivers.netem import PRESETS, LinkSpec
from rtpfwd.errors import InvalidParameters, NotFoundError

LINKS: dict[str, LinkSpec] = {
    **{name: spec for name, spec in PRESETS.items() if name != "dsl-upload"},
    "lossy": LinkSpec(delay_us=milliseconds(25), loss=0.05),
    "dsl": LinkSpec(delay_us=milliseconds(12), jitter_us=milliseconds(2), loss=0.001, rate_bps=6_000_000),
    "3g": LinkSpec(
        delay_us=milliseconds(75), jitter_us=milliseconds(40), loss=0.01, loss_burst=4, rate_bps=800_000,
        queue_us=milliseconds(500),
    ),
    "congested": LinkSpec(
        delay_us=milliseconds(20), jitter_us=milliseconds(10), loss=0.002, rate_bps=400_000,
        queue_us=milliseconds(300),
    ),
}  # fmt: skip
"""Those of the emulator, and some that only a viewer has."""

_NUMBER = re.compile(r"([0-9.]+)\s*([A-Za-zµ%/]*)")
_DURATIONS = {"us": 1, "µs": 1, "ms": 1_000, "s": 1_000_000, "": 1_000}
_RATES = {"": 1, "bit/s": 1, "k": 1_000, "kbit/s": 1_000, "M": 1_000_000, "Mbit/s": 1_000_000}


def parse_link(text: str) -> LinkSpec:
    """The link that ``text`` names or describes.

    Parts, separated by commas: a name of ``LINKS`` (first), ``rate`` (bit/s; ``800k``, ``2M``), ``delay``,
    ``jitter`` and ``queue`` (``40ms``; bare numbers are milliseconds), ``loss``, ``reorder`` and
    ``duplicate`` (``2%`` or 0.02), ``burst`` (mean length of a run of losses). Raises ``NotFoundError`` for a
    name, ``InvalidParameters`` for anything else.
    """
    first, *rest = [part.strip() for part in text.split(",")]
    spec = LinkSpec()
    if "=" in first:
        rest = [first, *rest]
    elif first in LINKS:
        spec = LINKS[first]
    else:
        raise NotFoundError(f"no link {first!r}; there are {', '.join(LINKS)}, or rate=..,delay=..,loss=..")
    for part in rest:
        name, equals, value = part.partition("=")
        word = _WORDS.get(name.strip())
        if not equals or word is None:
            raise InvalidParameters(f"link {part!r}: need one of {', '.join(_WORDS)} with a value")
        spec = replace(spec, **{word[0]: word[1](value.strip(), part)})
    return spec


def describe_link(spec: LinkSpec) -> str:
    """The figures of a link in words."""
    parts = [f"{spec.delay_us / 1000:g} ms each way"]
    if spec.jitter_us:
        parts.append(f"up to {spec.jitter_us / 1000:g} ms more by jitter")
    if spec.loss:
        runs = f" in runs of {spec.loss_burst:g}" if spec.loss_burst > 1 else ""
        parts.append(f"{100 * spec.loss:g} % lost{runs}")
    if spec.reorder:
        parts.append(f"{100 * spec.reorder:g} % reordered")
    if spec.duplicate:
        parts.append(f"{100 * spec.duplicate:g} % doubled")
    if spec.rate_bps:
        parts.append(f"{spec.rate_bps / 1000:g} kbit/s down, queue {spec.queue_us / 1000:g} ms")
    return ", ".join(parts)


def _measure(units: dict[str, int], most: int) -> Callable[[str, str], int]:
    def read(value: str, part: str) -> int:
        found = _NUMBER.fullmatch(value)
        if found is None or found[2] not in units:
            raise InvalidParameters(
                f"link {part!r}: need a number with one of {', '.join(filter(None, units))}"
            )
        amount = round(_float(found[1], part) * units[found[2]])
        if amount > most:
            raise InvalidParameters(f"link {part!r}: too much")
        return amount

    return read


def _share(value: str, part: str) -> float:
    percent = value.endswith("%")
    share = _float(value.removesuffix("%").strip(), part) / (100 if percent else 1)
    if not 0 <= share <= 1:
        raise InvalidParameters(f"link {part!r}: need 0 to 1, or 0% to 100%")
    return share


def _burst(value: str, part: str) -> float:
    length = _float(value, part)
    if not 1 <= length <= 10_000:
        raise InvalidParameters(f"link {part!r}: need 1 to 10000 datagrams")
    return length


def _float(text: str, part: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e12:
        raise InvalidParameters(f"link {part!r}: need a number")
    return number


_duration, _rate = _measure(_DURATIONS, 60_000_000), _measure(_RATES, 100_000_000_000)
_WORDS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "rate": ("rate_bps", _rate),
    "delay": ("delay_us", _duration),
    "jitter": ("jitter_us", _duration),
    "queue": ("queue_us", _duration),
    "loss": ("loss", _share),
    "burst": ("loss_burst", _burst),
    "reorder": ("reorder", _share),
    "duplicate": ("duplicate", _share),
}
