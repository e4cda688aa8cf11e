"""Both planes as one: each call goes to the reference and to the native plane, with the same result."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from rtpfwd.capture.calls import Arguments
from rtpfwd.capture.replay import Replay, ReplayResult
from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import DataPlane, PlaneLimits
from rtpfwd.dataplane.load import load_plane
from rtpfwd.errors import InvalidState, RtpfwdError
from rtpfwd.wire.datagram import Datagram, Path

SILENT = frozenset(("take_upcalls", "next_timeout", "counters"))
"""After these there is nothing new to compare."""


class TwinPlane:
    """A ``DataPlane`` that raises ``AssertionError`` where its two planes differ: in bytes, records, upcalls,
    errors, or in when they next have something due.
    """

    def __init__(self, limits: PlaneLimits | None = None) -> None:
        self.planes: tuple[DataPlane, DataPlane] = (
            load_plane("reference", limits),
            load_plane("native", limits),
        )
        self._upcalls: list[Any] = []
        self.upcalls_compared = 0

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            ours, theirs = (_outcome(plane, name, arguments, named) for plane in self.planes)
            assert ours == theirs, f"{name}{arguments}: the reference {ours}, the native plane {theirs}"
            if name not in SILENT:
                self._compare()
            if isinstance(ours, _Raised):
                raise ours.error
            if name == "take_upcalls":
                taken, self._upcalls = self._upcalls + ours, []
                return taken
            return ours

        return call

    def _compare(self) -> None:
        for name in ("take_upcalls", "next_timeout", "counters"):
            ours, theirs = (getattr(plane, name)() for plane in self.planes)
            assert ours == theirs, f"{name}: the reference {ours}, the native plane {theirs}"
            if name == "take_upcalls":
                self._upcalls += ours
                self.upcalls_compared += len(ours)


def _outcome(plane: DataPlane, name: str, arguments: Any, named: Any) -> Any:
    try:
        return getattr(plane, name)(*arguments, **named)
    except (RtpfwdError, ValueError) as error:
        return _Raised(error)


class TwinReplay(Replay):
    """A replay on both planes at once: everything compared after each call and batch, counters of streams and
    transports and what the control plane may take as well.
    """

    def __init__(self, on_sent: Callable[[Instant, Path, bytes], None] | None = None) -> None:
        super().__init__(TwinPlane, plain=False, on_sent=on_sent)
        self.records_compared = 0
        self._calls = 0
        self._numbers: dict[str, set[int]] = {
            "transport": set(),
            "receive_stream": set(),
            "send_stream": set(),
        }

    def forward(self, plane: DataPlane, batch: list[Datagram], now: Instant) -> None:
        """Every so often all records are compared, too, which takes longer than the packets do."""
        super().forward(plane, batch, now)
        self._calls += 1
        if self._calls % 20 == 0:
            self._compare_all(plane)

    def call(self, plane: DataPlane, method: str, arguments: Arguments, now: Instant) -> None:
        """Also notes what there is."""
        super().call(plane, method, arguments, now)
        verb, _, kind = method.partition("_")
        if kind in self._numbers and verb == "add":
            self._numbers[kind].add(arguments[0])
        elif kind in self._numbers and verb == "remove":
            self._compare_all(plane)
            self._numbers[kind].discard(arguments[0])

    def finish(self) -> ReplayResult:
        """And once more at the end."""
        result = super().finish()
        assert self.plane is not None
        self._compare_all(self.plane)
        return result

    def _compare_all(self, plane: DataPlane) -> None:
        takes = {
            "transport": ("transport_counters", "take_arrivals", "take_departures"),
            "receive_stream": ("receive_counters", "take_audio_levels"),
            "send_stream": ("send_counters",),
        }
        for kind, names in takes.items():
            for name in names:
                for number in self._numbers[kind]:
                    # What went with its transport is unknown to both, which is the same answer.
                    with contextlib.suppress(InvalidState):
                        getattr(plane, name)(number)
                    self.records_compared += 1


class _Raised:
    """An error by its type and text, so that two of them can be equal."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Raised)
            and type(other.error) is type(self.error)
            and str(other.error) == str(self.error)
        )

    def __hash__(self) -> int:
        return hash(str(self.error))
