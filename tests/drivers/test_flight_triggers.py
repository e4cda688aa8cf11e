"""What makes the flight recorder be kept."""

from rtpfwd.clock import Instant, seconds
from rtpfwd.drivers.flight_triggers import FlightTriggers, Trigger, TriggerSettings
from rtpfwd.sfu.ledger import LedgerReason, SubjectKind, What
from tests.scenarios.call import Call, camera


class Watched:
    """A call of two whose ledger a test writes into."""

    def __init__(self) -> None:
        self.call = Call(keys=True)
        self.one, self.two = self.call.join(), self.call.join()
        self.call.connect(self.one, self.two)
        self.producer, _ = self.one.produce(camera())
        self.call.run(0.5)
        self.triggers = FlightTriggers(self.call.worker, TriggerSettings())

    def note(self, kind: SubjectKind, subject: str, what: What, after: int | None, later_us: int = 0) -> None:
        at = Instant(self.call.network.now + later_us)
        self.call.worker.ledger.note(at, kind, subject, what, LedgerReason.ASKED, None, after)

    def check(self, later_us: int = 0):
        return self.triggers.check(Instant(self.call.network.now + later_us))


def test_a_quiet_call_triggers_nothing():
    watched = Watched()
    for _ in range(5):
        watched.call.run(1)
        assert watched.check() == []


def test_an_estimate_that_collapses_is_kept_once_and_a_slow_fall_is_not():
    watched = Watched()
    transport = watched.two.transport
    for step, bps in enumerate((1_000_000, 900_000, 800_000, 700_000)):
        watched.note(SubjectKind.TRANSPORT, transport.id, What.ESTIMATE, bps, step * seconds(1))
    assert watched.check() == []
    watched.note(SubjectKind.TRANSPORT, transport.id, What.ESTIMATE, 200_000, seconds(4))
    assert watched.check() == [(transport.number, Trigger.ESTIMATE_COLLAPSE)]
    watched.note(SubjectKind.TRANSPORT, transport.id, What.ESTIMATE, 20_000, seconds(5))
    assert watched.check() == []
    watched.note(SubjectKind.TRANSPORT, transport.id, What.ESTIMATE, 900_000, seconds(200))
    watched.note(SubjectKind.TRANSPORT, transport.id, What.ESTIMATE, 20_000, seconds(201))
    assert watched.check(seconds(201)) == [(transport.number, Trigger.ESTIMATE_COLLAPSE)]


def test_many_requests_for_key_frames_are_a_storm_and_few_are_not():
    watched = Watched()
    for index in range(9):
        watched.note(SubjectKind.PRODUCER, watched.producer.id, What.KEY_FRAME_REQUEST, None, index)
    assert watched.check() == []
    watched.note(SubjectKind.PRODUCER, watched.producer.id, What.KEY_FRAME_REQUEST, None, 10)
    assert watched.check() == [(watched.one.transport.number, Trigger.KEY_FRAME_STORM)]


def test_a_score_that_drops_is_kept_and_a_pause_is_not():
    watched = Watched()
    assert watched.check() == []
    stream = watched.producer.streams[0]
    stream.score.reset(10)
    assert watched.check() == []
    watched.producer.pause(now=watched.call.network.now)
    stream.score.reset(0)
    assert watched.check() == []
    watched.producer.resume(now=watched.call.network.now)
    stream.score.reset(10)
    watched.check()
    stream.score.reset(2)
    assert watched.check() == [(watched.one.transport.number, Trigger.SCORE_DROP)]
