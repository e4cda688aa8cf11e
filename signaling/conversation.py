"""The requests with which people talk beside the media: chat, names, raised hands, reactions.

A base of ``namespace.CallNamespace``, which says who asks. Reactions are a fixed list and not text: what a
page shows large on everybody's screen is nobody's to type.
"""

import time
from datetime import UTC, datetime
from typing import Any

from . import messages as m
from .membership import Speakers
from .refusal import Code, Refusal
from .websocket import TokenBucket

MICROSECONDS = 1_000_000


class Conversation:
    """Answers ``chat-send``, ``set-display-name``, ``raise-hand`` and ``react``."""

    def send_chat(self: Speakers, sid: str, request: m.ChatSend) -> dict[str, Any]:
        """``chat-send``: the message comes back as ``chat-message`` too, in the order that all see."""
        room, peer = self._joined(sid)
        return {"message": room.say(peer, request.text, time_of_day())}

    def set_display_name(self: Speakers, sid: str, request: m.SetDisplayName) -> dict[str, Any]:
        """``set-display-name``."""
        room, peer = self._joined(sid)
        if peer.ticket.name not in (None, request.display_name):
            raise Refusal(Code.FORBIDDEN, "the token says what you are called")
        room.rename(peer, request.display_name)
        return {}

    def raise_hand(self: Speakers, sid: str, request: m.RaiseHand) -> dict[str, Any]:
        """``raise-hand``: up or down. One that is up keeps its time, and so its place in the queue."""
        room, peer = self._joined(sid)
        if request.raised != (peer.hand_raised_at is not None):
            peer.hand_raised_at = time_of_day() if request.raised else None
            room.tell_of(peer)
        return {}

    def react(self: Speakers, sid: str, request: m.React) -> dict[str, Any]:
        """``react``: shown for a moment on the others' pages, kept nowhere.

        Refuses ``limit_exceeded`` above ``limits.reactions_per_second``.
        """
        room, peer = self._joined(sid)
        limits, now = self._settings.limits, self._now() / MICROSECONDS
        if peer.reactions is None:
            peer.reactions = TokenBucket(limits.reactions_per_second, limits.reaction_burst, now)
        if not peer.reactions.take(now):
            text = f"limit reached: reactions_per_second ({limits.reactions_per_second:g})"
            raise Refusal(Code.LIMIT_EXCEEDED, text)
        room.react(peer, request.reaction)
        return {}


def time_of_day() -> str:
    """Now, as ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
