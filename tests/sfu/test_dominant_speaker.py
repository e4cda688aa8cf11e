"""The judge of whose turn it is, on levels alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.sfu.dominant_speaker import VOICE_IDLE_US, Floor, Voice

SLOT, LOOK = milliseconds(20), milliseconds(300)
LOUD, NOISE = 99, 39
START = seconds(100)
TALK = "#" * 24 + "." * 6
"""A word of half a second and a pause."""


class Meeting:
    """Levels are said in words: ``ann="#..#"`` is loud, quiet, quiet, loud; a space is no packet."""

    def __init__(self, *names: str) -> None:
        self.floor = Floor()
        self.now = START
        self.turns: list[str] = []
        self._slots = 0
        for name in names:
            self.floor.add(name, Instant(self.now), paused=False)

    def goes_on(self, **said: str) -> None:
        for slot in range(max(map(len, said.values()))):
            self.now += SLOT
            for name, word in said.items():
                level = {"#": LOUD, ".": NOISE}.get(word[slot : slot + 1])
                if level is not None:
                    self.floor.hear(name, level, Instant(self.now))
            self._slots += 1
            if self._slots % (LOOK // SLOT) == 0 and self.floor.update(Instant(self.now)):
                assert self.floor.holder is not None
                self.turns.append(self.floor.holder)


def test_nobody_has_the_floor_until_somebody_speaks():
    meeting = Meeting("ann", "bob")
    meeting.goes_on(ann="." * 100, bob="." * 100)
    assert meeting.floor.holder is None
    meeting.goes_on(ann="." * 30, bob="#" * 30)
    assert meeting.turns == ["bob"]


def test_who_falls_silent_keeps_the_floor_until_somebody_else_speaks():
    meeting = Meeting("ann", "bob")
    meeting.goes_on(ann=TALK * 4, bob="." * 120)
    meeting.goes_on(ann="." * 500, bob="." * 500)
    assert meeting.floor.holder == "ann"
    meeting.goes_on(ann="." * 60, bob=TALK * 2)
    assert meeting.turns == ["ann", "bob"]


@pytest.mark.parametrize("offset", range(0, 30, 3))
def test_a_burst_in_a_pause_does_not_take_the_floor(offset: int):
    meeting = Meeting("ann", "bob")
    talk = TALK * 10
    cough = ("." * 50 + "#" * 9) * 10
    meeting.goes_on(ann=talk[offset:], bob=cough[: len(talk) - offset])
    assert meeting.turns == ["ann"]


def test_steady_noise_is_not_speech():
    meeting = Meeting("ann", "fan")
    meeting.goes_on(ann=TALK * 5, fan="." * 150)
    meeting.goes_on(ann="." * 400, fan="." + "#" * 399)
    assert meeting.turns == ["ann", "fan"], "at first a fan is an event"
    meeting.goes_on(ann="." * 4200, fan="#" * 4200)
    meeting.goes_on(ann=TALK * 4, fan="#" * 120)
    assert meeting.turns == ["ann", "fan", "ann"], "then it is the room"


def test_a_click_between_rare_packets_does_not_pass_for_long_speech():
    voice = Voice(Instant(START), paused=False)
    silent = voice.scores()
    for packet in range(1, 6):
        voice.hear(NOISE, Instant(START + packet * milliseconds(400)))
    voice.hear(LOUD, Instant(START + milliseconds(2400)))
    assert voice.loud_slots() == 1
    assert voice.scores()[2] == silent[2]


def test_packets_of_any_length_fill_their_time():
    for length in (20, 40, 60, 120):
        voice = Voice(Instant(START), paused=False)
        for packet in range(1, 1200 // length + 1):
            voice.hear(LOUD, Instant(START + packet * milliseconds(length)))
        assert voice.loud_slots() == 50


def test_who_was_not_heard_for_an_hour_takes_part_again_when_heard():
    meeting = Meeting("ann", "bob")
    meeting.goes_on(ann=TALK * 2, bob="." * 60)
    meeting.now += VOICE_IDLE_US + 1
    meeting.goes_on(ann="." * 90, bob=TALK * 3)
    assert meeting.turns == ["ann", "bob"]


LEVELS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 127), st.integers(0, 500)), max_size=120)


@settings(max_examples=100, deadline=None)
@given(said=LEVELS, leaves=st.sampled_from("abc"), when=st.integers(0, 120))
def test_the_floor_is_always_with_somebody_present_who_spoke_up(
    said: list[tuple[str, int, int]], leaves: str, when: int
):
    floor = Floor()
    for key in "abc":
        floor.add(key, Instant(START), paused=False)
    now, spoke = START, set()
    for number, (key, level, gap_ms) in enumerate(said):
        now += milliseconds(gap_ms)
        if number == when:
            floor.remove(leaves)
        if key == leaves and number >= when:
            continue
        floor.hear(key, level, Instant(now))
        if level >= 80:
            spoke.add(key)
        changed = floor.update(Instant(now))
        assert floor.holder is None or floor.holder in spoke
        assert not changed or floor.holder is not None
        assert number < when or floor.holder != leaves
