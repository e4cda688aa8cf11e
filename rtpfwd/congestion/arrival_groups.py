"""Packets gathered into groups as they were sent, and how group follows group on both ends.

Source: draft-ietf-rmcat-gcc-02 §5.2 (pre-filtering) and §5.3; libwebrtc's inter-arrival of today. A group is
what left within 5 ms, or what stood in a queue and arrived in one clump.
"""

from __future__ import annotations

from collections.abc import Sequence

from rtpfwd.congestion.departure_log import Received
from rtpfwd.congestion.settings import DelaySettings

MAX_REORDERED = 3

GroupDelta = tuple[int, int, int]
"""Microseconds from group to group at the sender and at the receiver, and when the later one had arrived."""


class ArrivalGroups:
    """Takes packets, gives the steps between groups that are complete."""

    __slots__ = (
        "_arrived_at",
        "_burst_max_us",
        "_burst_us",
        "_first_arrived_at",
        "_first_sent_at",
        "_jump_us",
        "_previous",
        "_reordered",
        "_sent_at",
    )

    def __init__(self, settings: DelaySettings) -> None:
        self._burst_us = settings.burst_us
        self._burst_max_us = settings.burst_max_us
        self._jump_us = settings.clock_jump_us
        self._first_sent_at: int | None = None
        self._sent_at = 0
        self._first_arrived_at = 0
        self._arrived_at = 0
        self._previous: tuple[int, int] | None = None
        self._reordered = 0

    def add(self, received: Sequence[Received]) -> list[GroupDelta]:
        """Note packets in order of arrival; returns the steps that they complete."""
        steps: list[GroupDelta] = []
        burst_us = self._burst_us
        for sent_at, arrived_at, _, _ in received:
            first = self._first_sent_at
            if first is None:
                self._open(sent_at, arrived_at)
                continue
            if sent_at < first:
                continue  # overtaken by a later group
            after_arrival = arrived_at - self._arrived_at
            if sent_at - first > burst_us and not (
                after_arrival <= burst_us
                and after_arrival < sent_at - self._sent_at
                and arrived_at - self._first_arrived_at < self._burst_max_us
            ):
                self._close(steps)
                self._open(sent_at, arrived_at)
                continue
            if sent_at > self._sent_at:
                self._sent_at = sent_at
            if after_arrival > 0:
                self._arrived_at = arrived_at
        return steps

    def _open(self, sent_at: int, arrived_at: int) -> None:
        self._first_sent_at = self._sent_at = sent_at
        self._first_arrived_at = self._arrived_at = arrived_at

    def _close(self, steps: list[GroupDelta]) -> None:
        """The group is complete: the step from the one before it."""
        previous = self._previous
        self._previous = (self._sent_at, self._arrived_at)
        if previous is None:
            return
        send_delta = self._sent_at - previous[0]
        arrival_delta = self._arrived_at - previous[1]
        if arrival_delta < 0:
            self._reordered += 1
            if self._reordered >= MAX_REORDERED:
                self._reset()
            return
        self._reordered = 0
        if arrival_delta - send_delta > self._jump_us:
            self._reset()
            return
        steps.append((send_delta, arrival_delta, self._arrived_at))

    def _reset(self) -> None:
        self._first_sent_at = None
        self._previous = None
        self._reordered = 0
