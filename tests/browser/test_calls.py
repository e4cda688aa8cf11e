"""Calls as the people in them see and hear them."""

import asyncio

import pytest

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.server import RunningServer
from tests.browser.waiting import until


async def test_three_people_see_and_hear_each_other(server: RunningServer, meet: Meet, room: str) -> None:
    people = [await meet(name) for name in ("Ada Lovelace", "Grace Hopper", "Alan Turing")]
    for person in people:
        await person.open(server.url, room)
    await people[0].screenshot("preview-before-joining")
    await people[0].press_join()
    await people[0].screenshot("call-of-one")
    for person in people[1:]:
        await person.press_join()

    for person in people:
        others = [other for other in people if other is not person]
        await person.sees(*others)
        for other in others:
            await person.shows_picture_of(other)
            video = await person.wait_for_frames(other)
            assert (video.width, video.height) in {(640, 360), (320, 180), (160, 90)}
            await person.wait_for_sound(other)
    await asyncio.gather(*(person.screenshot(f"call-of-three-{person.name[:3]}") for person in people))


async def test_whoever_speaks_is_marked_on_the_others_pages(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    for person in (ada, grace):
        await person.join(server.url, room)
    await ada.sees(grace)

    async def marked() -> bool:
        return await ada.tile(grace).get_attribute("data-speaking") == "true"

    await until("the fake microphone's beep shows as speaking", marked, 30.0)
    await ada.screenshot("speaking")


@pytest.mark.parametrize("size", ["1280x720", "640x480"])
async def test_a_camera_is_seen_at_its_full_size(
    server: RunningServer, meet: Meet, room: str, size: str
) -> None:
    camera, viewer = await meet("Camera"), await meet("Viewer")
    await viewer.join(server.url, room)
    await viewer.press("camera")  # the fake camera is one device, and its first user sets its size
    await camera.join(server.url, room, f"video={size}")
    await viewer.sees(camera)
    await until(f"the picture is {size}", lambda: _is_of_size(viewer, camera, size))


async def _is_of_size(viewer: Person, camera: Person, size: str) -> bool:
    video = await viewer.receives(camera, "video")
    return video is not None and f"{video.width}x{video.height}" == size
