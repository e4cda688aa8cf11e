"""Captures of a worker that runs: on, off, bounded, and never in the way of the call."""

import errno
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from rtpfwd.capture.flight import FlightLimits
from rtpfwd.capture.ingress import read_ingress
from rtpfwd.capture.recording_plane import RecordingPlane
from rtpfwd.clock import seconds
from rtpfwd.drivers.captures import Captures, CaptureSettings
from rtpfwd.drivers.flight_triggers import Trigger, TriggerSettings
from rtpfwd.errors import InvalidState, LimitExceeded, NotFoundError
from rtpfwd.wire.captures.items import CapturedDatagram, Direction, Record
from rtpfwd.wire.captures.reader import CaptureReader
from tests.capture.recording import replay
from tests.scenarios.call import SERVER, UNIX_US, Call, camera, microphone


class Served:
    """A call in virtual time, watched as the real driver watches its worker."""

    def __init__(
        self, settings: CaptureSettings, *, keys: bool = True, wire: bool = False, **options
    ) -> None:
        self.call = Call(keys=keys)
        worker, context = self.call.worker, self.call.worker.context
        self.plane = RecordingPlane(context.plane)
        context.plane = self.plane
        self.captures = Captures(
            worker,
            self.plane,
            [SERVER],
            settings,
            unix_us_at_zero=UNIX_US,
            now=lambda: self.call.network.now,
            **options,
        )
        transmit, events = worker.transmit, worker.events

        def transmitted():
            out = transmit()
            self.captures.sent(out, self.call.network.now)
            self.captures.settle(self.call.network.now)
            return out

        worker.transmit, worker.events = transmitted, events
        self.capture = self.captures.start(wire=True) if wire else None
        self.one, self.two = self.call.join(), self.call.join()
        self.one.transport.app_data["peerId"] = "ada"
        self.call.connect(self.one, self.two)

    def talk(self, duration: float = 1.0) -> None:
        video, _ = self.one.produce(camera())
        audio, _ = self.two.produce(microphone())
        self.two.consume(video)
        self.one.consume(audio)
        self.call.run(duration)

    def stop(self, capture) -> bytes:
        self.captures.stop(capture.id)
        capture.file.join()
        assert self.plane.failures == []
        return capture.file.path.read_bytes()


def items(data: bytes) -> list:
    return list(CaptureReader().read([data]))


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(CaptureSettings(tmp_path))


def test_a_room_is_captured_from_its_first_packet_and_replays(served):
    capture = served.captures.start(router_id=served.call.router.id, name="a room")
    served.talk()
    data = served.stop(capture)
    result = replay(data)
    assert result.comparison.equal, result.comparison.differences
    assert result.comparison.same == result.sent > 50
    names = [one.value for one in items(data) if isinstance(one, Record) and one.kind == "name"]
    assert {one["kind"] for one in names} == {"transport", "receiveStream", "sendStream"}
    assert "ada" in {one.get("label") for one in names}


def test_settings_and_their_changes_are_recorded_and_the_replay_is_equal(served):
    worker = served.call.worker
    worker.tunables.change({"rtcp.default_rtt_us": 70_000}, now=served.call.network.now)
    capture = served.captures.start()
    served.talk(1)
    worker.tunables.change({"pacing.factor": 1.5}, now=served.call.network.now)
    served.call.run(1)
    data = served.stop(capture)
    found = read_ingress(lambda: items(data), foreign=False)
    assert found.settings == {"rtcp.default_rtt_us": 70_000}
    [change] = found.changes
    assert (change.name, change.value) == ("pacing.factor", 1.5)
    assert 900_000 < change.at_us < 1_100_000  # from the first packet on
    assert replay(data).comparison.equal


