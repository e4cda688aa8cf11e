"""What happens in a worker, told upward: queued inside, handed out by the driver, delivered to listeners.

Objects offer ``on(name, callback)`` with mediasoup's event names. Nothing is called while the worker is at
work: an event is queued, the driver takes it from ``Worker.events()`` and gives it to ``deliver``, so a
callback may call the API freely.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from rtpfwd.errors import InvalidParameters

Listener = Callable[..., None]


class Emitter:
    """An object with events. ``EVENTS`` names them; listening to another name raises
    ``InvalidParameters``.
    """

    EVENTS: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, queue: list[Event]) -> None:
        self._queue = queue
        self._listeners: dict[str, list[Listener]] = {}

    def on(self, name: str, callback: Listener) -> None:
        """Call ``callback`` with the event's values each time."""
        if name not in self.EVENTS:
            raise InvalidParameters(
                f"no event {name!r} of {type(self).__name__}: {', '.join(sorted(self.EVENTS))}"
            )
        self._listeners.setdefault(name, []).append(callback)

    def off(self, name: str, callback: Listener) -> None:
        """Stop calling ``callback``; unknown ones are ignored."""
        if callback in self._listeners.get(name, []):
            self._listeners[name].remove(callback)

    def listeners(self, name: str) -> tuple[Listener, ...]:
        """Who listens."""
        return tuple(self._listeners.get(name, ()))

    def _emit(self, name: str, *values: Any) -> None:
        self._queue.append(Event(self, name, values))


@dataclass(frozen=True, slots=True)
class Event:
    """``name`` happened to ``source``; ``values`` are what the listeners get."""

    source: Emitter
    name: str
    values: tuple[Any, ...] = ()


def deliver(event: Event) -> None:
    """Call the listeners of an event in the order in which they were added; what they raise passes
    through.
    """
    for listener in event.source.listeners(event.name):
        listener(*event.values)
