"""Browsers that reach the server, or shake hands with it, in other ways than usual."""

import socket

import pytest

from tests.browser import chromium
from tests.browser.conftest import Meet
from tests.browser.server import RunningServer


async def test_the_page_works_over_ipv6(server: RunningServer, meet: Meet, room: str) -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no ::1")
    ada, grace = await meet("Ada"), await meet("Grace")
    await ada.join(server.url, room)
    await grace.join(f"http://[::1]:{server.port}", room)
    await grace.wait_for_frames(ada)
    await ada.wait_for_frames(grace)


@pytest.mark.parametrize(
    "switch",
    [
        # Pieces of the ClientHello travel inside STUN messages, in attributes that we do not know.
        pytest.param("--force-fieldtrials=WebRTC-IceHandshakeDtls/Enabled/", id="dtls-inside-stun"),
        # The ClientHello is small and comes in one datagram.
        pytest.param("--disable-features=WebRtcPqcForDtls", id="small-client-hello"),
    ],
)
async def test_a_browser_that_shakes_hands_differently_connects(
    server: RunningServer, meet: Meet, room: str, switch: str
) -> None:
    async with chromium.launch(switch) as different:
        ada, grace = await meet("Ada", at=different), await meet("Grace", at=different)
        for person in (ada, grace):
            await person.join(server.url, room)
        for one, other in ((ada, grace), (grace, ada)):
            await one.wait_for_frames(other)
            await one.wait_for_sound(other)


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False
