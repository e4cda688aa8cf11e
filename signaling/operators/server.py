"""What operators may look into and change: the parts of a calling server, whoever put them together."""

from __future__ import annotations

from typing import Protocol

from rtpfwd.drivers.realtime import RealtimeDriver
from signaling.gateway import Gateway
from signaling.room import Rooms
from signaling.settings import Settings

from .drain import Drain


class OperatedServer(Protocol):
    """``signaling.app.CallServer`` is one."""

    settings: Settings
    driver: RealtimeDriver
    rooms: Rooms
    gateway: Gateway
    drain: Drain
