"""The measuring tools themselves, over the bare call: what they say of a scene must be so."""

from rtpfwd.drivers.bottleneck import Bottleneck
from rtpfwd.drivers.decoder_model import DecoderModel, Shown
from tests.scenarios.plots import plot
from tests.scenarios.timeline import Timeline, Watched, at


def screen(*pictures: tuple[float, int]) -> Watched:
    """Pictures by (seconds, spatial layer)."""

    class Sink:
        decoder = DecoderModel("video/VP8")

    Sink.decoder.shown = [Shown(at(moment), spatial, 0, 0, 0, False, 0) for moment, spatial in pictures]
    return Watched(None, Sink())


def steady(begin_s: float, end_s: float, spatial: int) -> list[tuple[float, int]]:
    """Thirty a second."""
    return [(begin_s + index / 30, spatial) for index in range(round((end_s - begin_s) * 30))]


def test_switches_and_turns_are_counted_on_the_screen():
    seen = screen(*steady(0, 5, 0), *steady(5, 10, 2), *steady(10, 12, 1), *steady(12, 20, 2))
    assert seen.spatial_switches(0, 20) == 3
    assert seen.oscillations(0, 20) == 2, "up, down, up"
    assert seen.oscillations(0, 11) == 1
    assert abs(seen.seen(2, after_s=0) - 5) < 0.001
    assert seen.seen(3, after_s=0) is None
    assert abs(seen.share_shown(2, 0, 10) - 0.5) < 0.01


def test_a_pause_of_the_picture_is_a_freeze_also_when_it_lasts_to_the_end():
    assert screen(*steady(0, 5, 0)).freezes(0, 5) == []
    assert screen(*steady(0, 5, 0), *steady(5.1, 9, 0)).freezes(0, 9) == [], "four frames"
    [(ended, length)] = screen(*steady(0, 5, 0), *steady(6, 9, 0)).freezes(0, 9)
    assert (ended, length) == (6.0, 1033)
    [(ended, length)] = screen(*steady(0, 5, 0)).freezes(0, 8)
    assert (ended, length) == (8.0, 3033)


def test_a_plot_is_a_thousand_pixels_wide(tmp_path):
    line = Timeline("one")
    for index in range(50):
        line.times_s.append(index / 10)
        line.estimate_bps.append(None if index < 5 else 900_000)
        line.sent_bps.append(500_000)
        line.capacity_bps.append(1_000_000)
        line.queue_ms.append(index)
        line.chosen.append([(1, 2)])
        line.shown.append([None if index < 9 else (1, 2)])
    path = plot("one", "one", [line], layer_names=(("180p", "360p"),), folder=tmp_path)
    data = path.read_bytes()
    assert data[:4] == b"\x89PNG"
    assert int.from_bytes(data[16:20]) == 1000


def test_a_bottleneck_tells_the_queue_of_now():
    queue = Bottleneck(1_000_000)
    link = queue.link()
    link.arrivals(bytes(1222), at(0))
    assert queue.waiting_us(at(0)) == 10_000
