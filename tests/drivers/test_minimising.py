"""Shrinking files: only what fails in the same way counts."""

from pathlib import Path

import pytest

from rtpfwd.dataplane.reference.numbering import Numbering
from rtpfwd.drivers.minimising import minimise_file
from rtpfwd.drivers.played_capture import play_capture
from rtpfwd.errors import InvalidParameters, MalformedPacket
from tests.inspection.calls import pcapng, voice

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"


def test_a_broken_sequence_manager_is_shown_by_few_packets(monkeypatch: pytest.MonkeyPatch, tmp_path):
    """What one would do with a fault that a real call showed: compare with what does not have it."""
    whole = Numbering.skip
    monkeypatch.setattr(Numbering, "skip", lambda *arguments, **options: None)

    def numbers(played) -> list[int]:
        return [one.rtp.sequence_number for one in played.consumer().packets]

    def check(played) -> None:
        with monkeypatch.context() as repaired:
            repaired.setattr(Numbering, "skip", whole)
            right = numbers(played.again())
        assert numbers(played) == right

    target = tmp_path / "small.pcapng"
    told = []
    found = minimise_file(
        PCAPS / "vp9-l3t3-key.pcapng", check, target, told=lambda tries, items: told.append(tries)
    )
    assert found.packets[0] > 500 and found.packets[1] <= 8
    assert target.stat().st_size < 10_000
    assert told == list(range(1, found.tries + 1))
    first, *_, last = numbers(play_capture(target))
    monkeypatch.setattr(Numbering, "skip", whole)
    again = numbers(play_capture(target))
    assert again[0] == first and again[-1] < last


def test_another_failure_is_not_taken_for_this_one(tmp_path):
    def check(played) -> None:
        packets = played.consumer().packets
        assert len(packets) > 20, "too few to judge"
        assert not any(one.rtp.marker for one in packets[:20]), "a marker"

    found = minimise_file(PCAPS / "vp8.pcapng", check, tmp_path / "small.pcapng")
    assert 21 <= found.packets[1] <= 22


def test_a_check_may_return_false(tmp_path):
    found = minimise_file(PCAPS / "opus.pcapng", lambda played: not played.sent, tmp_path / "small.pcapng")
    assert found.packets[1] == 1
    with pytest.raises(InvalidParameters, match="passes"):
        minimise_file(PCAPS / "opus.pcapng", lambda played: None, tmp_path / "none.pcapng")
    assert not (tmp_path / "none.pcapng").exists()


def test_a_plane_that_breaks_needs_no_check(monkeypatch: pytest.MonkeyPatch, tmp_path):
    following = Numbering.next

    def breaking(self, sequence: int):
        if sequence & 0xFF == 200:
            raise ZeroDivisionError("a bug")
        return following(self, sequence)

    monkeypatch.setattr(Numbering, "next", breaking)
    found = minimise_file(PCAPS / "opus.pcapng", lambda played: None, tmp_path / "small.pcapng")
    assert found.packets[1] <= 2


def test_captures_of_others_shrink_too(tmp_path):
    source = tmp_path / "foreign.pcapng"
    source.write_bytes(pcapng(voice(150)))

    def check(played) -> None:
        assert not any(one.rtp.timestamp == 960 * 77 for one in played.sent)

    found = minimise_file(source, check, tmp_path / "small.pcapng")
    assert found.packets == (150, found.packets[1])
    assert found.packets[1] < 30  # inference needs a few to believe in a stream
    with pytest.raises(AssertionError):
        check(play_capture(tmp_path / "small.pcapng"))


def test_what_cannot_be_played_is_said(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        minimise_file(tmp_path / "none", lambda played: None, tmp_path / "out")
    (tmp_path / "text").write_text("not at all")
    with pytest.raises(MalformedPacket):
        minimise_file(tmp_path / "text", lambda played: None, tmp_path / "out")
