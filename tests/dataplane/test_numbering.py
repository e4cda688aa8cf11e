"""Outgoing sequence numbers: what must hold for every order of arrival, loss, skipping and switching."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rtpfwd.dataplane.interface import ReceiveStreamId
from rtpfwd.dataplane.reference.numbering import SEGMENTS_KEPT, Numbering

ONE, TWO = ReceiveStreamId(1), ReceiveStreamId(2)


def begun(first_output: int = 1000, first_input: int = 50) -> Numbering:
    numbering = Numbering(first_output)
    numbering.begin(ONE, first_input, 0)
    return numbering


def number(numbering: Numbering, sequence: int) -> int | None:
    segment = numbering.next(sequence)
    return None if segment is None else sequence + segment.offset


def test_the_first_packet_takes_the_first_number_and_the_rest_follow():
    numbering = begun()
    assert [number(numbering, sequence) for sequence in (50, 51, 52)] == [1000, 1001, 1002]
    assert numbering.highest == 1002


def test_before_it_begins_there_is_no_number():
    assert Numbering(1000).next(50) is None
    assert Numbering(1000).find_output(1000) is None


def test_loss_of_the_source_stays_a_gap():
    numbering = begun()
    assert [number(numbering, sequence) for sequence in (50, 53)] == [1000, 1003]
    assert number(numbering, 51) == 1001, "and what comes late fills it"


def test_what_is_older_than_the_beginning_has_no_number():
    assert number(begun(), 49) is None


def test_a_skipped_number_leaves_no_gap():
    numbering = begun()
    number(numbering, 50)
    numbering.skip(51)
    assert number(numbering, 52) == 1001
    assert number(numbering, 51) is None
    assert number(numbering, 50) == 1000


def test_a_run_of_skipped_numbers_leaves_no_gap():
    numbering = begun()
    number(numbering, 50)
    for sequence in range(51, 60):
        numbering.skip(sequence)
    assert number(numbering, 60) == 1001


def test_a_skipped_number_that_comes_late_leaves_the_gap_that_is_numbered_already():
    numbering = begun()
    number(numbering, 50)
    number(numbering, 52)
    numbering.skip(51)
    assert number(numbering, 53) == 1003


def test_late_packets_on_both_sides_of_a_skipped_one_get_different_numbers():
    numbering = begun()
    number(numbering, 50)
    numbering.skip(55)
    assert [number(numbering, sequence) for sequence in (56, 54, 51)] == [1005, 1004, 1001]


def test_another_source_goes_on_where_the_last_one_ended():
    numbering = begun()
    number(numbering, 50)
    number(numbering, 51)
    numbering.begin(TWO, 30_000, 0)
    assert number(numbering, 30_000) == 1002
    assert number(numbering, 29_999) is None


def test_find_output_inverts_over_the_16_bit_wrap():
    numbering = begun(first_output=65_534)
    for sequence in range(50, 56):
        number(numbering, sequence)
    for output, sequence in ((65_534, 50), (65_535, 51), (0, 52), (3, 55)):
        segment, found = numbering.find_output(output)
        assert (segment.source, found) == (ONE, sequence)
    assert numbering.find_output(4) is None, "not sent yet"
    assert numbering.find_output(65_533) is None, "before the first"


def test_a_jump_is_told_only_when_it_is_farther_than_asked():
    numbering = begun()
    number(numbering, 50)
    assert not numbering.jumps_to(3050, 3000)
    assert numbering.jumps_to(3051, 3000)
    assert not Numbering(5).jumps_to(70_000, 3000)


def test_memory_is_bounded_however_much_is_skipped():
    numbering = begun()
    for sequence in range(50, 5_000, 2):
        number(numbering, sequence)
        numbering.skip(sequence + 1)
    assert len(numbering._segments) == SEGMENTS_KEPT
    assert numbering.find_output(numbering.highest & 0xFFFF)[1] == 4_998


class AnyInterleaving(RuleBasedStateMachine):
    """Sources whose packets come in order, late, never, twice, or are skipped; and switches between them."""

    @initialize(first=st.sampled_from((0, 1000, 32_767)), start=st.integers(-10, 70_000))
    def start(self, first: int, start: int) -> None:
        self.first = first
        self.numbering = Numbering(first)
        self.source = ONE
        self.next_input = start
        self.given: dict[int, tuple[ReceiveStreamId, int]] = {}
        self.forwarded: dict[tuple[ReceiveStreamId, int], int] = {}
        self.withheld: list[int] = []
        self.absent: list[int] = []  # lost, and so of numbers that stay a gap
        self.began_at = start
        self._begin()

    def _begin(self) -> None:
        before = self.numbering.highest
        self.numbering.begin(self.source, self.next_input, 0)
        self.began_at = self.next_input
        self.withheld.clear()
        self._forward(self.next_input)
        assert self.forwarded[self.source, self.next_input] == before + 1, "continuous over the switch"
        self.next_input += 1

    def _forward(self, sequence: int) -> None:
        output = number(self.numbering, sequence)
        if output is None:
            return
        key = self.source, sequence
        assert self.given.setdefault(output, key) == key, "a number repeats for a different packet"
        assert self.forwarded.setdefault(key, output) == output, "a packet has two numbers"

    @rule()
    def arrive(self) -> None:
        before = self.numbering.highest
        self._forward(self.next_input)
        assert self.numbering.highest == before + 1, "continuous where the input was"
        self.next_input += 1

    @rule(count=st.integers(1, 20))
    def lose(self, count: int) -> None:
        before = self.numbering.highest
        lost = range(self.next_input, self.next_input + count)
        self.withheld += lost
        self.next_input += count
        self._forward(self.next_input)
        assert self.numbering.highest == before + count + 1, "loss stays a gap of its own size"
        self.next_input += 1

    @rule()
    def skip(self) -> None:
        before = self.numbering.highest
        self.numbering.skip(self.next_input)
        assert self.numbering.highest == before, "nothing is used up"
        self.next_input += 1

    @rule(count=st.integers(1, 5))
    def lose_then_skip(self, count: int) -> None:
        before = self.numbering.highest
        self.withheld += range(self.next_input, self.next_input + count)
        self.numbering.skip(self.next_input + count)
        assert self.numbering.highest == before + count
        self.next_input += count + 1

    @precondition(lambda self: self.withheld)
    @rule(data=st.data())
    def come_late(self, data: st.DataObject) -> None:
        sequence = self.withheld.pop(data.draw(st.integers(0, len(self.withheld) - 1)))
        before = self.numbering.highest
        self._forward(sequence)
        assert (self.source, sequence) in self.forwarded, "its number was kept free"
        assert self.numbering.highest == before

    @precondition(lambda self: self.withheld)
    @rule()
    def skip_late(self) -> None:
        before = self.numbering.highest
        self.numbering.skip(self.withheld.pop())
        assert self.numbering.highest == before

    @precondition(lambda self: self.forwarded)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        mine = [sequence for source, sequence in self.forwarded if source == self.source]
        if mine:
            self._forward(data.draw(st.sampled_from(mine)))

    @rule(back=st.integers(1, 100))
    def come_from_before_the_beginning(self, back: int) -> None:
        self._forward(self.began_at - back)

    @rule(ahead=st.integers(0, 5_000))
    def begin_again(self, ahead: int) -> None:
        self.next_input += ahead
        self._begin()

    @rule(start=st.integers(-10, 70_000))
    def switch(self, start: int) -> None:
        self.source = TWO if self.source == ONE else ONE
        inputs = [sequence for source, sequence in self.forwarded if source == self.source]
        self.next_input = max([start, *(sequence + 1 for sequence in inputs)])
        self._begin()

    @invariant()
    def find_output_inverts(self) -> None:
        for output, (source, sequence) in list(getattr(self, "given", {}).items())[-40:]:
            if self.numbering.highest - output > 0xFFFF:
                continue
            found = self.numbering.find_output(output & 0xFFFF)
            if found is not None:
                assert (found[0].source, found[1]) == (source, sequence)
            else:
                assert len(self.numbering._segments) == SEGMENTS_KEPT, "only the oldest are forgotten"


TestAnyInterleaving = AnyInterleaving.TestCase
TestAnyInterleaving.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
