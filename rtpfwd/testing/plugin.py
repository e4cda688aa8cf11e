"""The pytest plugin. Its fixtures:

``replay(path, **settings)`` plays a capture and gives a ``PlayedCapture``; ``golden(packets)`` compares
what was sent with a file beside the test (``--rtpfwd-update-golden`` writes it); ``link(name, **figures)``
emulates a link; ``minimise(path, check)`` shrinks a capture for which ``check`` fails. pytest finds it by the
entry point, and imports this file in every run: all else is imported where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from rtpfwd.drivers.netem import EmulatedLink, LinkSpec
    from rtpfwd.drivers.played_capture import PlayedCapture, SentPacket

UPDATE = "--rtpfwd-update-golden"


class Replaying(Protocol):
    """What ``replay`` gives: see ``rtpfwd.drivers.played_capture.play_capture``."""

    def __call__(self, path: str | Path, **settings: Any) -> PlayedCapture:
        """Plays a capture."""


class GoldenCheck(Protocol):
    """What ``golden`` gives."""

    def __call__(
        self,
        packets: Iterable[SentPacket],
        name: str = "",
        *,
        ignoring: Sequence[str] = (),
        from_the_first: Sequence[str] = (),
    ) -> None:
        """Compares; ``name`` tells several of one test apart, the rest is ``golden.golden_text``'s."""


class LinkMaking(Protocol):
    """What ``link`` gives."""

    def __call__(self, spec: str | LinkSpec = "clean", *, seed: int = 1, **figures: Any) -> EmulatedLink:
        """One direction of a link: a preset's name with some ``figures`` changed, or a whole spec."""


class Minimising(Protocol):
    """What ``minimise`` gives."""

    def __call__(self, path: str | Path, check: Callable[[PlayedCapture], object], **settings: Any) -> Path:
        """The smallest capture found for which ``check`` still fails, in a temporary directory."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's option."""
    parser.getgroup("rtpfwd").addoption(
        UPDATE, action="store_true", help="write golden files again instead of comparing with them"
    )


@pytest.fixture(scope="session")
def replay() -> Replaying:
    """Plays captures. ``replay(path, plane="native", uplink=link("wifi"), history_packets=64)``."""
    from rtpfwd.drivers.played_capture import play_capture

    def replaying(path: str | Path, **settings: Any) -> PlayedCapture:
        return play_capture(Path(path), **settings)

    return replaying


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> GoldenCheck:
    """Compares packets with ``golden/FILE.TEST.txt`` beside the test's file."""
    from rtpfwd.testing.golden import check_golden

    def checking(
        packets: Iterable[SentPacket],
        name: str = "",
        *,
        ignoring: Sequence[str] = (),
        from_the_first: Sequence[str] = (),
    ) -> None:
        title = ".".join(one for one in (request.path.stem, request.node.name, name) if one)
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", title).strip("-")
        check_golden(
            request.path.parent / "golden" / f"{safe}.txt",
            packets,
            update=bool(request.config.getoption(UPDATE)),
            ignoring=ignoring,
            from_the_first=from_the_first,
        )

    return checking


@pytest.fixture(scope="session")
def link() -> LinkMaking:
    """Emulates links: ``link("wifi")``, ``link("clean", loss=0.1, seed=3)``, ``link(LinkSpec(...))``."""
    from rtpfwd.drivers.netem import emulate, preset

    def making(spec: str | LinkSpec = "clean", *, seed: int = 1, **figures: Any) -> EmulatedLink:
        if isinstance(spec, str):
            return preset(spec, seed=seed, **figures)
        return emulate(spec, seed=seed)

    return making


@pytest.fixture
def minimise(tmp_path: Path) -> Minimising:
    """Shrinks captures."""
    from rtpfwd.drivers.minimising import minimise_file

    def minimising(path: str | Path, check: Callable[[PlayedCapture], object], **settings: Any) -> Path:
        target = tmp_path / f"minimised-{Path(path).name.removesuffix('.gz')}"
        minimise_file(Path(path), check, target, **settings)
        return target

    return minimising
