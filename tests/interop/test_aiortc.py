"""A call between two aiortc clients over the SFU: what is encoded at one end is decoded at the other."""

from __future__ import annotations

import pytest

from tests.interop.aiortc_peer import PICTURE, AiortcReceiver, AiortcSender
from tests.interop.studio import Studio


def assert_shows_the_picture(pictures: list[tuple[int, int, int]]) -> None:
    for seen in pictures:
        assert all(abs(a - b) <= 6 for a, b in zip(seen, PICTURE, strict=True)), seen


@pytest.mark.parametrize("video", ["video/VP8", "video/H264"])
@pytest.mark.parametrize("role", ["client", "server"])
async def test_sound_and_pictures_are_decoded_in_either_dtls_role(
    studio: Studio, video: str, role: str
) -> None:
    sender, receiver = AiortcSender(), AiortcReceiver()
    published = await studio.publish(sender, video=video, role=role)
    received = await studio.subscribe(receiver, role=role)
    assert_shows_the_picture(await receiver.pictures(20))
    assert await receiver.sound(20) == 20 * 960
    assert published.dtls_state == received.dtls_state == "connected"
    theirs = {"client": "server", "server": "client"}[role]
    assert published.dtls_parameters["role"] == received.dtls_parameters["role"] == theirs
