"""What pressing the microphone and camera buttons does on the others' pages."""

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.server import RunningServer
from tests.browser.waiting import stays, until


async def test_muting_shows_and_silences_and_unmuting_brings_the_sound_back(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    for person in (ada, grace):
        await person.join(server.url, room)
    await ada.wait_for_sound(grace)

    await grace.press("mute")
    await until("the tile shows it", lambda: _tile_says(ada, grace, "data-muted", "true"))
    await stays("the number of audio packets", lambda: _packets(ada, grace, "audio"))
    await ada.screenshot("the-other-is-muted")
    await ada.wait_for_frames(grace)  # the picture goes on

    await grace.press("mute")
    await until("the tile shows it", lambda: _tile_says(ada, grace, "data-muted", "false"))
    await ada.wait_for_sound(grace)


async def test_camera_off_shows_the_avatar_and_camera_on_the_picture_again(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    for person in (ada, grace):
        await person.join(server.url, room)
    await ada.shows_picture_of(grace)

    await grace.press("camera")
    await until("the tile shows it", lambda: _tile_says(ada, grace, "data-camera", "off"))
    assert await ada.tile(grace).locator("video").count() == 0
    assert await ada.tile(grace).locator(".avatar").is_visible()
    await stays("the number of video packets", lambda: _packets(ada, grace, "video"))
    await ada.screenshot("the-others-camera-is-off")
    await ada.wait_for_sound(grace)  # the sound goes on

    await grace.press("camera")
    await until("the tile shows it", lambda: _tile_says(ada, grace, "data-camera", "on"))
    await ada.shows_picture_of(grace)
    await ada.wait_for_frames(grace)


async def test_whoever_joins_later_sees_who_is_muted_and_whose_camera_is_off(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, grace = await meet("Ada"), await meet("Grace")
    await grace.join(server.url, room)
    for button in ("mute", "camera"):
        await grace.press(button)
    await ada.join(server.url, room)
    await ada.sees(grace)
    assert await _tile_says(ada, grace, "data-muted", "true")
    assert await _tile_says(ada, grace, "data-camera", "off")

    for button in ("mute", "camera"):
        await grace.press(button)
    await ada.shows_picture_of(grace)
    await ada.wait_for_sound(grace)


async def _tile_says(viewer: Person, other: Person, attribute: str, value: str) -> bool:
    return await viewer.tile(other).get_attribute(attribute) == value


async def _packets(viewer: Person, other: Person, kind: str) -> int:
    received = await viewer.receives(other, kind)
    return received.packets if received is not None else 0
