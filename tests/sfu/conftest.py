"""The room of these tests: every test that asks for it runs on each data plane."""

from __future__ import annotations

import pytest

from rtpfwd.dataplane.load import PLANES
from tests.support.room import Room


@pytest.fixture(params=PLANES)
def room(request: pytest.FixtureRequest) -> Room:
    """An empty one."""
    return Room(plane=request.param)
