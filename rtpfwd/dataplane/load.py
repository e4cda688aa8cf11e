"""Choosing the data plane: the one place above which nobody knows which one runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rtpfwd.dataplane.interface import DataPlane, PlaneLimits
from rtpfwd.dataplane.kernel import Kernel as Kernel
from rtpfwd.dataplane.reference.plane import ReferencePlane
from rtpfwd.dataplane.sharded import ShardedPlane
from rtpfwd.errors import UnsupportedError

AUTO = "auto"

try:
    from rtpfwd.dataplane.native.plane import NativePlane, Sink
except ImportError as error:
    # Not built (no compiler at the installation), or built for another Python.
    WHY_NOT_NATIVE = str(error)
    PLANES: tuple[str, ...] = ("reference",)
else:
    WHY_NOT_NATIVE = ""
    PLANES = ("reference", "native")


class PacketSink(Protocol):
    """The receiving end of a bench: counts RTP on UDP sockets faster than Python could."""

    packets: int
    """RTP packets so far."""

    def poll(self, ready: Sequence[int]) -> list[tuple[int, bytes]]:
        """Take what waits on these descriptors; what is not RTP is returned with its descriptor."""


def packet_sink(sockets: Sequence[int]) -> PacketSink | None:
    """A compiled sink for these descriptors, where there is one."""
    return None if WHY_NOT_NATIVE else Sink(sockets)


def kernel_of(plane: DataPlane) -> Kernel | None:
    """The plane's other face where it can run by itself."""
    if isinstance(plane, ShardedPlane):
        return plane
    return plane if not WHY_NOT_NATIVE and isinstance(plane, NativePlane) else None


def sharded(plane: DataPlane, limits: PlaneLimits | None, sockets: Sequence[int]) -> DataPlane:
    """This plane and more of its kind, one for each number in ``sockets``, which says how many of the sockets
    it serves. Raises ``UnsupportedError`` for a plane that cannot run by itself.
    """
    if len(sockets) == 1:
        return plane
    if WHY_NOT_NATIVE or not isinstance(plane, NativePlane):
        raise UnsupportedError("only the native plane has threads")
    return ShardedPlane([plane, *(NativePlane(limits) for _ in sockets[1:])], sockets)


def load_plane(name: str | None = None, limits: PlaneLimits | None = None) -> DataPlane:
    """The plane of that name; for ``None`` and ``auto`` the compiled one, or where that cannot run the
    reference. Raises ``UnsupportedError`` for another name, and for ``native`` where that was not built or
    pylibsrtp hides what it needs.
    """
    if name in (None, AUTO):
        return ReferencePlane(limits) if why_not_native() else NativePlane(limits)
    if name == "reference":
        return ReferencePlane(limits)
    if name != "native":
        raise UnsupportedError(f"no data plane {name!r}: there is {', '.join((AUTO, *PLANES))}")
    if WHY_NOT_NATIVE:
        raise UnsupportedError(f"the native data plane is not there: {WHY_NOT_NATIVE}")
    return NativePlane(limits)


def why_not_native() -> str:
    """What stands in the way of the compiled plane; empty where it can run."""
    if WHY_NOT_NATIVE:
        return WHY_NOT_NATIVE
    try:
        NativePlane()
    except UnsupportedError as error:
        return str(error)
    return ""
