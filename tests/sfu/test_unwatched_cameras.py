"""What the publisher of a camera is told once nobody watches it."""

from rtpfwd.clock import milliseconds, seconds
from tests.support.room import Room, camera


def test_a_camera_that_nobody_watches_any_more_does_not_keep_the_worker_busy():
    """After half a minute its last encoding has five seconds left: nothing may fall due again and again."""
    room = Room()
    publisher, viewer = room.join(), room.join()
    producer = publisher.produce(camera())
    consumer = viewer.consume(producer)
    rounds = 0
    handle_timeout = room.worker.handle_timeout

    def counted(now):
        nonlocal rounds
        rounds += 1
        handle_timeout(now)

    room.worker.handle_timeout = counted
    room.wait(seconds(1))
    consumer.pause(now=room.now)
    room.wait(seconds(29))
    assert producer.wanted_encodings == (True,)
    before = rounds
    room.wait(seconds(10))
    assert producer.wanted_encodings == (False,)
    assert room.names(producer).count("wantedencodings") == 1
    assert rounds - before < 1000
    consumer.resume(now=room.now)
    room.wait(milliseconds(1))
    assert producer.wanted_encodings == (True,)
