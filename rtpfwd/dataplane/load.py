"""Choosing the data plane: the one place above which nobody knows which one runs."""

from __future__ import annotations

from rtpfwd.dataplane.interface import DataPlane, PlaneLimits
from rtpfwd.dataplane.reference.plane import ReferencePlane
from rtpfwd.errors import UnsupportedError

try:
    from rtpfwd.dataplane.native.plane import NativePlane
except ImportError as error:
    # Not built (no compiler at the installation), or built for another Python.
    WHY_NOT_NATIVE = str(error)
    PLANES: tuple[str, ...] = ("reference",)
else:
    WHY_NOT_NATIVE = ""
    PLANES = ("reference", "native")


def load_plane(name: str | None = None, limits: PlaneLimits | None = None) -> DataPlane:
    """The plane of that name, or the best there is for ``None``. Raises ``UnsupportedError`` for another
    name, and for ``native`` where that was not built or pylibsrtp hides what it needs.
    """
    if name in (None, "reference"):
        return ReferencePlane(limits)
    if name != "native":
        raise UnsupportedError(f"no data plane {name!r}: there is {', '.join(PLANES)}")
    if WHY_NOT_NATIVE:
        raise UnsupportedError(f"the native data plane is not there: {WHY_NOT_NATIVE}")
    return NativePlane(limits)
