"""What may be turned on a running worker, and what turning it does."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpfwd.clock import Instant, milliseconds, seconds
from rtpfwd.errors import CallerError, InvalidParameters, LimitExceeded, NotFoundError
from rtpfwd.sfu.ledger import SubjectKind, What
from rtpfwd.sfu.settings import RtcpSettings, WorkerSettings
from rtpfwd.sfu.tunable_list import TUNABLES
from rtpfwd.sfu.tunables import Scope, changed, configured, flattened
from rtpfwd.wire.rtcp.reports import ReceiverReport
from tests.scenarios.call import Call, camera
from tests.support.packets import vp8
from tests.support.room import Room
from tests.support.room import camera as one_camera

NO_SINGLE_NUMBER = {"bandwidth.estimator.probe.first_factors"}
NOW = Instant(1_000_000)


def test_every_setting_is_listed_and_its_default_within_its_range():
    defaults = dict(flattened(WorkerSettings()))
    assert set(TUNABLES) == set(defaults) - NO_SINGLE_NUMBER
    outside = [
        (name, defaults[name])
        for name, one in TUNABLES.items()
        if not one.lowest <= defaults[name] <= one.highest
    ]
    assert outside == []


def test_every_tunable_says_what_it_is():
    for row in Room().worker.tunables.to_json():
        assert row["about"].endswith(".") and row["source"]
        assert row["unit"] or not row["name"].endswith(("_us", "_ms", "_bps", "_percent", "_bytes"))


def test_a_value_is_read_changed_and_noted():
    worker = Room().worker
    name = "rtcp.report_interval_us"
    assert worker.tunables.read(name) == 1_000_000
    [told] = worker.tunables.change({name: 200_000}, now=NOW)
    assert told == {"name": name, "before": 1_000_000, "after": 200_000, "scope": "running"}
    assert worker.tunables.read(name) == 200_000
    [decision] = worker._context.ledger.of(name)
    assert (decision.subject_kind, decision.what) == (SubjectKind.TUNABLE, What.TUNABLE)
    assert (decision.before, decision.after, decision.at) == (1_000_000, 200_000, NOW)
    assert worker.tunables.changes == 1


def test_before_the_start_everything_can_be_set_within_its_range():
    tree = configured(WorkerSettings(), {"plane.nack_retries": 3, "pacing.factor": 2}, TUNABLES)
    assert (tree.plane.nack_retries, tree.pacing.factor) == (3, 2.0)
    assert changed(tree) == {"plane.nack_retries": 3, "pacing.factor": 2.0}
    assert changed(WorkerSettings()) == {}
    for values in (
        {"plane.nack_retries": 101}, {"plane.history_packets": 1000}, {"pacing.factor": "2"},
        {"rtcp.default_rtt_us": 5_000_000, "rtcp.max_rtt_us": 100_000},
    ):  # fmt: skip
        with pytest.raises(InvalidParameters):
            configured(WorkerSettings(), values, TUNABLES)
    with pytest.raises(NotFoundError):
        configured(WorkerSettings(), {"plane": 1}, TUNABLES)


def test_the_same_value_again_is_no_change():
    worker = Room().worker
    assert worker.tunables.change({"rtcp.report_interval_us": 1_000_000}, now=NOW) == []
    assert len(worker._context.ledger) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rtcp.report_interval_us", 1),
        ("rtcp.report_interval_us", 10**12),
        ("rtcp.report_interval_us", 200_000.5),
        ("rtcp.report_interval_us", True),
        ("rtcp.report_interval_us", "200000"),
        ("rtcp.report_interval_us", None),
        ("pacing.factor", float("nan")),
        ("pacing.factor", float("inf")),
        ("bandwidth.allocation.fill_leftover", 1),
        ("plane.history_packets", 4096),
        ("ledger.decisions", 1),
        ("bandwidth.estimator.min_bps", 700_000),  # above initial_bps
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(name: str, value: object):
    worker = Room().worker
    before = dict(flattened(worker._context.settings))
    with pytest.raises(InvalidParameters, match=name):
        worker.tunables.change({"rtcp.remb_interval_us": 500_000, name: value}, now=NOW)
    assert dict(flattened(worker._context.settings)) == before
    assert len(worker._context.ledger) == 0


def test_a_name_that_is_none_is_not_found():
    worker = Room().worker
    for name in ("rtcp", "rtcp.nothing", "", "__class__", "rtcp.report_interval_us.real"):
        with pytest.raises(NotFoundError):
            worker.tunables.change({name: 1}, now=NOW)
        with pytest.raises(NotFoundError):
            worker.tunables.read(name)


def test_values_that_must_go_together_change_together():
    tunables = Room().worker.tunables
    tunables.change(
        {"bandwidth.estimator.min_bps": 700_000, "bandwidth.estimator.initial_bps": 800_000}, now=NOW
    )
    assert tunables.read("bandwidth.estimator.min_bps") == 700_000


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(TUNABLES)), st.one_of(st.integers(), st.floats(), st.booleans()))
)
def test_any_values_are_taken_within_their_ranges_or_refused(values: dict[str, object]):
    tunables = Room().worker.tunables
    try:
        tunables.change(values, now=NOW)
    except CallerError:
        return
    for row in tunables.to_json():
        assert type(row["value"]) is type(row["default"])
        if row["name"] in values:
            assert row["lowest"] <= row["value"] <= row["highest"]


def test_reports_leave_more_often_from_the_next_timer_on():
    room = Room()
    alice = room.join()
    alice.produce(one_camera())
    alice.send(vp8(0x1000, 1, key=True))

    def reports_in_three_seconds() -> int:
        before = len(alice.told(ReceiverReport))
        room.wait(seconds(3))
        return len(alice.told(ReceiverReport)) - before

    assert 2 <= reports_in_three_seconds() <= 3
    room.worker.tunables.change({"rtcp.report_interval_us": milliseconds(200)}, now=room.now)
    room.wait(seconds(2))  # the timer that was armed before
    assert reports_in_three_seconds() >= 9


def test_a_limit_holds_from_now_on():
    room = Room()
    room.join()
    room.worker.tunables.change({"max_transports": 1}, now=room.now)
    with pytest.raises(LimitExceeded, match="max_transports"):
        room.join()


def test_the_settings_that_the_worker_was_made_with_stay_what_they_were():
    given_settings = replace(WorkerSettings(), rtcp=RtcpSettings(report_interval_us=2_000_000))
    room = Room(settings=given_settings)
    room.worker.tunables.change({"rtcp.report_interval_us": 300_000}, now=room.now)
    assert given_settings.rtcp.report_interval_us == 2_000_000


def test_allocation_follows_a_change_while_it_runs():
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    producer, _ = alice.produce(camera())
    consumer, _ = bob.watch(producer)
    call.run(1)
    bandwidth = bob.transport.media.bandwidth
    call.worker.tunables.change({"bandwidth.allocation.up_margin_percent": 150}, now=call.network.now)
    call.run(1)
    assert bandwidth._allocator.settings.up_margin_percent == 150
    assert consumer.assignment is not None


def test_scopes_are_told_for_all():
    told = {row["name"]: row["scope"] for row in Room().worker.tunables.to_json("plane.")}
    assert set(told.values()) == {Scope.START.value}
