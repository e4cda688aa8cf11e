"""Which process runs on which core: the measured one gets one for itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


def split_cpus() -> tuple[int | None, set[int]]:
    """(core of the server, cores of the load); ``(None, ...)`` where there is nothing to divide."""
    if not hasattr(os, "sched_getaffinity"):
        return None, set()
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return None, set(cpus)
    return cpus[0], set(cpus[1:])


def pin(cpus: set[int]) -> None:
    """Keep this process on these cores, where the system can."""
    if cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)


@contextmanager
def pinned(cpus: set[int]) -> Iterator[None]:
    """The same for a while."""
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    pin(cpus)
    try:
        yield
    finally:
        pin(set(before))
