"""People without browsers, to fill a room: members over Socket.IO whose cameras are announced but dark."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.signaling.clients import Person as Member

NAMES = (
    "Ines Duarte",
    "Tom Aker",
    "Mei Lin",
    "Sam Okoro",
    "Lea Brandt",
    "Ravi Nair",
    "Noor Haddad",
    "Ole Berg",
)


class Crowd:
    """Members of one room, in the order in which they came."""

    def __init__(self, url: str, room: str) -> None:
        self._url = url
        self._room = room
        self.members: list[Member] = []

    async def grow_to(self, count: int, *, cameras: bool = False) -> None:
        """Has members join until there are ``count``."""
        while len(self.members) < count:
            number = len(self.members)
            member = await Member(self._url).connect()
            self.members.append(member)
            await member.join(self._room, displayName=f"{NAMES[number % len(NAMES)]} {number + 1}")
            if cameras:
                await member.transport(consumer=False)
                await member.produce("video", appData={"source": "camera"})


@asynccontextmanager
async def crowd(url: str, room: str) -> AsyncIterator[Crowd]:
    """A crowd that leaves when the block ends."""
    people = Crowd(url, room)
    try:
        yield people
    finally:
        await asyncio.gather(*(member.leave() for member in people.members))
