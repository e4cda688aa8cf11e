"""The planes under test: every test that asks for a stage runs on each of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rtpfwd.dataplane.interface import PlaneLimits
from rtpfwd.dataplane.load import PLANES
from tests.support.stage import Stage


@pytest.fixture(params=PLANES)
def make_stage(request: pytest.FixtureRequest) -> Callable[..., Stage]:
    """Makes stages with limits of one's own."""

    def make(**limits: int) -> Stage:
        return Stage(request.param, PlaneLimits(**limits))

    return make


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    """A stage with the usual limits."""
    return make_stage()
