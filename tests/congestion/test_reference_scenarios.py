"""RFC 8867 §5.1 to §5.8 with bounds that a regression would break."""

from dataclasses import dataclass

import pytest

from tests.congestion.simulation.catalogue import reference_cases
from tests.congestion.simulation.scenario import run


@dataclass
class Bounds:
    utilisation: float
    wait_p95_ms: float
    loss: float
    fairness: float = 0.0


# The waits of 5.6 and 5.7 are TCP's: it fills the 300 ms of queue whatever the media do.
BOUNDS = {
    "5.1": Bounds(0.65, 60, 0.02),
    "5.2": Bounds(0.75, 150, 0.02, 0.85),
    "5.3": Bounds(0.7, 80, 0.02),
    "5.4": Bounds(0.85, 120, 0.01, 0.85),
    "5.5": Bounds(0.85, 120, 0.01, 0.8),
    "5.6": Bounds(0.06, 300, 0.03),
    "5.7": Bounds(0.6, 300, 0.02, 0.9),
    "5.8": Bounds(0.8, 150, 0.01, 0.8),
}


@pytest.mark.parametrize("scenario", reference_cases(), ids=lambda scenario: scenario.name)
def test_reference_case(scenario):
    bounds = BOUNDS[scenario.name[:3]]
    outcome = run(scenario)
    end = scenario.seconds
    assert outcome.utilisation(10, end) >= bounds.utilisation
    assert outcome.wait_ms(0.95) <= bounds.wait_p95_ms
    assert outcome.loss() <= bounds.loss
    assert outcome.fairness(end / 2, end) >= bounds.fairness
