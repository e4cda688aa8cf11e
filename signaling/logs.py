"""Logging: structlog to standard error, one line for each event, whatever a user typed.

Values that users chose (names of rooms, origins) may hold line breaks and terminal escapes; every control
character is written as an escape before it reaches the renderer, so that nobody forges a line or moves a
cursor.

A log that cannot be written (a full disk, a reader that is gone) costs the log and nothing else.
"""

import io
import logging
import os
import sys
import unicodedata
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO, cast

import structlog

ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
LONGEST_VALUE = 500  # characters


class LogStream(io.TextIOBase):
    """A text stream whose writes never fail: what the system does not take is counted in ``lost``.

    Lines go to the file descriptor at once, past the buffer of ``stream``, which would try again at the end
    of the process and fail then.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0
        try:
            self._descriptor: int | None = stream.fileno()
        except (OSError, ValueError):  # somebody put something else in its place
            self._descriptor = None

    def write(self, text: str) -> int:
        """Writes all of it, or gives up."""
        try:
            if self._descriptor is None:
                self._stream.write(text)
                self._stream.flush()
            else:
                left = text.encode("utf-8", "backslashreplace")
                while left:
                    left = left[os.write(self._descriptor, left) :]
        except (OSError, ValueError):
            self.lost += 1
        return len(text)

    def isatty(self) -> bool:
        """Whether a person reads it."""
        try:
            return self._stream.isatty()
        except ValueError:
            return False


def standard_error() -> TextIO:
    """Standard error as a ``LogStream``."""
    return cast(TextIO, LogStream(sys.stderr))


def configure(level: str, form: Literal["console", "json"]) -> None:
    """Sets up structlog and the standard library's logging for this process."""
    stream = standard_error()
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatted = [structlog.processors.format_exc_info] if form == "json" else []
    structlog.configure(
        processors=[*shared, escape_values, *formatted, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, escape_values],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *formatted, renderer],
        )
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


def escape_values(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: strings made safe for one line of a terminal."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = escape(value)
    return event


def escape(text: str) -> str:
    """``text`` with control, format and surrogate characters as escapes, cut to a sane length."""
    cut = text[:LONGEST_VALUE]
    return "".join(_escape_char(char) for char in cut) + ("..." if len(text) > LONGEST_VALUE else "")


def _escape_char(char: str) -> str:
    if unicodedata.category(char) not in ESCAPED_CATEGORIES:
        return char
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
