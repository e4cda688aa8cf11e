"""What the groups of requests (``conversation``, ``bandwidth``, ``moderation``) need of the namespace that
they are bases of: a protocol for each need, so that none of them has to know ``namespace``.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from rtpfwd.clock import Instant

if TYPE_CHECKING:
    from .namespace import Connections
    from .peer import Peer
    from .room import Room
    from .settings import Settings


class Members(Protocol):
    """Knows sockets by their peers, and the time."""

    @property
    def _now(self) -> Callable[[], Instant]:
        """The clock of the SFU."""

    def _joined(self, sid: str) -> "tuple[Room, Peer]":
        """The room and the peer of a socket. Refuses ``invalid_state`` when it has not joined."""


class Speakers(Members, Protocol):
    """Also knows the settings."""

    @property
    def _settings(self) -> "Settings":
        """Of the server."""


class Doors(Members, Protocol):
    """Can also put somebody out."""

    connections: "Connections"
    _peers: "dict[str, Peer]"

    def _leave(self, peer: "Peer", why: str) -> None:
        """Takes a peer out for good."""
