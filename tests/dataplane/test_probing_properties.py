"""In any story of media, repairs and probes: no number under two packets, no holes, nothing uncounted."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rtpfwd.clock import Instant, milliseconds
from rtpfwd.dataplane.interface import (
    ProbatorSpec,
    Probe,
    ReceiveStreamId,
    SendDrop,
    TransportId,
)
from rtpfwd.dataplane.load import PLANES
from rtpfwd.wire.datagram import Datagram
from rtpfwd.wire.header_extensions import ABS_SEND_TIME, MID, TRANSPORT_CC
from tests.support.packets import elements_of, rtp, vp8
from tests.support.stage import Stage

VIEWER = TransportId(1)
CAMERAS = (1000, 2000)
PROBATOR = ProbatorSpec(1234, 127, b"probator", {MID: 1, ABS_SEND_TIME: 4, TRANSPORT_CC: 5}, 700)
PLAIN, SOUND = 6000, 7000  # video without RTX, and audio


class ProbeStory(RuleBasedStateMachine):
    """Two cameras and a microphone, a viewer with and without RTX, and probes in between."""

    plane_name = PLANES[0]

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(self.plane_name)
        self.plane = self.stage.plane
        self.publisher, self.viewer = self.stage.join(), self.stage.join()
        self.sources = [self.stage.camera(0, 1 + place, ssrc) for place, ssrc in enumerate(CAMERAS)]
        microphone = self.stage.microphone(0, 3, 3000)
        self.screens = [self.stage.screen(1, 1, 5000, self.sources[0])]
        self.plain = self.stage.screen(
            1, 2, PLAIN, self.sources[0], rtx_ssrc=None, rtx_payload_types={}, keep_ciphertext=True
        )
        self.speaker = self.stage.speaker(1, 3, SOUND, microphone)
        self.plane.set_pacing_rate(VIEWER, 2_000_000)
        self.plane.take_departures(VIEWER)
        self.numbers = [0, 0, 0]
        self.cluster = 0
        self.on_wire: dict[tuple[int, int], bytes] = {}
        self.next_numbers: dict[int, int] = {1234: 700}
        self.transport_numbers: list[tuple[int, Instant, int]] = []
        self.departures: list[tuple[int, Instant, int, int]] = []
        self.packets = self.verbatim = self.of_the_removed = 0

    def look(self, out: list[Datagram]) -> None:
        for datagram in out:
            data = datagram[0]
            key = int.from_bytes(data[8:12]), int.from_bytes(data[2:4])
            self.packets += 1
            if key in self.on_wire:
                assert self.on_wire[key] == data, "one number, and nonce, for two packets"
                self.verbatim += 1
                continue
            self.on_wire[key] = data
            [packet] = self.viewer.read([datagram])
            number = int.from_bytes(elements_of(packet)[5])
            self.transport_numbers.append((number, self.stage.now, len(data)))
            if packet.ssrc == 1234 or packet.ssrc % 10 == 1:
                expected = self.next_numbers.get(packet.ssrc, 500)
                assert packet.sequence_number == expected, "the padding stream has no holes"
                self.next_numbers[packet.ssrc] = expected + 1

    @rule(
        camera=st.integers(0, 1),
        key=st.booleans(),
        sizes=st.lists(st.integers(40, 1250), min_size=1, max_size=12),
    )
    def pictures(self, camera: int, key: bool, sizes: list[int]) -> None:
        packets = []
        for place, size in enumerate(sizes):
            self.numbers[camera] += 1
            number = self.numbers[camera]
            packets.append(
                vp8(CAMERAS[camera], number, key=key or number == 1, first=place == 0, size=size,
                    timestamp=number * 900, picture_id=number)
            )  # fmt: skip
        self.look(self.stage.send(self.publisher, *packets))

    @rule()
    def sound(self) -> None:
        self.numbers[2] += 1
        self.look(self.stage.send(self.publisher, rtp(3000, self.numbers[2])))

    @rule(
        rate=st.sampled_from((300_000, 1_000_000, 5_000_000, 20_000_000)),
        duration_ms=st.integers(1, 30),
        packets=st.integers(0, 8),
    )
    def probe(self, rate: int, duration_ms: int, packets: int) -> None:
        self.cluster += 1
        one = Probe(self.cluster, rate, rate * duration_ms // 8000, packets)
        self.look(self.plane.probe(VIEWER, one, self.stage.now))

    @rule(camera=st.integers(0, 1), rate=st.sampled_from((1_000_000, 8_000_000)))
    def probe_and_let_it_end(self, camera: int, rate: int) -> None:
        self.pictures(camera, True, [200, 1000])
        self.probe(rate, 15, 5)
        self.wait(40)

    @rule(duration_ms=st.integers(1, 60))
    def wait(self, duration_ms: int) -> None:
        end = self.stage.now + milliseconds(duration_ms)
        while (turn := self.plane.next_timeout()) is not None and turn <= end:
            self.stage.now = Instant(max(turn, self.stage.now))
            self.look(self.plane.handle_timeout(self.stage.now))
        self.stage.now = Instant(end)

    @rule(duration_ms=st.integers(1, 400))
    def wait_with_a_late_timer(self, duration_ms: int) -> None:
        self.stage.wait(milliseconds(duration_ms))
        self.look(self.plane.handle_timeout(self.stage.now))

    @rule(back=st.lists(st.integers(0, 30), max_size=6), plain=st.booleans())
    def nack(self, back: list[int], plain: bool) -> None:
        stream = self.plain if plain else self.screens[-1]
        highest = self.plane.send_counters(stream).highest_extended
        wanted = [highest - one & 0xFFFF for one in back]
        self.look(self.plane.retransmit(stream, wanted, milliseconds(20), self.stage.now))

    @initialize(source=st.sampled_from((None, 1)))
    def begin(self, source: int | None) -> None:
        # Without a source there is no RTX to pad with, and the probator has to do it.
        self.change_source(source)

    @rule(goes=st.booleans(), comes=st.booleans())
    def probator(self, goes: bool, comes: bool) -> None:
        if goes:
            self.plane.set_probator(VIEWER, None)
        if comes:
            self.plane.set_probator(VIEWER, PROBATOR)

    @rule(duration_ms=st.integers(0, 20), key=st.booleans())
    def pause_for_a_while(self, duration_ms: int, key: bool) -> None:
        self.plane.set_send_paused(self.screens[-1], True)
        self.pictures(0, key, [900] * 3)
        self.wait(duration_ms)
        self.plane.set_send_paused(self.screens[-1], False)

    @rule(source=st.sampled_from((None, 1, 2)))
    def change_source(self, source: int | None) -> None:
        chosen = ReceiveStreamId(source) if source is not None else None
        self.plane.set_source(self.screens[-1], chosen, self.stage.now)

    @rule()
    def another_stream(self) -> None:
        old = self.screens[-1]
        counters = self.plane.send_counters(old)
        self.of_the_removed += counters.packets + counters.rtx_packets
        self.plane.remove_send_stream(old)
        number = 10 + len(self.screens)
        self.screens.append(self.stage.screen(1, number, 5000 + 10 * number, self.sources[0]))

    @rule(duration_ms=st.integers(0, 300))
    def no_path_for_a_while(self, duration_ms: int) -> None:
        self.plane.select_path(VIEWER, None)
        self.pictures(1, False, [500] * 2)
        self.wait(duration_ms)
        self.plane.select_path(VIEWER, self.viewer.path)

    @invariant()
    def departures_are_what_left_in_order(self) -> None:
        self.departures += self.plane.take_departures(VIEWER)
        assert [one[:3] for one in self.departures] == self.transport_numbers
        assert [one[0] for one in self.departures] == list(range(len(self.departures)))
        assert self.plane.transport_counters(VIEWER).departures_lost == 0

    @invariant()
    def everything_is_counted_once(self) -> None:
        self.plane.take_upcalls()
        counters = self.plane.transport_counters(VIEWER)
        total = self.of_the_removed + counters.padding_packets
        for stream in (self.screens[-1], self.plain, self.speaker):
            mine = self.plane.send_counters(stream)
            assert SendDrop.PROTECT_FAILED not in mine.drops
            total += mine.packets + mine.retransmitted
        assert total == self.packets
        assert self.plane.send_counters(self.plain).retransmitted == self.verbatim
        self.stage.assert_reconciled()

    def teardown(self) -> None:
        # Whatever was begun comes to an end by itself.
        end = self.stage.now + milliseconds(60_000)
        turns = 0
        while (turn := self.plane.next_timeout()) is not None and turns < 10_000:
            self.stage.now = Instant(max(turn, self.stage.now))
            self.look(self.plane.handle_timeout(self.stage.now))
            turns += 1
        assert turns < 10_000 and self.stage.now < end
        counters = self.plane.transport_counters(VIEWER)
        assert (counters.queued_packets, counters.queued_bytes, counters.probing) == (0, 0, False)


@pytest.mark.parametrize("plane", PLANES)
def test_in_any_story_of_probes_no_number_has_two_packets_and_all_departures_are_on_record(plane):
    class Story(ProbeStory):
        plane_name = plane

    Story.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
    Story.TestCase().runTest()
