"""The pages on a phone's screen."""

from typing import Any

from playwright.async_api import Page

from tests.browser.conftest import Meet
from tests.browser.server import RunningServer

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}

# What sticks out of the window, of everything that a person must be able to see or press.
STICKING_OUT = """() => {
  const out = [];
  if (document.documentElement.scrollWidth > window.innerWidth) out.push("the page scrolls sideways");
  const important = "button, input, .tile, .tile-name, .chat-line";
  for (const element of document.querySelectorAll(important)) {
    const box = element.getBoundingClientRect();
    if (box.width === 0) continue;
    if (box.left < 0 || box.right > window.innerWidth + 0.5) {
      out.push(`${element.className || element.tagName} from ${box.left} to ${box.right}`);
    }
  }
  return out;
}"""
BELOW = """() => [...document.querySelectorAll("[data-testid=tile], .controls button")].filter((element) => {
  const box = element.getBoundingClientRect();
  return box.top < 0 || box.bottom > window.innerHeight + 0.5;
}).map((element) => element.dataset.testid)"""


async def test_a_call_fits_a_phone(server: RunningServer, meet: Meet, room: str) -> None:
    phone = await meet("Ada on the train", **PHONE)
    desk = [await meet("Grace Hopper"), await meet("Alan Mathison Turing of Maida Vale")]
    for person in desk:
        await person.join(server.url, room)

    await phone.page.goto(server.url)
    await _fits(phone.page)
    await phone.screenshot("phone-first-page")
    await phone.open(server.url, room)
    await _fits(phone.page)
    await phone.screenshot("phone-preview")
    await phone.press_join()
    await phone.sees(*desk)
    for person in desk:
        await phone.shows_picture_of(person)
    await _fits(phone.page)
    assert await phone.page.evaluate(BELOW) == [], "the whole call is on the screen"
    await phone.screenshot("phone-call")
    await phone.say("awordwithoutanyplacetobreakit" * 6)
    await phone.page.get_by_test_id("chat-line").wait_for()
    await _fits(phone.page)
    await phone.screenshot("phone-chat")


async def _fits(page: Page) -> None:
    assert await page.evaluate(STICKING_OUT) == []
