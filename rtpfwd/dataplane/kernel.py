"""The other face of a data plane that can run by itself, on threads and sockets of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Kernel(Protocol):
    """A data plane with a thread and sockets of its own: nothing of Python's can delay a packet.

    Once started, ``forward`` and ``handle_timeout`` have nothing to do, and what ``retransmit`` and ``probe``
    cause leaves by itself.
    """

    def start(self, sockets: Sequence[int], bell: int = -1, first_local: int = 0) -> int:
        """Serve these UDP sockets (file descriptors, by index of the paths, of which the first is
        ``first_local``). Returns a descriptor that is readable while upcalls wait: ``bell``, or a new one for
        -1. Raises ``InvalidState`` unless called once and before any transport.
        """

    def heard(self) -> None:
        """Quiet that descriptor; upcalls are to be taken afterwards."""

    def stop(self) -> None:
        """End the thread: before the sockets are closed. Again is harmless."""

    def socket_counters(self) -> dict[str, int]:
        """Running totals of the sockets under flat names."""
