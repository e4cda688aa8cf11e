"""Draining: nobody new comes in, calls go on until the last one has ended or the time is up, then the server
stops.

A client that loses its socket meanwhile may still resume: to it, it is the same call. New sockets are taken
for that reason; joining is what is refused (code ``draining``). Whoever is in a call is told by the push
``server-draining`` ``{remainingS}``, again at another deadline, and without ``remainingS`` when it was called
off; whoever resumes finds ``draining`` in the answer.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from signaling.room import Post, Rooms

LOOK_S = 0.1  # between looks at whether anybody is left

log = structlog.get_logger("signaling")


class Drain:
    """One for each server. ``ended`` is called once: with nobody left, or when the time is up."""

    def __init__(self, rooms: Rooms, post: Post) -> None:
        self.ended: Callable[[], None] = lambda: None
        self.reason = ""
        self._rooms = rooms
        self._post = post
        self._deadline = 0.0
        self._timer: asyncio.Handle | None = None

    @property
    def active(self) -> bool:
        """Whether it drains."""
        return self._rooms.draining

    @property
    def remaining_s(self) -> float:
        """Seconds until the server stops whoever is left."""
        return max(self._deadline - asyncio.get_running_loop().time(), 0.0) if self.active else 0.0

    def begin(self, deadline_s: float, reason: str) -> None:
        """Begins, or sets another deadline for what has begun."""
        self._deadline = asyncio.get_running_loop().time() + deadline_s
        self.reason = reason
        if not self.active:
            self._rooms.draining = True
        log.info("draining", reason=reason, deadline_s=deadline_s, people=self._rooms.peers)
        self._tell_people({"remainingS": round(self.remaining_s, 1)})
        self.cancel_timer()
        self._timer = asyncio.get_running_loop().call_soon(self._look)

    def cancel(self) -> None:
        """Takes new people again. Too late once it has ended."""
        if self.active:
            self._rooms.draining = False
            self.cancel_timer()
            log.info("draining cancelled")
            self._tell_people({})

    def cancel_timer(self) -> None:
        """Looks no more; for a server that stops by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def to_json(self) -> dict[str, Any]:
        """``{draining, people, reason?, remainingS?}``."""
        told: dict[str, Any] = {"draining": self.active, "people": self._rooms.peers}
        if self.active:
            told |= {"reason": self.reason, "remainingS": round(self.remaining_s, 1)}
        return told

    def _tell_people(self, data: dict[str, Any]) -> None:
        people = [peer for room in self._rooms for peer in room.peers.values() if peer.part_two]
        self._post(people, "server-draining", data)

    def _look(self) -> None:
        self._timer = None
        if self._rooms.peers == 0 or self.remaining_s <= 0:
            log.info("drained", people=self._rooms.peers)
            self.ended()
        else:
            wait = min(LOOK_S, self.remaining_s)
            self._timer = asyncio.get_running_loop().call_later(wait, self._look)
