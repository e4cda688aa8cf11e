"""What a peer whose token grants ``moderate`` may do to a room and to others in it.

* ``room-lock`` ``{locked}``: nobody new comes in but moderators (``room_locked``); who is in, or resumes,
  stays. Pushed as ``room-updated`` ``{locked}``.
* ``peer-mute`` ``{producerId}``: pauses somebody's producer. Its owner gets ``producer-muted``
  ``{producerId}`` and may go on when they like; the others get ``producer-paused``.
* ``peer-remove`` ``{peerId}``: out at once, without a resume window, and not in again with the same token
  while the room exists. The removed client gets ``room-closed`` with the reason ``removed``.

A base of ``namespace.CallNamespace``, which says who asks. An open server (no tokens) has no moderators.
"""

from typing import Any

import structlog

from . import messages as m
from .membership import Doors, Members
from .peer import Peer
from .room import Room

log = structlog.get_logger("signaling")


class Moderation:
    """Answers ``room-lock``, ``peer-mute`` and ``peer-remove``. All refuse ``forbidden`` to others."""

    def lock_room(self: Doors, sid: str, request: m.LockRoom) -> dict[str, Any]:
        """``room-lock``."""
        room, moderator = _moderating(self, sid)
        room.lock(request.locked)
        log.info("locked" if request.locked else "unlocked", room=room.name, by=moderator.id)
        return {}

    def mute_peer(self: Doors, sid: str, request: m.OfProducer) -> dict[str, Any]:
        """``peer-mute``. Refuses ``not_found`` for a producer that is not in the room."""
        room, moderator = _moderating(self, sid)
        owner = room.mute(request.producer_id, self._now())
        log.info("muted", peer=owner.id, room=room.name, by=moderator.id)
        return {}

    def remove_peer(self: Doors, sid: str, request: m.OfPeer) -> dict[str, Any]:
        """``peer-remove``. Refuses ``not_found`` for somebody who is not in the room."""
        room, moderator = _moderating(self, sid)
        removed = room.remove(request.peer_id)
        connection = removed.connection
        if connection is not None:
            del self._peers[connection]
            self.connections.push([connection], "room-closed", {"reason": "removed"})
            self.connections.drop(connection)
        self._leave(removed, f"removed by {moderator.id}")
        return {}


def _moderating(members: Members, sid: str) -> tuple[Room, Peer]:
    room, peer = members._joined(sid)
    peer.ticket.need("moderate")
    return room, peer
