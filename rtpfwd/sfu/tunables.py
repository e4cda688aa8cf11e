"""Every setting of a running worker: described, readable, and changeable within its range.

Settings stay frozen: a change replaces the tree that all objects of the worker read through their context.
Some things take what they need when they are made; ``Scope`` says for each setting whom a change reaches.
Durations that a timer waits for count from its next arming. Each change is noted in the ledger, so that
captures tell when who was treated how. The list itself is in tunable_list.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rtpfwd.clock import Instant
from rtpfwd.errors import InvalidParameters, NotFoundError
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.sfu.ledger import LedgerReason, SubjectKind, What
from rtpfwd.sfu.settings import WorkerSettings

if TYPE_CHECKING:
    from rtpfwd.sfu.context import Context

Number = int | float
"""A value: ``bool`` (an int to Python), int or float, as the setting's default is."""

UNITS = (
    ("_us", "µs"),
    ("_ms", "ms"),
    ("_bps", "bit/s"),
    ("_percent", "%"),
    ("_bytes", "bytes"),
)


class Scope(StrEnum):
    """Whom a change reaches."""

    RUNNING = "running"
    """All objects, those that are there included."""
    NEW_TRANSPORTS = "newTransports"
    """Transports made afterwards; of the estimate: those whose estimate has not begun."""
    NEW_PRODUCERS = "newProducers"
    NEW_CONSUMERS = "newConsumers"
    START = "start"
    """Nothing: memory that was laid out, or behaviour that was agreed on, when the worker was made."""


@dataclass(frozen=True, slots=True)
class Tunable:
    """What there is to know of a setting besides its value. ``name`` is its path in ``WorkerSettings``."""

    name: str
    lowest: Number
    highest: Number
    scope: Scope
    source: str
    """Where the default comes from: a project, a standard, or ours."""
    about: str

    @property
    def unit(self) -> str:
        """A unit; empty for counts, factors and switches."""
        return next((unit for ending, unit in UNITS if self.name.endswith(ending)), "")


BELOW: tuple[tuple[str, str], ...] = (
    ("bandwidth.estimator.min_bps", "bandwidth.estimator.initial_bps"),
    ("bandwidth.estimator.initial_bps", "bandwidth.estimator.max_bps"),
    ("bandwidth.estimator.loss.low", "bandwidth.estimator.loss.high"),
    ("bandwidth.estimator.delay.min_threshold_ms", "bandwidth.estimator.delay.max_threshold_ms"),
    ("bandwidth.allocation.hysteresis.wait_us", "bandwidth.allocation.hysteresis.max_wait_us"),
    ("rtcp.default_rtt_us", "rtcp.max_rtt_us"),
    ("left_behind_us", "inactivity_us"),
)
"""Pairs of which the first must not be above the second."""


class Tunables:
    """Those of one worker."""

    def __init__(self, context: Context, known: Mapping[str, Tunable]) -> None:
        self._context = context
        self._known = known
        self._defaults = dict(flattened(WorkerSettings()))
        self.changes = 0
        """How many values have been changed since the start."""

    def to_json(self, prefix: str = "") -> list[JsonObject]:
        """Those whose name begins with ``prefix``: ``{name, value, default, unit, lowest, highest, scope,
        source, about}``, by name.
        """
        present = dict(flattened(self._context.settings))
        return [
            {
                "name": one.name,
                "value": present[one.name],
                "default": self._defaults[one.name],
                "unit": one.unit,
                "lowest": one.lowest,
                "highest": one.highest,
                "scope": one.scope.value,
                "source": one.source,
                "about": one.about,
            }
            for one in sorted(self._known.values(), key=lambda one: one.name)
            if one.name.startswith(prefix)
        ]

    def read(self, name: str) -> Number:
        """A present value. Raises ``NotFoundError``."""
        self._find(name)
        value: Number = dict(flattened(self._context.settings))[name]
        return value

    def change(self, values: Mapping[str, Any], *, now: Instant) -> list[JsonObject]:
        """Change all of these or, raising, none: ``NotFoundError`` for a name, ``InvalidParameters`` for a
        value out of its range, of another type, or that does not go with the others.

        Returns ``{name, before, after, scope}`` for each that is another one now.
        """
        present = dict(flattened(self._context.settings))
        for name in values:
            if self._find(name).scope is Scope.START:
                raise InvalidParameters(f"{name} cannot be changed while the worker runs")
        settings = configured(self._context.settings, values, self._known)
        after = dict(flattened(settings))
        wanted = {name: after[name] for name in values if after[name] != present[name]}
        self._context.settings = settings
        self.changes += len(wanted)
        for name, checked in wanted.items():
            self._context.ledger.note(
                now, SubjectKind.TUNABLE, name, What.TUNABLE, LedgerReason.ASKED, present[name], checked
            )
        return [
            {"name": name, "before": present[name], "after": value, "scope": self._known[name].scope.value}
            for name, value in wanted.items()
        ]

    def _find(self, name: str) -> Tunable:
        found = self._known.get(name)
        if found is None:
            raise NotFoundError(f"no tunable {name[:80]!r}")
        return found


def configured(
    settings: WorkerSettings, values: Mapping[str, Any], known: Mapping[str, Tunable]
) -> WorkerSettings:
    """Settings with these values, for a worker that has not begun: what a change cannot reach can be set.

    ``known`` are the tunables by name. Raises ``NotFoundError`` for a name, ``InvalidParameters`` for a value
    out of its range, of another type, or that does not go with the others.
    """
    defaults = dict(flattened(WorkerSettings()))
    for name, value in values.items():
        if name not in known:
            raise NotFoundError(f"no tunable {name[:80]!r}")
        settings = _replaced(settings, name.split("."), _checked(known[name], value, defaults[name]))
    after = dict(flattened(settings))
    for low, high in BELOW:
        if after[low] > after[high]:
            raise InvalidParameters(f"{low} ({after[low]}) must not be above {high} ({after[high]})")
    ring = settings.plane.history_packets
    if ring & (ring - 1):
        raise InvalidParameters(f"plane.history_packets ({ring}) must be a power of two")
    return settings


def changed(settings: WorkerSettings) -> JsonObject:
    """Those that are not the default, by name."""
    defaults = dict(flattened(WorkerSettings()))
    return {name: value for name, value in flattened(settings) if value != defaults[name]}


def flattened(settings: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All values of a tree of dataclasses as (dotted name, value)."""
    for one in fields(settings):
        value = getattr(settings, one.name)
        if is_dataclass(value):
            yield from flattened(value, f"{path}{one.name}.")
        else:
            yield f"{path}{one.name}", value


def _checked(tunable: Tunable, value: Any, default: Number) -> Number:
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise InvalidParameters(f"{tunable.name} must be true or false")
        return value
    wants_whole = isinstance(default, int)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or (wants_whole and value != int(value))
    ):
        raise InvalidParameters(f"{tunable.name} must be a {'whole ' if wants_whole else ''}number")
    if not tunable.lowest <= value <= tunable.highest:
        raise InvalidParameters(
            f"{tunable.name} must be from {tunable.lowest} to {tunable.highest}"
            f"{' ' + tunable.unit if tunable.unit else ''}"
        )
    return int(value) if wants_whole else float(value)


def _replaced(node: Any, path: list[str], value: Number) -> Any:
    first, *rest = path
    return replace(node, **{first: _replaced(getattr(node, first), rest, value) if rest else value})
