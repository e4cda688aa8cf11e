"""Bytes that look random and are the same each time."""

from __future__ import annotations

import random
from collections.abc import Callable


def seeded_entropy(seed: int = 1) -> Callable[[int], bytes]:
    """An entropy source for tests."""
    return random.Random(seed).randbytes
