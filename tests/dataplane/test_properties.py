"""What always holds of numbering, history, resending and asking again: a million random steps in all.

Each loop is a link with loss, disorder and repetition over several wraps, beside a model so simple that it
can be seen to be right. Hypothesis plays the whole plane at the end, in stories that it can shorten.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.dataplane.interface import (
    Drop,
    PlaneLimits,
    ReceiveStreamId,
    ReceiveStreamSpec,
    SendStreamId,
    SendStreamSpec,
    TransportId,
)
from rtpfwd.dataplane.load import PLANES
from rtpfwd.dataplane.reference.history import History
from rtpfwd.dataplane.reference.nack import FIRST_DELAY_US, NackList
from rtpfwd.dataplane.reference.numbering import SEGMENTS_KEPT, Numbering, Segment
from rtpfwd.dataplane.reference.packet import Packet
from rtpfwd.dataplane.reference.receive_stream import ReceiveStream
from rtpfwd.dataplane.reference.retransmission import (
    CIPHERTEXT_KEPT_US,
    CIPHERTEXTS_KEPT,
    FIRST_BUDGET,
    REPAIR_SHARE,
    RESENDS_REMEMBERED,
    Resends,
)
from rtpfwd.errors import Unauthentic
from rtpfwd.wire.rtp import RtpPacket
from rtpfwd.wire.rtx import unwrap_payload
from tests.support.packets import padding_only, rtp, rtx, vp8
from tests.support.stage import Stage

SEEDS = range(5)
RTT_US = milliseconds(50)


# -- numbering: 300,000 steps --------------------------------------------------------------------------------


class NumberingModel:
    """Numbering said plainly: what is ahead takes the next numbers, holes keep theirs, drops have none."""

    def __init__(self, first: int) -> None:
        self.highest = first - 1
        self.input = 0
        self.holes: dict[int, int] = {}
        self.given: dict[int, tuple[ReceiveStreamId, int]] = {}

    def begin(self, first: int) -> None:
        self.holes = {}
        self.input = first - 1

    def ahead(self, sequence: int) -> int:
        for hole in range(self.input + 1, sequence):
            self.holes[hole] = self.highest + hole - self.input
        self.highest += sequence - self.input
        self.input = sequence
        return self.highest

    def skip(self, sequence: int) -> None:
        if sequence > self.input:
            self.ahead(sequence)
            self.highest -= 1


def output_of(segment: Segment | None, sequence: int) -> int | None:
    return None if segment is None else sequence + segment.offset


@pytest.mark.parametrize("seed", SEEDS)
def test_no_outgoing_number_is_given_twice_late_packets_land_in_their_gap_and_drops_leave_none(seed):
    """60,000 steps of loss, lateness, deliberate drops, changes of source, and restarts of a source."""
    chance = random.Random(seed)
    first = chance.choice((0, 1000, 32767))
    numbering, model = Numbering(first), NumberingModel(first)
    source = ReceiveStreamId(1)
    sequence = chance.choice((65530, 5, 2**31))
    numbering.begin(source, sequence + 1, 0)
    model.begin(sequence + 1)
    for _ in range(60_000):
        fate = chance.random()
        before = numbering.highest
        if fate < 0.80 or not model.holes:
            # Mostly the next one, sometimes after a loss.
            sequence = model.input + chance.choice((1, 1, 1, 1, 1, 2, 3, 9))
            expected = model.ahead(sequence)
            assert output_of(numbering.next(sequence), sequence) == expected
            assert model.given.setdefault(expected, (source, sequence)) == (source, sequence), "given twice"
        elif fate < 0.90:
            late = chance.choice(list(model.holes)[-20:])
            expected = model.holes.pop(late)
            assert output_of(numbering.next(late), late) == expected, "not in its own gap"
            assert expected not in model.given, "given twice"
            model.given[expected] = source, late
            assert numbering.highest == before
        elif fate < 0.96:
            skipped = model.input + chance.choice((1, 1, 1, 2, 5, -1))
            numbering.skip(skipped)
            if skipped > model.input:
                model.skip(skipped)
                assert numbering.next(skipped) is None, "dropped on purpose, and numbered all the same"
        elif fate < 0.995:
            # A NACK for what was sent lately.
            sent = chance.choice(list(model.given)[-1:] or [None])
            if sent is not None:
                found = numbering.find_output(sent & 0xFFFF)
                assert found is not None and (found[0].source, found[1]) == model.given[sent]
        else:
            if chance.random() < 0.5:
                source = ReceiveStreamId(source + 1)
                sequence = chance.randrange(1 << 17)
            else:
                sequence = model.input + chance.randrange(3001, 1 << 17)  # the source restarted
            numbering.begin(source, sequence, 0)
            model.begin(sequence)
            assert numbering.next(sequence - 1) is None, "older than the beginning"
        assert numbering.highest == model.highest >= before
    # What is remembered maps back, whatever 16 bits somebody asks for.
    for number in range(model.highest - 3000, model.highest + 3000):
        found = numbering.find_output(number & 0xFFFF)
        if found is not None:
            assert found[1] + found[0].offset == number <= model.highest
            assert model.given.get(number, (found[0].source, found[1])) == (found[0].source, found[1])
    assert len(numbering._segments) <= SEGMENTS_KEPT


# -- receiving: 300,000 steps --------------------------------------------------------------------------------


def spec(**changes: object) -> ReceiveStreamSpec:
    given: dict[str, object] = {
        "transport": TransportId(0), "ssrc": 1, "payload_types": {96: 101}, "rtx_ssrc": 2,
        "rtx_payload_types": {97: 96}, "clock_rate": 90_000, "mime_type": "video/VP8", "extension_ids": {},
        "mapped_extension_ids": {}, "use_nack": True,
    }  # fmt: skip
    return ReceiveStreamSpec(**given | changes)  # type: ignore[arg-type]


def packet(sequence: int, now: Instant, key_frame: bool = False) -> Packet:
    made = Packet(ReceiveStreamId(1), sequence, 0, False, 101, [], b"%d" % sequence, None, now)
    made.key_frame = key_frame
    return made


def link(chance: random.Random, steps: int) -> Iterator[int]:
    """Numbers of 16 bits as a bad link brings them: lost, late, twice, stray, restarted."""
    sequence = chance.choice((65500, 0, 40_000))
    late: list[int] = []
    for _ in range(steps):
        fate = chance.random()
        if fate < 0.75 or not late:
            sequence += 1 if fate < 0.7 else chance.choice((2, 3, 20))
            late.append(sequence)
            if fate < 0.65 or len(late) > 3000:
                yield sequence & 0xFFFF
        elif fate < 0.95:
            yield late[-chance.randrange(1, min(len(late), 60) + 1)] & 0xFFFF
        elif fate < 0.999:
            yield chance.choice(late) & 0xFFFF if fate < 0.997 else chance.getrandbits(16)
        else:
            sequence += chance.choice((-5000, 4000, 30_000))
            yield from (sequence & 0xFFFF, sequence + 1 & 0xFFFF)
            sequence += 1
        if len(late) > 4000:
            del late[:1000]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_extended_number_is_accepted_for_two_packets_and_the_store_keeps_its_bounds(seed):
    """60,000 packets, repairs among them, with pauses longer than the store remembers."""
    chance = random.Random(seed)
    limits = PlaneLimits(history_packets=256, history_video_us=seconds(1))
    stream = ReceiveStream(ReceiveStreamId(1), spec(), limits)
    now = Instant(seconds(100))
    accepted: dict[int, bytes] = {}
    highest = None
    for step, number in enumerate(link(chance, 60_000)):
        now = Instant(now + (chance.randrange(8000) if chance.random() < 0.999 else seconds(3)))
        repair = stream.started and chance.random() < 0.1
        verdict = stream.restore(number) if repair else stream.accept(number)
        if isinstance(verdict, Drop):
            continue
        assert verdict & 0xFFFF == number
        assert verdict not in accepted, "accepted a second time"
        accepted[verdict] = b"%d" % step
        made = packet(verdict, now)
        made.payload = accepted[verdict]
        stream.note(made, now)
        assert stream.history.get(verdict) is made
        if highest is None or verdict > highest:
            highest = verdict
        if step % 500 == 0:
            kept = [one for one in stream.history._ring if one is not None]
            assert len(kept) <= 256 and len(stream.history._arrivals) <= 256
            assert all(one.payload == accepted[one.sequence] for one in kept)
            assert all(now - one.arrival <= seconds(1) for one in kept), "kept beyond its time"
    assert len(accepted) > 20_000
    counters = stream.counters()
    assert counters.highest_extended == highest
    assert counters.expected >= 1


# -- the store by itself: 100,000 steps ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_the_store_gives_back_what_was_put_in_and_nothing_else_and_knows_what_it_forgot(seed):
    """20,000 packets: what is neither here nor too old was never here."""
    chance = random.Random(seed)
    history = History(64, milliseconds(500))
    history.restart(-10)
    now, newest = Instant(0), -10
    added: dict[int, Packet] = {}
    for _ in range(20_000):
        now = Instant(now + chance.randrange(20_000))
        sequence = newest + chance.choice((1, 1, 1, 2, 5, 70, 1000, -1, -3, -30, -60))
        if not history.too_old(sequence) and not history.has(sequence):
            assert sequence not in added, "forgotten, and yet welcome again"
            added[sequence] = packet(sequence, now)
            history.add(added[sequence], now)
        newest = max(newest, sequence)
        asked = newest - chance.randrange(100)
        found = history.get(asked)
        assert (found is not None) == history.has(asked)
        if found is not None:
            assert found is added[asked]
            assert now - found.arrival <= milliseconds(500) or found.arrival >= now - seconds(2)
        assert history.get(newest + 1) is None


# -- resending: 100,000 steps --------------------------------------------------------------------------------


def send_spec() -> SendStreamSpec:
    return SendStreamSpec(
        TransportId(0), 1, None, {}, frozenset((101,)), 90_000, "video/VP8", b"", {}, 0, 0, True, True
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_number_is_resent_once_in_a_round_trip_within_a_quarter_of_the_media_and_bounded_memory(seed):
    """20,000 steps of sending, asking for anything, and asking for the same again."""
    chance = random.Random(seed)
    resends = Resends(send_spec())
    now, number = Instant(0), 0
    resent: dict[int, Instant] = {}
    kept: dict[int, tuple[bytes, Instant]] = {}
    earned = spent = 0
    for _ in range(20_000):
        now = Instant(now + chance.randrange(3000))
        if chance.random() < 0.5:
            number += 1
            size = chance.randrange(60, 1200)
            ciphertext = b"%d" % number
            resends.keep(number & 0xFFFF, ciphertext, now)
            resends.earn(size)
            kept[number & 0xFFFF] = ciphertext, now
            earned += size
            assert len(resends._ciphertexts) <= CIPHERTEXTS_KEPT
            oldest = next(iter(resends._ciphertexts.values()))
            assert now - oldest[1] <= CIPHERTEXT_KEPT_US
            continue
        asked = number - chance.randrange(chance.choice((5, 50, 5000))) & 0xFFFF
        ciphertext_again = resends.verbatim(asked)
        assert ciphertext_again is None or ciphertext_again == kept[asked][0], "other bytes for one number"
        if resends.may_resend(asked, RTT_US, now):
            assert now - resent.get(asked, Instant(-RTT_US)) >= RTT_US, "twice in a round trip"
            resent[asked] = now
            size = chance.randrange(60, 1200)
            if resends.spend(size):
                spent += size
        assert len(resends._last_resent) <= RESENDS_REMEMBERED
        assert spent <= FIRST_BUDGET + earned // REPAIR_SHARE
    assert spent > earned // (2 * REPAIR_SHARE), "hardly anything was resent: the test says nothing"


# -- asking again: 300,000 steps -----------------------------------------------------------------------------


class NackModel:
    """What is missing, since when, how often it was asked for, and when it was asked for last."""

    def __init__(self) -> None:
        self.since: dict[int, int] = {}
        self.asked: dict[int, list[int]] = {}
        self.highest: int | None = None


@pytest.mark.parametrize("seed", SEEDS)
def test_only_what_is_missing_is_asked_for_each_round_trip_ten_times_at_most_and_the_list_is_bounded(seed):
    """60,000 steps: arrivals in any order, holes from one packet to two thousand, restarts."""
    chance = random.Random(seed)
    limits = PlaneLimits(nack_list=chance.choice((1000, 100, 17)))
    nacks, model = NackList(limits), NackModel()
    now, sequence = Instant(seconds(1)), chance.choice((65530, -40, 100_000))
    overflows = asked_in_all = 0
    for _ in range(60_000):
        now = Instant(now + chance.randrange(4000))
        fate = chance.random()
        if fate < 0.70:
            sequence += (
                chance.choice((1,) * 12 + (2, 3, 8)) if fate < 0.6995 else chance.choice((60, 500, 2500))
            )
            overflows += not _receive(nacks, model, sequence, chance.random() < 0.01, now)
        elif fate < 0.80:
            missing = list(model.since)
            late = chance.choice(missing) if missing else sequence - chance.randrange(100)
            overflows += not _receive(nacks, model, late, False, now)
        elif fate < 0.9998:
            asked_in_all += _ask(nacks, model, limits, now)
        else:
            nacks.restart()
            model.since.clear()
            model.asked.clear()
            model.highest = None
            sequence += 100_000
            assert not len(nacks)
            assert nacks.due(RTT_US, now).sequence_numbers == ()
        assert len(nacks) <= limits.nack_list
    assert asked_in_all > 5000 and overflows > 0


def _receive(nacks: NackList, model: NackModel, sequence: int, key_frame: bool, now: Instant) -> bool:
    repairable = nacks.received(sequence, key_frame, now)
    if model.highest is not None:
        for hole in range(model.highest + 1, sequence):
            model.since[hole] = now
    model.highest = sequence if model.highest is None else max(model.highest, sequence)
    model.since.pop(sequence, None)
    if not repairable:
        model.since.clear()
        assert not len(nacks), "what cannot be repaired is not asked for"
    return repairable


def _ask(nacks: NackList, model: NackModel, limits: PlaneLimits, now: Instant) -> int:
    due = nacks.due(RTT_US, now)
    assert len(set(due.sequence_numbers)) == len(due.sequence_numbers)
    by_number = {missing & 0xFFFF: missing for missing in model.since}
    for number in due.sequence_numbers:
        assert number in by_number, "asked for what arrived, or was never missing"
        missing = by_number[number]
        before = model.asked.setdefault(missing, [])
        assert now - model.since[missing] >= FIRST_DELAY_US, "asked for while it may only be late"
        assert not before or now - before[-1] >= RTT_US, "asked twice in a round trip"
        assert model.highest is not None and model.highest - missing <= limits.nack_max_age
        before.append(now)
        assert len(before) <= limits.nack_retries, "not given up"
        if len(before) == limits.nack_retries:
            assert not nacks.is_missing(missing)
            del model.since[missing]
    # What the list let go of (trimmed to a key frame, too far back) is not missed any more.
    for missing in [one for one in model.since if not nacks.is_missing(one)]:
        del model.since[missing]
    assert (due.next_due is None) == (len(nacks) == 0)
    assert due.next_due is None or due.next_due > now
    return len(due.sequence_numbers)


# -- the whole plane, in stories -----------------------------------------------------------------------------

CAMERAS = (0xA0, 0xB0)
SCREEN = 0xC0


class PlaneStory(RuleBasedStateMachine):
    """Two cameras, one viewer that changes between them, and a link that does what it likes."""

    plane_name = PLANES[0]

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(self.plane_name, PlaneLimits(history_packets=64, history_video_us=seconds(1)))
        self.publisher, self.viewer = self.stage.join(), self.stage.join()
        self.sources = [self.stage.camera(0, 1 + place, ssrc) for place, ssrc in enumerate(CAMERAS)]
        self.screen = self.stage.screen(1, 1, SCREEN, self.sources[0])
        self.numbers = [65530, 100]
        self.paused = False
        self.seen: dict[int, bytes] = {}
        self.rtx_numbers: set[int] = set()
        self.serial = 0

    def send(self, camera: int, number: int, *, key: bool = False) -> None:
        # Each packet differs from all others, also from one of the same number.
        self.serial += 1
        made = vp8(CAMERAS[camera], number, timestamp=self.serial * 3000, key=key, picture_id=self.serial)
        made.payload += b"#%d" % self.serial
        self.arrive(made)

    def look(self, out: list[tuple[bytes, object]]) -> None:
        for got in self.viewer.read(out):  # type: ignore[arg-type]
            number, payload = got.sequence_number, got.payload
            if got.ssrc != SCREEN:
                assert number not in self.rtx_numbers
                self.rtx_numbers.add(number)
                number, payload = unwrap_payload(payload)
            serial = payload[payload.rindex(b"#") :]
            assert self.seen.setdefault(number, serial) == serial, "one outgoing number for two payloads"

    def arrive(self, made: RtpPacket) -> None:
        try:
            datagram = self.publisher.send(made)
        except Unauthentic:
            return  # SRTP has no way to send a number that is so old
        self.look(self.stage.arrive(datagram))

    @rule(camera=st.integers(0, 1), step=st.sampled_from((1, 1, 1, 1, 2, 4)), key=st.booleans())
    def next_packet(self, camera: int, step: int, key: bool) -> None:
        self.numbers[camera] += step
        self.send(camera, self.numbers[camera], key=key)

    @rule(camera=st.integers(0, 1), back=st.integers(0, 70), key=st.booleans())
    def late_or_repeated_packet(self, camera: int, back: int, key: bool) -> None:
        self.send(camera, self.numbers[camera] - back, key=key)

    @rule(camera=st.integers(0, 1), ahead=st.integers(-60, 3))
    def repair_of_the_publisher(self, camera: int, ahead: int) -> None:
        self.serial += 1
        number = self.numbers[camera] + ahead
        made = vp8(CAMERAS[camera], number, timestamp=self.serial * 3000, picture_id=self.serial)
        made.payload += b"#%d" % self.serial
        self.arrive(rtx(CAMERAS[camera] + 1, self.serial, made))

    @rule(camera=st.integers(0, 1), ahead=st.integers(-3, 3))
    def probe(self, camera: int, ahead: int) -> None:
        self.arrive(padding_only(CAMERAS[camera], self.numbers[camera] + ahead))
        self.numbers[camera] += max(ahead, 0)

    @rule(camera=st.integers(0, 1), jump=st.sampled_from((4000, -4000, 32768)))
    def restart(self, camera: int, jump: int) -> None:
        self.numbers[camera] += jump
        for _ in range(2):
            self.numbers[camera] += 1
            self.send(camera, self.numbers[camera], key=True)

    @rule(camera=st.sampled_from((0, 1, None)))
    def change_source(self, camera: int | None) -> None:
        source = None if camera is None else self.sources[camera]
        self.stage.plane.set_source(self.screen, source, self.stage.now)

    @rule()
    def pause_or_resume(self) -> None:
        self.paused = not self.paused
        self.stage.plane.set_send_paused(self.screen, self.paused)

    @precondition(lambda self: self.seen)
    @rule(back=st.lists(st.integers(0, 80), min_size=1, max_size=20))
    def nack(self, back: list[int]) -> None:
        newest = self.stage.plane.send_counters(self.screen).highest_extended
        asked = [newest - one & 0xFFFF for one in back]
        self.look(self.stage.plane.retransmit(self.screen, asked, RTT_US, self.stage.now))

    @rule(pause_ms=st.sampled_from((1, 20, 100, 1500)))
    def wait(self, pause_ms: int) -> None:
        self.stage.wait(milliseconds(pause_ms))
        self.look(self.stage.plane.handle_timeout(self.stage.now))
        for source in self.sources:
            due = self.stage.plane.due_nacks(source, RTT_US, self.stage.now)
            assert len(set(due.sequence_numbers)) == len(due.sequence_numbers)

    @invariant()
    def everything_is_counted_once(self) -> None:
        self.stage.assert_reconciled()
        self.stage.plane.take_upcalls()


PlaneStory.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


@pytest.mark.parametrize("plane", PLANES)
def test_in_any_story_no_outgoing_number_has_two_payloads_and_repairs_are_of_what_was_sent(plane):
    class Story(PlaneStory):
        plane_name = plane

    Story.TestCase.settings = PlaneStory.TestCase.settings
    Story.TestCase().runTest()


# -- found by fuzzing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("plane", PLANES)
def test_the_highest_number_again_after_it_was_forgotten_is_not_sent_a_second_time(plane):
    """A late packet after a silence made the store forget the highest one, whose repetition then passed."""
    stage = Stage(plane)
    publisher, viewer = stage.join(), stage.join()
    stage.camera(0, 1, 0xA0)
    stage.screen(1, 1, SCREEN, 1)
    stage.send(publisher, vp8(0xA0, 6, key=True), vp8(0xA0, 7, picture_id=1))
    stage.wait(seconds(3))
    # Behind the wrap: SRTP too takes the repetition for a packet of the next cycle.
    stage.send(publisher, vp8(0xA0, 65534))
    stage.send(publisher, vp8(0xA0, 7, picture_id=2))
    assert [one.sequence_number for one in viewer.read(stage.sent)] == [1000, 1001]
    assert stage.plane.counters().drops == {Drop.TOO_OLD: 1}


def test_audio_of_the_highest_number_again_after_a_silence_is_not_sent_a_second_time():
    stage = Stage(PLANES[0])
    publisher, viewer = stage.join(), stage.join()
    stage.microphone(0, 1, 0xA0)
    stage.speaker(1, 1, SCREEN, 1)
    stage.send(publisher, rtp(0xA0, 6), rtp(0xA0, 7))
    stage.wait(seconds(3))
    stage.send(publisher, rtp(0xA0, 65534))
    stage.send(publisher, rtp(0xA0, 7, payload=b"\xf8 other"))
    assert [one.payload for one in viewer.read(stage.sent)] == [b"\xf8 opus 6", b"\xf8 opus 7"]
    assert stage.plane.send_counters(SendStreamId(1)).packets == 2
