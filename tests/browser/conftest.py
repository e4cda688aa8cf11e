"""One server for the session, one browser for each module, people for each test.

Everything here runs on the session's event loop. A test fails when a page of it complained (console errors
and warnings, page errors) about something that the test did not name.
"""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser import chromium
from tests.browser.person import Person
from tests.browser.server import OUTPUT, NotBuilt, RunningServer, running_server

Meet = Callable[..., Awaitable[Person]]

DESK = {"width": 1280, "height": 800}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder drive a browser, on the session's loop."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            # Two cores encode, decode and draw for up to five browsers here; what fails twice more is broken.
            item.add_marker(pytest.mark.flaky(reruns=2))
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def installed() -> None:
    """Skips when there is no browser, which is the only excuse."""
    if chromium.chromium_path() is None:
        pytest.skip("no chromium on the search path: apt-get install chromium, or set CHROMIUM")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(installed: None) -> AsyncIterator[RunningServer]:
    """The real server in a process of its own; its log is test-output/browser-server.log."""
    try:
        async with running_server(OUTPUT / "browser-server.log") as server:
            yield server
        return
    except NotBuilt as error:
        problem = str(error)
    pytest.fail(problem, pytrace=False)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(installed: None) -> AsyncIterator[Browser]:
    """A browser that hands out its fake devices."""
    async with chromium.launch() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def meet(browser: Browser) -> AsyncIterator[Meet]:
    """Makes people, each with cookies and storage of their own; afterwards asks what their pages said."""
    people: list[Person] = []

    async def meet_one(
        name: str, *, at: Browser | None = None, viewport: dict[str, int] = DESK, **options: Any
    ) -> Person:
        context = await (at or browser).new_context(viewport=viewport, **options)
        await context.add_init_script(chromium.RECORD_CONNECTIONS)
        person = Person(name, context, await context.new_page(), OUTPUT / "screenshots")
        people.append(person)
        return person

    yield meet_one
    complaints = [f"{person.name}: {line}" for person in people for line in person.unexpected]
    for person in people:
        await person.context.close()
    assert not complaints, "pages complained:\n" + "\n".join(complaints)


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room of the test's own, and of this attempt's: nobody of an earlier one is still there."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[5:40].strip("-")
    return f"{name}-{secrets.token_hex(2)}"
