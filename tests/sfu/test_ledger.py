"""What was decided, and why, as long as it is kept."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, seconds
from rtpfwd.congestion.demands import Reason
from rtpfwd.sfu.ledger import (
    Decision,
    Figure,
    Ledger,
    LedgerReason,
    LedgerSettings,
    SubjectKind,
    What,
)


def layers(ledger: Ledger, consumer: str, before, after, at: float = 0) -> Decision:
    return ledger.note(
        Instant(seconds(at)),
        SubjectKind.CONSUMER,
        consumer,
        What.LAYERS,
        Reason.BANDWIDTH,
        before,
        after,
        {Figure.NEEDED_BPS: 400_000, Figure.AVAILABLE_BPS: 300_000},
    )


def test_decisions_about_a_subject_come_back_in_order():
    ledger = Ledger(LedgerSettings())
    first = layers(ledger, "a", None, (0, 0))
    layers(ledger, "b", None, (0, 0))
    second = layers(ledger, "a", (0, 0), (1, 2))
    assert ledger.of("a") == [first, second]
    assert ledger.of("a", at_most=1) == [second]
    assert ledger.of("a", since=first.number + 1) == [second]
    assert ledger.of("c") == []


def test_the_latest_of_a_kind_is_found():
    ledger = Ledger(LedgerSettings())
    layers(ledger, "a", None, (0, 0))
    latest = layers(ledger, "a", (0, 0), (1, 0))
    asked = ledger.note(
        Instant(5), SubjectKind.CONSUMER, "a", What.KEY_FRAME_REQUEST, LedgerReason.SOURCE_SWITCH
    )
    assert ledger.last("a", What.LAYERS) is latest
    assert ledger.last("a", What.KEY_FRAME_REQUEST) is asked
    assert ledger.last("a", What.PROBE) is None
    assert ledger.of("a", What.KEY_FRAME_REQUEST) == [asked]


def test_the_oldest_decisions_go_first_and_their_numbers_show_the_gap():
    ledger = Ledger(LedgerSettings(decisions=3))
    for turn in range(5):
        layers(ledger, "a", turn, turn + 1)
    assert [decision.number for decision in ledger] == [2, 3, 4]
    assert ledger.noted == 5


def test_a_ledger_of_no_decisions_only_counts():
    ledger = Ledger(LedgerSettings(decisions=0))
    layers(ledger, "a", None, (0, 0))
    assert list(ledger) == []
    assert ledger.noted == 1


def test_the_json_view_says_it_in_plain_words():
    ledger = Ledger(LedgerSettings())
    layers(ledger, "a", None, (1, 2), at=1.5)
    assert ledger.to_json() == {
        "noted": 1,
        "decisions": [
            {
                "number": 0,
                "at": 1_500_000,
                "subjectKind": "consumer",
                "subjectId": "a",
                "what": "layers",
                "reason": "bandwidth",
                "after": [1, 2],
                "figures": {"neededBps": 400_000, "availableBps": 300_000},
            }
        ],
    }


def test_a_reader_can_ask_for_what_is_new_since():
    ledger = Ledger(LedgerSettings())
    for turn in range(4):
        layers(ledger, "a", turn, turn + 1)
    assert [decision["number"] for decision in ledger.to_json(since=2)["decisions"]] == [2, 3]


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(SubjectKind),
            st.text(max_size=5),
            st.sampled_from(What),
            st.sampled_from([*Reason, *LedgerReason]),
            st.none() | st.integers() | st.tuples(st.integers(0, 7), st.integers(0, 7)),
            st.dictionaries(st.sampled_from(Figure), st.integers()),
        ),
        max_size=20,
    ),
    st.integers(0, 8),
)
def test_any_ledger_is_bounded_and_json(notes, room):
    ledger = Ledger(LedgerSettings(decisions=room))
    for at, (kind, subject, what, reason, after, figures) in enumerate(notes):
        ledger.note(Instant(at), kind, subject, what, reason, None, after, figures)
    view = ledger.to_json()
    assert json.loads(json.dumps(view)) == view
    assert len(ledger) == min(len(notes), room)
    assert sum(len(ledger.of(subject)) for subject in {note[1] for note in notes}) == len(ledger)
