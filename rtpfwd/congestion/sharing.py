"""A budget shared among ladders: the lowest rung for everyone, then more in proportion to weight.

Every rung has a price per weight, its rate divided by the weight of who stands on it, and rungs are bought in
the order of that price: weighted max-min fairness in steps. That order does not depend on the budget. What
fits before the first rung that does not is therefore everybody's own: a larger budget never takes it away.
What is left then may fill smaller rungs of others.

mediasoup gives each consumer up to ``priority`` steps a round, whatever the steps cost; Jitsi's bridge and
LiveKit go through the consumers in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_LEVEL_BITS = 8
_INDEX_BITS = 16
_LEVEL_MASK = (1 << _LEVEL_BITS) - 1
_INDEX_MASK = (1 << _INDEX_BITS) - 1


@dataclass(slots=True)
class Share:
    """One party to the sharing. Parties are given in order of rank: the first get their lowest rung first."""

    rates: Sequence[int]
    """Bits per second of each rung, not descending."""
    weight: int = 1
    cap: int = -1
    """The highest rung allowed; -1: none."""
    held: int = -1
    """The rung stood on until now. Rungs up to it count as cheaper, so that equals do not swap places."""
    oversend_bps: int = 0
    """The lowest rung is given up to this rate even where it does not fit."""
    entry_bps: int = field(default=-1)
    """What has to be free for the lowest rung, where that is more than its rate."""


def share(shares: Sequence[Share], budget_bps: int, held_percent: int = 100, fill: bool = True) -> list[int]:
    """The rung for each, -1 for none. ``fill``: let what is left over go to rungs out of turn."""
    caps = [one.cap for one in shares]
    total = 0
    for one in shares:
        if one.cap >= 0:
            total += one.rates[one.cap]
            if one.entry_bps > one.rates[0]:
                total += one.entry_bps - one.rates[0]
    if total <= budget_bps:
        return caps
    levels, left = _lowest_for_all(shares, budget_bps)
    if left < 0:
        return levels
    for step in sorted(_steps(shares, levels, held_percent)):
        level = step & _LEVEL_MASK
        index = step >> _LEVEL_BITS & _INDEX_MASK
        if levels[index] != level - 1:
            continue  # a rung below did not fit
        rates = shares[index].rates
        cost = rates[level] - rates[level - 1]
        if cost <= left:
            left -= cost
            levels[index] = level
        elif not fill:
            break
    return levels


def price(one: Share, level: int, held_percent: int) -> int:
    """What a rung costs per weight, in milli-bits per second: rungs are bought in ascending order of it."""
    cost = one.rates[level] * 1000 // one.weight
    return cost * held_percent // 100 if level <= one.held else cost


def _lowest_for_all(shares: Sequence[Share], budget_bps: int) -> tuple[list[int], int]:
    levels = [-1] * len(shares)
    left = budget_bps
    for index, one in enumerate(shares):
        if one.cap < 0:
            continue
        entry = max(one.rates[0], one.entry_bps)
        if entry <= left or (0 < one.rates[0] <= one.oversend_bps):
            levels[index] = 0
            left -= entry
    return levels, left


def _steps(shares: Sequence[Share], levels: list[int], held_percent: int) -> list[int]:
    """Every rung above the lowest as one integer that sorts by price, then rank, then level."""
    steps = []
    for index, one in enumerate(shares):
        if levels[index] < 0:
            continue
        weight = one.weight
        held = one.held
        rates = one.rates
        place = index << _LEVEL_BITS
        for level in range(1, one.cap + 1):
            cost = rates[level] * 1000 // weight
            if level <= held:
                cost = cost * held_percent // 100
            steps.append(cost << _LEVEL_BITS + _INDEX_BITS | place | level)
    return steps
