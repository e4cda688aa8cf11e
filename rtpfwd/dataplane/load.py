"""Choosing the data plane: the one place above which nobody knows which one runs."""

from __future__ import annotations

from rtpfwd.dataplane.interface import DataPlane, PlaneLimits
from rtpfwd.dataplane.reference.plane import ReferencePlane
from rtpfwd.errors import UnsupportedError

PLANES = ("reference",)


def load_plane(name: str | None = None, limits: PlaneLimits | None = None) -> DataPlane:
    """The plane of that name, or the best there is for ``None``. Raises ``UnsupportedError`` for another
    name.
    """
    if name not in (None, *PLANES):
        raise UnsupportedError(f"no data plane {name!r}: there is {', '.join(PLANES)}")
    return ReferencePlane(limits)
