"""Which data planes this installation has, for those above the drivers."""

from rtpfwd.dataplane.load import PLANES, why_not_native


def planes() -> tuple[str, ...]:
    """Names of the data planes there are: ``reference`` always, ``native`` where it was compiled."""
    return PLANES


def why_no_native_plane() -> str:
    """What stands in the way of the compiled plane; empty when it can run."""
    return why_not_native()
