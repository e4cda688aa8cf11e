"""What each choice of a producer's layers costs, from running totals of bytes by layer.

The window is mediasoup's for layers (2500 ms). What a choice costs is believed to fall slowly only, so that
a still moment of a shared screen is not taken for cheapness; mediasoup lets the whole desired rate fall by
5 % a second. Layers of one spatial layer live and die together: a still picture may need no upper temporal
layer for seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from rtpfwd.clock import MICROSECONDS, Instant, milliseconds, seconds
from rtpfwd.congestion.demands import LayerOption, LayerPair


@dataclass(frozen=True, slots=True)
class LayerRateSettings:
    """Durations in microseconds."""

    window_us: int = milliseconds(2500)  # mediasoup's TransmissionCounter of an RtpStreamRecv
    step_us: int = milliseconds(100)
    """Samples closer together than this are one: the memory of a layer is ``window_us / step_us``."""
    fall_percent: int = 10
    """How much a rate is believed to fall in a second, at most."""
    stale_us: int = milliseconds(1500)  # mediasoup: a stream's inactivity
    stale_screen_us: int = seconds(5)  # mediasoup: the same of streams that may fall silent (DTX)
    trusted_after_us: int = seconds(2)  # mediasoup StreamMinActiveMs
    """A spatial layer is trusted for going up to once it has been alive for so long."""


class _Layer:
    """One (spatial, temporal) layer by itself."""

    __slots__ = ("believed", "samples", "updated")

    def __init__(self, at: Instant, total: int) -> None:
        self.samples: deque[tuple[Instant, int]] = deque([(at, total)])
        self.believed = 0
        self.updated = at

    def update(self, total: int, now: Instant, settings: LayerRateSettings) -> None:
        samples = self.samples
        if len(samples) > 1 and now - samples[-2][0] < settings.step_us:
            samples[-1] = (now, total)
        elif now > samples[-1][0]:
            samples.append((now, total))
        while len(samples) > 2 and samples[1][0] <= now - settings.window_us:
            samples.popleft()
        first_at, first_total = samples[0]
        if now <= first_at:
            return
        measured = (total - first_total) * 8 * MICROSECONDS // (now - first_at)
        elapsed = min(now - self.updated, MICROSECONDS)
        least = self.believed * (100 * MICROSECONDS - settings.fall_percent * elapsed)
        self.believed = max(measured, least // (100 * MICROSECONDS))
        self.updated = now


class LayerRates:
    """One producer's. ``cumulative``: a spatial layer needs the ones below it (SVC); else each stands alone
    (simulcast, and k-SVC between key frames). ``screen``: may be still for seconds.
    """

    __slots__ = ("_alive", "_cumulative", "_layers", "_settings", "_stale_us", "_totals", "_updated")

    def __init__(self, settings: LayerRateSettings, cumulative: bool, screen: bool) -> None:
        self._settings = settings
        self._cumulative = cumulative
        self._stale_us = settings.stale_screen_us if screen else settings.stale_us
        self._layers: dict[LayerPair, _Layer] = {}
        self._totals: dict[LayerPair, int] = {}
        self._alive: dict[int, tuple[Instant, Instant]] = {}
        """By spatial layer: since when, and when it last moved."""
        self._updated: dict[int, Instant] = {}

    def update(self, stream: int, layer_bytes: Mapping[LayerPair, int], now: Instant) -> None:
        """Note running totals: of simulcast stream number ``stream`` (its spatial layer, from 0), or of the
        one SVC stream with 0. Several times a second.
        """
        before = self._updated.get(stream)
        self._updated[stream] = now
        for (spatial, temporal), total in layer_bytes.items():
            pair = (stream + spatial, temporal)
            known = self._totals.get(pair, 0)
            self._totals[pair] = total
            if total > known:
                since = self._alive.get(pair[0], (now, now))[0]
                self._alive[pair[0]] = (since, now)
            layer = self._layers.get(pair)
            if layer is None:
                if total <= known:
                    continue
                # Its bytes came since the last update; without one, nobody knows since when.
                layer = _Layer(now, total) if before is None else _Layer(before, known)
                self._layers[pair] = layer
            layer.update(total, now, self._settings)
        self._forget_stale(now)

    def options(self, now: Instant) -> tuple[LayerOption, ...]:
        """Choices that are alive, ascending, each with its own rate and that of all layers it needs."""
        options = []
        trusted_after = self._settings.trusted_after_us
        below: dict[int, int] = {}
        """By temporal layer: what the spatial layers below cost up to it."""
        spatial = -1
        rate = under = 0
        by_temporal: dict[int, int] = {}
        for pair in sorted(self._layers):
            alive = self._alive.get(pair[0])
            if alive is None or now - alive[1] > self._stale_us:
                continue
            if pair[0] != spatial:
                spatial, rate = pair[0], 0
                if self._cumulative:
                    below.update(by_temporal)
                by_temporal = {}
            rate += self._layers[pair].believed
            under = _up_to(below, pair[1])
            by_temporal[pair[1]] = rate + under
            options.append(LayerOption(*pair, rate + under, now - alive[0] >= trusted_after))
        return tuple(options)

    def _forget_stale(self, now: Instant) -> None:
        stale = [spatial for spatial, (_, moved) in self._alive.items() if now - moved > self._stale_us]
        for spatial in stale:
            del self._alive[spatial]
            for pair in [pair for pair in self._layers if pair[0] == spatial]:
                del self._layers[pair]


def _up_to(by_temporal: Mapping[int, int], temporal: int) -> int:
    """The cost of the highest temporal layer not above ``temporal``; 0 where there is none."""
    return max((cost for layer, cost in by_temporal.items() if layer <= temporal), default=0)
