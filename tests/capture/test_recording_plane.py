"""Watching a plane changes nothing, and an observer that fails is let go."""

from rtpfwd.capture.mirror import Mirror
from rtpfwd.dataplane.interface import TransportId
from tests.capture.recording import RecordedCall
from tests.scenarios.call import camera


class Failing:
    def __init__(self) -> None:
        self.told = 0

    def called(self, method, arguments, transport, now) -> None:
        self.told += 1
        raise RuntimeError("an observer's own trouble")

    arrived = left = sent = lambda self, datagrams, now: None


def call(watched: bool, observer=None) -> list[bytes]:
    recorded = RecordedCall(keys=True, from_start=watched)
    if observer is not None:
        recorded.plane.attach(observer)
    one, two = recorded.call.join(), recorded.call.join()
    recorded.call.connect(one, two)
    producer, _ = one.produce(camera())
    two.consume(producer)
    recorded.call.run(1)
    return [data for data, _ in recorded.sent]


def test_a_watched_call_sends_what_an_unwatched_one_does():
    assert call(True) == call(False)


def test_an_observer_that_fails_is_let_go_and_the_call_goes_on():
    observer = Failing()
    assert call(False, observer) == call(False)
    assert observer.told == 1


def test_the_mirror_forgets_with_the_plane():
    recorded = RecordedCall(keys=True, from_start=False)
    one, two = recorded.call.join(), recorded.call.join()
    recorded.call.connect(one, two)
    producer, _ = one.produce(camera())
    two.consume(producer)
    mirror = recorded.plane.mirror
    assert len(mirror.transports) == len(mirror.paths) == 2
    assert len(mirror.receive_streams) == len(mirror.send_streams) == 1
    one.leave()
    assert all(entry.source is None for entry in mirror.send_streams.values())
    two.leave()
    assert not (mirror.transports or mirror.paths or mirror.receive_streams or mirror.send_streams)


def test_a_path_has_one_transport():
    mirror = Mirror()
    one, two, path = TransportId(1), TransportId(2), (0, ("192.0.2.1", 5))
    for transport in (one, two):
        mirror.note("add_transport", (transport,))
        mirror.note("add_path", (transport, path))
        mirror.note("select_path", (transport, path))
    assert mirror.paths == {path: two}
    assert mirror.transports[one].selected is None
    mirror.note("remove_path", (path,))
    assert mirror.transports[two].selected is None
