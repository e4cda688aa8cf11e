"""The chat: what is written reaches everybody, as text and nothing else."""

from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.server import RunningServer
from tests.browser.waiting import stays, until

HOSTILE = (
    '<img src=x onerror="alert(1)">',
    "<script>alert(2)</script>",
    "<b>bold</b> &amp; javascript:alert(3)",
)


async def test_messages_reach_everybody_in_order(server: RunningServer, meet: Meet, room: str) -> None:
    people = [await meet(name) for name in ("Ada", "Grace", "Alan")]
    for person in people:
        await person.join(server.url, room)
    for person in people:
        await person.sees(*(other for other in people if other is not person))
    said = []
    for number, person in enumerate([*people, people[0]]):
        said.append(f"line {number} from {person.name}, naïve 文字 🙂")
        await person.say(said[-1])
        for other in people:
            await until(f"{other.name} has it", lambda other=other: _reads(other, said))
        if number == 0:
            assert await people[1].page.get_by_test_id("chat-toggle").inner_text() == "1", "one unread line"
    await people[0].screenshot("chat")
    late = await meet("Late")
    await late.join(server.url, room)
    await until("who comes late reads what was said before", lambda: _reads(late, said))


async def test_markup_in_messages_and_names_is_shown_as_text_and_never_run(
    server: RunningServer, meet: Meet, room: str
) -> None:
    ada, mallory = await meet("Ada"), await meet("<img src=x onerror=alert(4)>")
    for person in (ada, mallory):
        await person.join(server.url, room)
    await ada.sees(mallory)
    for text in HOSTILE:
        await mallory.say(text)
    for person in (ada, mallory):
        await until("all lines are there", lambda person=person: _reads(person, list(HOSTILE)))
        for tag in ("img", "script", "b"):
            assert await person.page.locator(f"[data-testid=chat-line] {tag}, .tile {tag}").count() == 0
    await ada.press("chat-toggle")
    await ada.screenshot("chat-with-markup")

    async def dialogs() -> int:
        return len(ada.dialogs) + len(mallory.dialogs)

    assert await stays("the number of dialogs", dialogs) == 0


async def _reads(person: Person, lines: list[str]) -> bool:
    return [line["text"] for line in (await person.state())["chat"]] == lines