@pytest.mark.parametrize("scope", ["peer", "transport"])
def test_of_one_peer_only_its_own_output_is_kept_and_it_replays(served, scope):
    transport = served.one.transport
    chosen = {"peer_id": "ada"} if scope == "peer" else {"transport_id": transport.id}
    capture = served.captures.start(**chosen)
    served.talk()
    data = served.stop(capture)
    out = {one.destination for one in items(data) if getattr(one, "direction", 0) == Direction.OUTBOUND}
    assert out == {("10.0.0.1", 5000)}
    result = replay(data)
    assert result.comparison.equal
    assert result.comparison.same > 40


def test_a_capture_that_begins_in_the_middle_replays_but_for_where_numbers_start(served):
    served.talk(1.5)
    capture = served.captures.start()
    served.call.run(2)
    result = replay(served.stop(capture))
    assert result.comparison.equal, result.comparison.differences
    assert result.comparison.aligned > 150
    assert result.comparison.unaligned < 40


def test_a_capture_ends_at_its_size_and_the_call_goes_on(served, tmp_path):
    capture = served.captures.start(max_bytes=40_000)
    served.talk()
    assert served.captures.listing()[0]["ended"] == "size"
    sent = served.plane.counters().forwarded
    served.call.run(1)
    assert served.plane.counters().forwarded > sent + 50
    capture.file.join()
    assert capture.file.path.stat().st_size <= 40_000
    result = replay(capture.file.path.read_bytes())
    assert (result.end, result.comparison.missing, result.comparison.changed) == ("size", 0, 0)


class FullDisk(io.BytesIO):
    def write(self, data) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_ends_the_capture_and_not_the_call(tmp_path):
    served = Served(CaptureSettings(tmp_path), open_file=lambda path: FullDisk())
    capture = served.captures.start()
    served.talk(0.2)
    capture.file.join()
    served.call.run(1)
    view = served.captures.listing()[0]
    assert (view["running"], view["error"]) == (False, "No space left on device")
    assert served.plane.counters().forwarded > 50
    assert served.plane.failures == []


def test_what_cannot_be_captured_is_refused(served, tmp_path):
    for scope in ({"router_id": "none"}, {"peer_id": "nobody"}, {"transport_id": "none"}):
        with pytest.raises(NotFoundError):
            served.captures.start(**scope)
    with pytest.raises(NotFoundError):
        served.captures.stop("none")
    for _ in range(4):
        served.captures.start()
    with pytest.raises(LimitExceeded):
        served.captures.start()
    served.captures.close()
    with pytest.raises(InvalidState):
        Served(CaptureSettings()).captures.start()


