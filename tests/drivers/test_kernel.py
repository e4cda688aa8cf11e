"""The data plane's own thread over real sockets: no line of Python is on a packet's way."""

from __future__ import annotations

import select
import socket
import time

import pytest

from rtpfwd.clock import Instant
from rtpfwd.dataplane.interface import StunReceived, TransportId
from rtpfwd.dataplane.load import PLANES, kernel_of, load_plane
from rtpfwd.errors import InvalidState
from tests.support.packets import vp8
from tests.support.stage import Stage

pytestmark = pytest.mark.skipif("native" not in PLANES, reason="the native plane is not built")


class Link:
    """A stage whose plane serves a socket, and a socket for each peer."""

    def __init__(self) -> None:
        self.stage = Stage("native")
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("127.0.0.1", 0))
        self.server.setblocking(False)
        kernel = kernel_of(self.stage.plane)
        assert kernel is not None
        self.kernel = kernel
        self.bell = kernel.start([self.server.fileno()])
        self.sockets: list[socket.socket] = []

    def join(self):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", 0))
        one.connect(self.server.getsockname())
        one.settimeout(5)
        self.sockets.append(one)
        peer = self.stage.join()
        path = (0, one.getsockname())
        self.stage.plane.remove_path(peer.path)
        self.stage.plane.add_path(TransportId(len(self.sockets) - 1), path)
        self.stage.plane.select_path(TransportId(len(self.sockets) - 1), path)
        return peer, one

    def close(self) -> None:
        self.kernel.stop()
        for one in (self.server, *self.sockets):
            one.close()


@pytest.fixture
def link():
    made = Link()
    yield made
    made.close()


def test_packets_cross_without_a_line_of_python(link):
    alice, from_alice = link.join()
    bob, to_bob = link.join()
    link.stage.camera(0, 1, 0xA0)
    link.stage.screen(1, 1, 0xB0, 1)
    for number in range(20):
        made = vp8(0xA0, number, key=number == 0, timestamp=number * 3000, picture_id=number)
        from_alice.send(alice.send(made)[0])
    got = [bob.read([(to_bob.recv(2048), bob.path)])[0] for _ in range(20)]
    assert [one.sequence_number for one in got] == list(range(1000, 1020))
    assert link.stage.plane.counters().forwarded == 20
    totals = link.kernel.socket_counters()
    assert (totals["udp_received"], totals["udp_sent"]) == (20, 20)


def test_what_is_not_media_comes_up_with_its_path_and_rings(link):
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with stranger:
        stranger.bind(("127.0.0.1", 0))
        data = bytes((0, 1)) + bytes(18)
        stranger.sendto(data, link.server.getsockname())
        assert select.select([link.bell], [], [], 5)[0]
        link.kernel.heard()
        assert link.stage.plane.take_upcalls() == [StunReceived(data, (0, stranger.getsockname()))]


def test_a_nack_is_answered_by_the_thread_itself(link):
    alice, from_alice = link.join()
    bob, to_bob = link.join()
    link.stage.camera(0, 1, 0xA0)
    screen = link.stage.screen(1, 1, 0xB0, 1)
    from_alice.send(alice.send(vp8(0xA0, 1, key=True))[0])
    to_bob.recv(2048)
    now = Instant(time.monotonic_ns() // 1000)
    assert link.stage.plane.retransmit(screen, [1000], 10_000, now) == []
    [repair] = bob.read([(to_bob.recv(2048), bob.path)])
    assert repair.ssrc == 0xB1


def test_an_address_that_cannot_be_reached_is_counted_and_stops_nobody_else(link):
    alice, from_alice = link.join()
    bob, to_bob = link.join()
    link.join()
    link.stage.camera(0, 1, 0xA0)
    nowhere = (0, ("255.255.255.255", 9))
    link.stage.plane.select_path(TransportId(2), nowhere)
    link.stage.screen(2, 2, 0xC0, 1)
    link.stage.screen(1, 1, 0xB0, 1)
    from_alice.send(alice.send(vp8(0xA0, 1, key=True))[0])
    assert len(bob.read([(to_bob.recv(2048), bob.path)])) == 1
    assert link.kernel.socket_counters()["udp_send_EACCES"] == 1


def test_it_is_started_once_and_before_the_first_transport():
    plane = load_plane("native")
    kernel = kernel_of(plane)
    assert kernel is not None and kernel_of(load_plane("reference")) is None
    plane.add_transport(TransportId(1))
    with pytest.raises(InvalidState):
        kernel.start([0])
    kernel.stop()


def test_a_flood_comes_up_in_pieces_between_which_others_get_their_turn(link):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for number in range(200):
            stranger.sendto(bytes((0, 1)) + number.to_bytes(2) + bytes(16), link.server.getsockname())
        pieces = []
        while sum(len(piece) for piece in pieces) < 200:
            assert select.select([link.bell], [], [], 5)[0]
            link.kernel.heard()
            pieces.append(link.stage.plane.take_upcalls())
    assert max(len(piece) for piece in pieces) <= 64
    numbers = [int.from_bytes(one.data[2:4]) for piece in pieces for one in piece]
    assert numbers == list(range(200))
