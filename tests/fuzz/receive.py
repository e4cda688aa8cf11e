"""The whole way in: a worker with real keys, a publisher and a viewer, and scripts of what they send.

An input is a list of steps, each a kind (one byte), a length (two) and so many bytes. The bytes of RTP and
RTCP steps are plain text that is encrypted under the peer's own keys, so that the fuzzer gets behind SRTP;
raw steps arrive as they are. What is promised: nothing raises, each datagram is counted once, what leaves can
be decrypted and read by whom it is for, and no step takes long.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from enum import IntEnum
from itertools import islice

from rtpfwd.clock import milliseconds
from rtpfwd.errors import NetworkInputError
from rtpfwd.wire import stun
from rtpfwd.wire.datagram import Datagram
from tests.support.room import Member, Room, camera, microphone

MAX_STEPS = 60
MAX_WAIT_MS = 3000
SLOW_S = 0.05
"""Of processor time for one datagram: a machine under load may take some ten times the usual."""
LAYERED = 0x3000
LAYERED = 0x3000
STRANGER = (0, ("203.0.113.200", 9))
INPUTS_IN_A_ROOM = 40


class Step(IntEnum):
    """What happens."""

    PUBLISHER_RTP = 0
    PUBLISHER_RTCP = 1
    VIEWER_RTP = 2
    VIEWER_RTCP = 3
    RAW = 4
    """From the publisher's validated path."""
    RAW_STRANGER = 5
    CHECK = 6
    """A signed check of the publisher's, from a port made of the bytes."""
    WAIT = 7
    """So many milliseconds as the length says; no bytes."""
    CONTROL = 8
    """The first byte chooses what signaling asks for."""


class World:
    """A room in which two cameras and a microphone are seen and heard: one of VP8, and one of AV1 with two
    layers and dependency descriptors, of which the viewer wants the lower.
    """

    def __init__(self, plane: str = "reference") -> None:
        self.room = Room(codecs=("AV1",), plane=plane)
        self.publisher, self.viewer = self.room.join(), self.room.join()
        self.producers = [self.publisher.produce(camera()), self.publisher.produce(microphone())]
        self.consumers = [self.viewer.consume(one) for one in self.producers]
        layered = camera(LAYERED, mid="2", codec="AV1", scalability_mode="L2T2")
        self.layered = self.viewer.consume(self.publisher.produce(layered))
        self.layered.set_preferred_layers({"spatialLayer": 0, "temporalLayer": 0}, now=self.room.now)
        self.plane = self.room.worker._context.plane

    def take(self, data: bytes) -> Hashable:
        """Run one input; raises ``AssertionError`` for a broken promise."""
        for kind, body, length in steps(data):
            if kind is Step.WAIT:
                self.room.wait(milliseconds(min(length, MAX_WAIT_MS)))
            elif kind is Step.CONTROL:
                self._control(body[0] if body else 0)
            else:
                datagram = self._datagram(kind, body)
                if datagram is not None:
                    self._arrive(datagram)
            self._reconcile()
        totals = self.plane.counters()
        return tuple(totals.drops), tuple(self.room.worker.counters()["drops"]), totals.forwarded > 0

    def _arrive(self, datagram: Datagram) -> None:
        started = time.thread_time()
        self.room.worker.receive([datagram], self.room.now)
        spent = time.thread_time() - started
        assert spent < SLOW_S, f"one datagram took {spent * 1000:.1f} ms"
        self.room.settle()  # decrypts and reads all that leaves
        for member in self.room.members:
            member.rtp.clear()
            member.rtcp.clear()
        self.room.told.clear()

    def _datagram(self, kind: Step, body: bytes) -> Datagram | None:
        member = self.viewer if kind in (Step.VIEWER_RTP, Step.VIEWER_RTCP) else self.publisher
        try:
            match kind:
                case Step.PUBLISHER_RTP | Step.VIEWER_RTP:
                    return member.peer.send(body)
                case Step.PUBLISHER_RTCP | Step.VIEWER_RTCP:
                    return member.peer.send_raw_rtcp(body)
                case Step.CHECK:
                    return _check(member, body)
                case Step.RAW_STRANGER:
                    return body, STRANGER
        except NetworkInputError:
            return None  # libsrtp encrypts no such thing
        return body, self.publisher.peer.path

    def _control(self, choice: int) -> None:
        now, producer, consumer = self.room.now, self.producers[choice & 1], self.consumers[choice & 1]
        match choice >> 1 & 7:
            case 0:
                producer.pause(now=now)
            case 1:
                producer.resume(now=now)
            case 2:
                consumer.pause(now=now)
            case 3:
                consumer.resume(now=now)
            case 4:
                consumer.request_key_frame(now=now)
            case 5:
                self.publisher.transport.restart_ice(now=now)
            case 6:
                layers = {"spatialLayer": choice & 1, "temporalLayer": choice >> 4 & 1}
                self.layered.set_preferred_layers(layers, now=now)
            case _:
                self.room.worker.dump()
        self.room.settle()

    def _reconcile(self) -> None:
        totals = self.plane.counters()
        found = (
            totals.stun + totals.dtls + totals.rtcp + totals.rtp + totals.held + sum(totals.drops.values())
        )
        assert totals.datagrams == found, totals


class Continued:
    """The same with one room for many inputs, since making it costs more than most of them."""

    def __init__(self, plane: str = "reference") -> None:
        self.so_far = b""
        self._plane = plane
        self._world: World | None = None
        self._inputs = 0

    def __call__(self, data: bytes) -> Hashable:
        if self._world is None or self._inputs == INPUTS_IN_A_ROOM:
            self._world, self._inputs, self.so_far = World(self._plane), 0, b""
        self._inputs += 1
        # Only whole steps, or the next input would be read with a part of this one.
        whole = b"".join(step(*one) for one in islice(steps(data), MAX_STEPS))
        self.so_far += whole
        return self._world.take(whole)


def run(data: bytes) -> Hashable:
    return World().take(data)


def run_native(data: bytes) -> Hashable:
    return World("native").take(data)


def steps(data: bytes) -> Iterator[tuple[Step, bytes, int]]:
    """The steps of an input: kind, bytes, and the length as told."""
    position = 0
    while position + 3 <= len(data):
        kind = Step(data[position] % len(Step))
        length = int.from_bytes(data[position + 1 : position + 3])
        end = position + 3 if kind is Step.WAIT else min(position + 3 + length, len(data))
        yield kind, data[position + 3 : end], length
        position = end


def step(kind: Step, body: bytes = b"", length: int | None = None) -> bytes:
    """One step as it is written."""
    told = length if kind is Step.WAIT and length is not None else len(body)
    return bytes((kind,)) + told.to_bytes(2) + body


def _check(member: Member, body: bytes) -> Datagram:
    parameters = member.transport.ice_parameters
    port = 1 + int.from_bytes(body[:2]) % 65535
    request = stun.binding_request(
        body[:12].ljust(12, b"\0"), f"{parameters['usernameFragment']}:peer",
        parameters["password"].encode(), priority=1, controlling=7, use_candidate=bool(port & 1),
    )  # fmt: skip
    if port % 4 == 0:
        return request, (0, (member.peer.path[1][0], port))
    return request, member.peer.path


if __name__ == "__main__":
    from tests.fuzz.command import main

    main("receive", run)