def test_a_real_limit_of_the_disk_ends_the_capture_and_not_the_call(tmp_path):
    """The kernel refuses to let the file grow (RLIMIT_FSIZE), in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stderr
    view = json.loads(done.stdout)
    assert (view["running"], view["error"]) == (False, "File too large")
    assert view["size"] <= 20_000
    assert view["forwardedAfter"] > 50


LIMITED = """
import json, resource, signal, sys
from pathlib import Path
from rtpfwd.drivers.captures import CaptureSettings
from tests.drivers.test_captures import Served

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
served = Served(CaptureSettings(Path(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
capture = served.captures.start()
served.talk(1)
capture.file.join()
before = served.plane.counters().forwarded
served.call.run(1)
view = served.captures.listing()[0]
view["size"] = capture.file.path.stat().st_size
view["forwardedAfter"] = served.plane.counters().forwarded - before
assert served.plane.failures == []
print(json.dumps(view))
"""


def test_a_full_directory_takes_no_more(tmp_path):
    (tmp_path / "old.pcapng").write_bytes(bytes(1000))
    with pytest.raises(LimitExceeded):
        Served(CaptureSettings(tmp_path, total_bytes=999)).captures.start()


def test_the_flight_recorder_has_the_headers_of_the_last_minute(served, tmp_path):
    served.talk(2)
    path = served.captures.dump_flight(transport_id=served.two.transport.id)
    served.captures.close()
    found = [one for one in items(path.read_bytes()) if isinstance(one, CapturedDatagram)]
    media = [one for one in found if one.missing]
    assert len([one for one in media if one.direction == Direction.OUTBOUND]) > 50
    assert all(len(one.data) < 100 for one in media)
    assert not any("encrypted" in comment for one in found for comment in one.comments)


def test_the_flight_recorder_forgets_and_stays_small(tmp_path):
    limits = FlightLimits(lasts_us=seconds(1), transport_bytes=40_000, total_bytes=60_000)
    served = Served(CaptureSettings(tmp_path, flight_limits=limits))
    served.talk(20)
    flight = served.captures.flight
    assert flight.bytes <= 60_000 + 2 * (1 << 14) + 4000
    served.one.leave()
    served.two.leave()
    served.call.run(5)
    served.captures.check(served.call.network.now)
    assert (flight.bytes, flight.transports) == (0, [])


def test_a_dump_has_the_latest_that_fits(served):
    served.talk(3)
    paths = [served.captures.dump_flight(peer_id="ada", max_bytes=size) for size in (20_000, 1 << 20)]
    assert [one["file"] for one in served.captures.dumps()] == [str(one) for one in paths]
    served.captures.close()
    small, whole = (
        [one for one in items(path.read_bytes()) if isinstance(one, CapturedDatagram)] for path in paths
    )
    assert {one.source if one.direction is Direction.INBOUND else one.destination for one in whole} == {
        ("10.0.0.1", 5000)
    }
    assert 50 < len(small) < len(whole)
    assert [one.time_us for one in small] == [one.time_us for one in whole[-len(small) :]]
    assert sum(len(one.data) + 28 for one in small) < 20_000
    assert {(one["complete"], one["error"]) for one in served.captures.dumps()} == {(True, None)}


def test_what_comes_after_a_dump_was_asked_for_is_not_in_it(served):
    served.talk(1)
    asked = served.call.network.now
    pieces = served.captures.flight.dump(
        served.captures.flight.transports, local=[SERVER], unix_us_at_zero=0, now=asked, reason="asked"
    )
    served.call.run(3)
    found = [one for one in items(b"".join(pieces)) if isinstance(one, CapturedDatagram)]
    assert len(found) > 50
    assert max(one.time_us for one in found) <= asked


def test_a_disk_that_is_full_for_a_dump_is_told(tmp_path):
    served = Served(CaptureSettings(tmp_path), open_file=lambda path: FullDisk())
    served.talk(0.5)
    served.captures.dump_flight()
    served.captures.close()
    [dump] = served.captures.dumps()
    assert (dump["complete"], dump["error"]) == (False, "No space left on device")
    forwarded = served.plane.counters().forwarded
    served.call.run(1)
    assert served.plane.counters().forwarded > forwarded


def test_a_lost_peer_has_its_last_minute_kept(tmp_path):
    served = Served(CaptureSettings(tmp_path, triggers=TriggerSettings()))
    served.talk(1)
    assert served.captures.check(served.call.network.now) == []
    served.call.network.detach(served.one.peer)
    kept = []
    for _ in range(60):
        served.call.run(1)
        kept += served.captures.check(served.call.network.now)
    assert any(Trigger.ICE_LOST.value in one.name for one in kept), kept
    assert len(kept) <= 3


def test_tshark_reads_what_a_capture_holds(served, tmp_path):
    capture = served.captures.start()
    served.talk()
    served.stop(capture)
    options = ["--enable-heuristic", "rtp_udp", "--enable-heuristic", "rtcp_udp", "--disable-protocol", "dis"]
    lines = subprocess.run(
        ["tshark", "-r", capture.file.path, *options, "-T", "fields", "-e", "frame.protocols"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert not [one for one in lines if "malformed" in one]
    packets = [one for one in lines if "udp" in one]
    assert len(packets) == capture.recorder.counts.sent + capture.recorder.counts.received
    rtp = sum(":rtp" in one for one in packets)
    counters = served.plane.counters()
    assert rtp == counters.rtp + counters.forwarded
    assert any("rtcp" in one for one in packets)
