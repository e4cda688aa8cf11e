"""A page that goes away says goodbye at the end of whatever else it had to say, and hangs up at once."""

import json
import socket

import pytest

from signaling.app import CallServer
from tests.signaling.clients import NAMESPACE, Wire, until
from tests.signaling.conftest import MeetPerson


@pytest.mark.parametrize("unanswered", [0, 1, 2, 10])
async def test_a_goodbye_behind_unanswered_requests_is_heard_though_the_connection_is_gone(
    server: CallServer, url: str, meet: MeetPerson, unanswered: int
) -> None:
    ann = await meet()
    await ann.join(displayName="Ann")
    async with Wire(url) as page:
        await page.ask("joinRoom", {"roomName": "r", "displayName": "Page"})
        room = server.rooms.get("r")
        assert room is not None and len(room.peers) == 2
        request = json.dumps(["createWebRtcTransport", {"consumer": True}])
        for number in range(unanswered):
            await page.socket.send_str(f"42{NAMESPACE},{900 + number}{request}")
        await page.socket.send_str(f'42{NAMESPACE},999["leaveRoom",{{}}]')
        page.socket.get_extra_info("socket").shutdown(socket.SHUT_RDWR)  # no closing handshake
        await until(lambda: len(room.peers) == 1)
    assert await ann.push("peer-left")
