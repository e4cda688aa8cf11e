"""What one video producer has to offer: its layers, what each costs, how large its pictures are, and which of
its encodings anybody wants.

Rates are looked at a few times a second at most, however many consumers ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rtpfwd.clock import Instant
from rtpfwd.congestion.demands import LayerOption, PixelSize, VideoKind
from rtpfwd.congestion.layer_rates import LayerRates
from rtpfwd.congestion.wanted_layers import WantedLayers
from rtpfwd.dataplane.interface import DataPlane
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.ortc.rtp_parameters import RtpParameters
from rtpfwd.sfu.incoming_stream import IncomingStream
from rtpfwd.sfu.settings import BandwidthSettings
from rtpfwd.wire.scalability import parse_scalability_mode

SCREEN_SOURCE = "screen"  # of ``appData.source``: the signaling contract's word


GUESSED_BPS = 100_000
"""Of the lowest layer, until something is known of it; of each next one three times as much."""


TEMPORAL_PERCENT = (100, 75, 55)
"""What the highest temporal layer, the one below and the lowest of three take of a whole stream, about
(libwebrtc's rate allocation: 100, 60 and 40 of VP8, 100, 70 and 50 of others).
"""


class ProducerLayers:
    """One for each producer. ``layered``: consumers may be given less than all of it."""

    __slots__ = (
        "_asked_for",
        "_is_simulcast",
        "_limits",
        "_lowest_until",
        "_rates",
        "_settings",
        "_sizes",
        "_temporal",
        "_updated_at",
        "_wanted",
        "_watched",
        "kind",
        "layered",
        "spatial_layers",
    )

    def __init__(
        self, parameters: RtpParameters, app_data: JsonObject, layered: bool, settings: BandwidthSettings
    ) -> None:
        mode = parse_scalability_mode(parameters.encodings[0].scalability_mode)
        self._settings = settings
        self._is_simulcast = len(parameters.encodings) > 1
        self._temporal = mode.temporal_layers
        self.layered = layered
        self.spatial_layers = len(parameters.encodings) if self._is_simulcast else mode.spatial_layers
        self.kind = VideoKind.SCREEN if app_data.get("source") == SCREEN_SOURCE else VideoKind.CAMERA
        # Layers of S modes never need one another, those of k-SVC only in key frames.
        alone = mode.ksvc or (parameters.encodings[0].scalability_mode or "").startswith("S")
        cumulative = not self._is_simulcast and not alone
        self._rates = LayerRates(settings.layer_rates, cumulative, self.kind is VideoKind.SCREEN)
        self._limits = [encoding.max_bitrate_bps for encoding in parameters.encodings]
        self._sizes: list[PixelSize | None] = [None] * self.spatial_layers
        self._updated_at: Instant | None = None
        self._wanted = WantedLayers(settings.wanted_layers, len(parameters.encodings))
        self._watched = True
        self._lowest_until: Instant | None = None
        """While nobody watches: until when the lowest encoding is wanted all the same."""
        self._asked_for: set[int] = set()

    @property
    def sizes(self) -> tuple[PixelSize | None, ...]:
        """(width, height) of each spatial layer, as far as its key frames told."""
        return tuple(self._sizes)

    def options(
        self, streams: Sequence[IncomingStream], plane: DataPlane, now: Instant
    ) -> tuple[LayerOption, ...]:
        """What can be had now, ascending; what has only just begun costs what its publisher announced."""
        updated = self._updated_at
        if updated is None or now - updated >= self._settings.rates_interval_us:
            self._updated_at = now
            for stream in streams:
                counters = plane.receive_counters(stream.id)
                self._rates.update(stream.position, counters.layer_bytes, now)
        found = tuple(self._capped(option) for option in self._rates.options(now))
        if not self.layered:
            rate = found[-1].bitrate_bps if found else 0
            return (LayerOption(0, 0, rate),) if streams else ()
        if not self._is_simulcast:
            return found or ((self._begun(self.spatial_layers - 1, True),) if streams else ())
        alive = {stream.position for stream in streams if stream.active}
        found = tuple(
            option._replace(trusted=option.trusted or option.spatial in self._asked_for)
            for option in found
            if option.spatial in alive
        )
        new = alive - {option.spatial for option in found}
        return tuple(sorted((*found, *(self._begun(spatial, False) for spatial in new)))) if new else found

    def note_sizes(self, stream: IncomingStream, sizes: Sequence[PixelSize]) -> None:
        """A key frame told how large the pictures are."""
        if self._is_simulcast:
            self._sizes[stream.position] = sizes[-1] if sizes else None
        else:
            for spatial, size in enumerate(sizes[: self.spatial_layers]):
                self._sizes[spatial] = size

    def _begun(self, spatial: int, trusted: bool) -> LayerOption:
        """A layer of which nothing is known yet but what its publisher announced."""
        limit = self._limits[spatial if self._is_simulcast else 0]
        guess = limit if limit is not None else GUESSED_BPS * 3**spatial
        return LayerOption(spatial, self._temporal - 1, guess, trusted or spatial in self._asked_for)

    def _capped(self, option: LayerOption) -> LayerOption:
        # The key frame that a stream begins with is no measure of it; its publisher's word is a better one.
        limit = self._limits[option.spatial if self._is_simulcast else 0]
        if limit is None:
            return option
        share = TEMPORAL_PERCENT[min(self._temporal - 1 - option.temporal, 2)] if self._temporal > 1 else 100
        cap = limit * share // 80  # a quarter more than announced
        return option if option.bitrate_bps <= cap else option._replace(bitrate_bps=cap)

    # -- which encodings anybody wants ---------------------------------------------------------------------

    @property
    def wanted(self) -> tuple[bool, ...]:
        """Which encodings the publisher should send, lowest first."""
        return self._wanted.encodings()

    def update_wanted(self, wants: Iterable[int], now: Instant) -> bool:
        """What every consumer would take with all the bandwidth of the world, -1 for nothing. Returns
        whether ``wanted`` changed.

        While nobody watches, the lowest encoding goes on for a while: who joins then sees it at once.
        """
        before = self.wanted
        changed = self._wanted.update([self._highest_wanted(max(wants, default=-1), now)], now)
        # What is sent again because we asked for it is there to stay.
        self._asked_for |= {
            spatial
            for spatial, (was, now_is) in enumerate(zip(before, self.wanted, strict=True))
            if now_is and not was
        }
        return changed

    def next_timeout(self) -> Instant | None:
        """When ``update_wanted`` may have another answer by itself."""
        times = (self._wanted.next_timeout(), self._lowest_until)
        return min((at for at in times if at is not None), default=None)

    def _highest_wanted(self, highest: int, now: Instant) -> int:
        if highest >= 0:
            self._watched, self._lowest_until = True, None
            return highest if self._is_simulcast else 0
        if self._watched:
            self._watched, self._lowest_until = False, Instant(now + self._settings.nobody_us)
        # Forgotten once it has passed, or it would be due for as long as the last encoding takes to stop.
        if self._lowest_until is not None and now >= self._lowest_until:
            self._lowest_until = None
        return -1 if self._lowest_until is None else 0
