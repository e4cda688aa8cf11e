"""What a busy control plane does to packets: Python threads that never rest, and the garbage collector."""

from __future__ import annotations

import gc
import threading

from rtpfwd.errors import InvalidParameters

COLLECTED = 1000
"""Objects for each collection, in one cycle each."""
EVERY_S = 0.02


class Nuisances:
    """One at a time."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, name: str) -> None:
        """``burn``: a thread that takes all the CPU that it gets. ``collect``: 1,000 objects thrown away and
        collected, fifty times a second. ``none``: peace. Raises ``InvalidParameters``.
        """
        work = {"burn": self._burn, "collect": self._collect, "none": None}
        if name not in work:
            raise InvalidParameters(f"no nuisance {name!r}: there is {', '.join(work)}")
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None
        target = work[name]
        if target is not None:
            self._stop.clear()
            self._thread = threading.Thread(target=target, daemon=True)
            self._thread.start()

    def _burn(self) -> None:
        number = 1
        while not self._stop.is_set():
            for _ in range(10_000):
                number = number * 69069 + 1 & 0xFFFF_FFFF

    def _collect(self) -> None:
        while not self._stop.wait(EVERY_S):
            for _ in range(COLLECTED):
                one: list[object] = []
                one.append(one)
            gc.collect()
