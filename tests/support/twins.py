"""Both planes as one: each call goes to the reference and to the native plane, with the same result."""

from __future__ import annotations

from typing import Any

from rtpfwd.dataplane.interface import DataPlane, PlaneLimits
from rtpfwd.dataplane.load import load_plane
from rtpfwd.errors import RtpfwdError

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


def _outcome(plane: DataPlane, name: str, arguments: Any, named: Any) -> Any:
    try:
        return getattr(plane, name)(*arguments, **named)
    except (RtpfwdError, ValueError) as error:
        return _Raised(error)


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
