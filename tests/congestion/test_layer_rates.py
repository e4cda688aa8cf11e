"""What each choice of layers costs, from running totals."""

from rtpfwd.clock import Instant, seconds
from rtpfwd.congestion.layer_rates import LayerRates, LayerRateSettings

TICK = 100_000


class Publisher:
    """Ten updates a second of streams with steady rates."""

    def __init__(self, cumulative=False, screen=False, **settings):
        self.rates = LayerRates(LayerRateSettings(**settings), cumulative, screen)
        self.totals: dict[int, dict[tuple[int, int], int]] = {}
        self.now = Instant(0)

    def send(self, kbps, for_seconds):
        """``kbps``: {stream: {(spatial, temporal): rate}}."""
        end = self.now + seconds(for_seconds)
        while self.now < end:
            self.now = Instant(self.now + TICK)
            for stream, layers in kbps.items():
                totals = self.totals.setdefault(stream, {})
                for pair, rate in layers.items():
                    totals[pair] = totals.get(pair, 0) + rate * 1000 * TICK // 8_000_000
            for stream, totals in self.totals.items():
                self.rates.update(stream, totals, self.now)
        return self.rates.options(self.now)

    def costs(self):
        return {
            (option.spatial, option.temporal): option.bitrate_bps // 1000
            for option in self.rates.options(self.now)
        }


def simulcast(*rates):
    """Streams of three temporal layers each."""
    return {
        stream: {(0, temporal): rate for temporal, rate in enumerate(one)} for stream, one in enumerate(rates)
    }


def test_temporal_layers_add_up_and_simulcast_streams_do_not():
    publisher = Publisher()
    publisher.send(simulcast((40, 20, 40), (160, 80, 160)), 5)
    assert publisher.costs() == {(0, 0): 40, (0, 1): 60, (0, 2): 100, (1, 0): 160, (1, 1): 240, (1, 2): 400}


def test_spatial_layers_of_svc_add_up():
    publisher = Publisher(cumulative=True)
    publisher.send({0: {(0, 0): 40, (0, 1): 60, (1, 0): 200, (1, 1): 100}}, 5)
    assert publisher.costs() == {(0, 0): 40, (0, 1): 100, (1, 0): 240, (1, 1): 400}


def test_a_lower_spatial_layer_with_fewer_temporal_ones_is_needed_whole():
    publisher = Publisher(cumulative=True)
    publisher.send({0: {(0, 0): 40, (1, 0): 200, (1, 1): 100, (2, 0): 400, (2, 1): 400}}, 5)
    assert publisher.costs() == {(0, 0): 40, (1, 0): 240, (1, 1): 340, (2, 0): 640, (2, 1): 1140}


def test_options_come_ascending_and_are_trusted_after_two_seconds():
    publisher = Publisher()
    early = publisher.send(simulcast((40, 20, 40), (160, 80, 160)), 1)
    assert [option[:2] for option in early] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert not any(option.trusted for option in early)
    assert all(option.trusted for option in publisher.send(simulcast((40, 20, 40), (160, 80, 160)), 2))


def test_a_layer_that_starts_later_is_trusted_later():
    publisher = Publisher()
    publisher.send(simulcast((40, 20, 40)), 5)
    options = publisher.send(simulcast((40, 20, 40), (160, 80, 160)), 1)
    assert [option.trusted for option in options] == [True] * 3 + [False] * 3


def test_a_layer_that_has_just_started_has_its_rate_already():
    publisher = Publisher()
    publisher.send(simulcast((40, 20, 40)), 5)
    publisher.send(simulcast((40, 20, 40), (160, 80, 160)), 0.5)
    assert publisher.costs()[1, 2] == 400


def test_a_stream_that_stops_is_no_choice_any_more():
    publisher = Publisher()
    publisher.send(simulcast((40, 20, 40), (160, 80, 160)), 5)
    publisher.send(simulcast((40, 20, 40)), 1.4)
    assert (1, 2) in publisher.costs()
    publisher.send(simulcast((40, 20, 40)), 0.3)
    assert set(publisher.costs()) == {(0, 0), (0, 1), (0, 2)}


def test_a_stream_that_comes_back_begins_anew():
    publisher = Publisher()
    publisher.send(simulcast((40, 20, 40), (160, 80, 160)), 5)
    publisher.send(simulcast((40, 20, 40)), 3)
    options = publisher.send(simulcast((40, 20, 40), (80, 40, 80)), 1)
    assert publisher.costs()[1, 2] == 200
    assert not options[-1].trusted


def test_a_still_screen_is_not_taken_for_a_cheap_one():
    publisher = Publisher(screen=True)
    publisher.send({0: {(0, 0): 2000}}, 5)
    publisher.send({0: {(0, 0): 50}}, 3)
    assert publisher.costs()[0, 0] > 1000
    publisher.send({0: {(0, 0): 50}}, 60)
    assert publisher.costs()[0, 0] < 60


def test_a_screen_without_a_packet_for_seconds_is_alive():
    publisher = Publisher(screen=True)
    publisher.send({0: {(0, 0): 500}}, 5)
    publisher.send({}, 4.9)
    assert (0, 0) in publisher.costs()
    publisher.send({}, 0.2)
    assert publisher.costs() == {}


def test_an_upper_temporal_layer_may_be_silent_as_long_as_its_stream_is_not():
    publisher = Publisher()
    publisher.send(simulcast((40, 20, 40)), 5)
    publisher.send(simulcast((40,)), 10)
    assert set(publisher.costs()) == {(0, 0), (0, 1), (0, 2)}


def test_a_rise_shows_within_the_window():
    publisher = Publisher()
    publisher.send(simulcast((100, 0, 0)), 10)
    publisher.send(simulcast((300, 0, 0)), 2.5)
    assert publisher.costs()[0, 0] == 300


def test_a_fall_shows_slowly():
    publisher = Publisher()
    publisher.send(simulcast((300, 0, 0)), 10)
    publisher.send(simulcast((100, 0, 0)), 2.5)
    assert 200 < publisher.costs()[0, 0] < 280
    publisher.send(simulcast((100, 0, 0)), 12)
    assert publisher.costs()[0, 0] == 100


def test_seldom_and_frequent_updates_agree():
    for tick in (20_000, 1_000_000):
        rates = LayerRates(LayerRateSettings(), cumulative=False, screen=False)
        for turn in range(1, 10_000_000 // tick):
            rates.update(0, {(0, 0): 125_000 * turn * tick // 1_000_000}, Instant(turn * tick))
        [option] = rates.options(Instant(turn * tick))
        assert option.bitrate_bps == 1_000_000


def test_the_memory_of_a_layer_is_bounded():
    rates = LayerRates(LayerRateSettings(), cumulative=False, screen=False)
    for turn in range(5000):
        rates.update(0, {(0, 0): turn}, Instant(turn * 1000))
    assert len(rates._layers[0, 0].samples) <= 2_500 // 100 + 3


def test_without_anything_sent_there_is_no_choice():
    rates = LayerRates(LayerRateSettings(), cumulative=False, screen=False)
    rates.update(0, {(0, 0): 0}, Instant(0))
    assert rates.options(Instant(0)) == ()
