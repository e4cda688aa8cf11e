import errno
import os
import socket
import sys

import pytest

from rtpfwd.drivers.udp import BUFFER_SIZE, UdpSockets
from rtpfwd.errors import InvalidParameters
from rtpfwd.wire.datagram import Address


@pytest.fixture
def sockets():
    opened = UdpSockets.bind(["127.0.0.1", "::1"], 0)
    yield opened
    opened.close()


@pytest.fixture
def client():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.settimeout(2)
        yield one


def server_address(sockets: UdpSockets, index: int = 0) -> Address:
    info = sockets.info()[index]
    return info.address, info.port


def test_all_sockets_share_the_port_that_the_first_one_got(sockets):
    assert len({info.port for info in sockets.info()}) == 1
    assert [info.address for info in sockets.info()] == ["127.0.0.1", "::1"]


def test_a_port_that_is_taken_for_one_of_two_addresses_is_given_up_for_another(monkeypatch):
    real = socket.socket.bind
    refused = []

    class Stubborn(socket.socket):
        def bind(self, address):
            if self.family == socket.AF_INET6 and len(refused) < 3:
                refused.append(address[1])
                raise OSError(errno.EADDRINUSE, "taken")
            real(self, address)

    monkeypatch.setattr("rtpfwd.drivers.udp.socket.socket", Stubborn)
    opened = UdpSockets.bind(["127.0.0.1", "::1"], 0)
    try:
        assert len(refused) == 3
        assert len({info.port for info in opened.info()}) == 1
    finally:
        opened.close()


def test_a_fixed_port_that_is_taken_is_an_error_that_names_it(sockets):
    port = sockets.info()[0].port
    with pytest.raises(OSError, match=f"127.0.0.1 port {port}"):
        UdpSockets.bind(["127.0.0.1"], port)


def test_no_address_is_refused():
    with pytest.raises(InvalidParameters):
        UdpSockets.bind([], 0)


def test_an_optional_address_that_is_not_there_is_left_out_and_a_required_one_is_an_error():
    opened = UdpSockets.bind(["192.0.2.1", "127.0.0.1"], 0, optional=["192.0.2.1"])
    assert [info.address for info in opened.info()] == ["127.0.0.1"]
    opened.close()
    with pytest.raises(OSError, match=r"192\.0\.2\.1"):
        UdpSockets.bind(["127.0.0.1", "192.0.2.1"], 0)
    with pytest.raises(OSError, match=r"192\.0\.2\.1"):
        UdpSockets.bind(["192.0.2.1"], 0, optional=["192.0.2.1"])


def test_the_granted_buffers_are_read_back(sockets):
    assert all(info.receive_buffer > 0 and info.send_buffer > 0 for info in sockets.info())


def test_datagrams_come_in_order_with_their_socket_and_sender(sockets, client):
    for number in range(3):
        client.sendto(b"%d" % number, server_address(sockets))
    here = client.getsockname()
    assert sockets.receive(0) == [(b"0", (0, here)), (b"1", (0, here)), (b"2", (0, here))]
    assert sockets.receive(0) == []
    assert sockets.received == 3


def test_ipv6_goes_both_ways_by_its_own_socket(sockets):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
        one.bind(("::1", 0))
        one.settimeout(2)
        one.sendto(b"ping", server_address(sockets, 1))
        [(data, path)] = sockets.receive(1)
        assert path[0] == 1
        sockets.send([(data, path)])
        assert one.recv(100) == b"ping"


def test_one_call_takes_at_most_the_limit(sockets, client):
    for _ in range(5):
        client.sendto(b"x", server_address(sockets))
    assert len(sockets.receive(0, 2)) == 2
    assert len(sockets.receive(0)) == 3


def test_a_datagram_of_2048_bytes_passes_and_one_of_2049_is_counted_and_dropped(sockets, client):
    client.sendto(bytes(BUFFER_SIZE + 1), server_address(sockets))
    client.sendto(bytes(BUFFER_SIZE), server_address(sockets))
    assert [len(data) for data, _ in sockets.receive(0)] == [BUFFER_SIZE]
    assert sockets.truncated == 1


def test_an_empty_datagram_is_a_datagram(sockets, client):
    client.sendto(b"", server_address(sockets))
    assert [data for data, _ in sockets.receive(0)] == [b""]


def test_bad_destinations_are_counted_by_errno_and_do_not_stop_the_batch(sockets, client):
    good = (0, client.getsockname())
    sockets.send(
        [
            (b"first", good),
            (b"x", (0, ("255.255.255.255", 9))),
            (b"x", (0, ("127.0.0.1", 70000))),
            (b"x", (0, ("127.0.0.1", 0))),
            (b"x", (0, ("2001:db8::1", 9))),
            (b"x", (9, ("127.0.0.1", 9))),
            (bytes(65536), good),
            (b"last", good),
        ]
    )
    assert [client.recv(100), client.recv(100)] == [b"first", b"last"]
    assert sockets.sent == 2
    assert sockets.send_errors["EACCES"] == 1  # broadcast
    assert sockets.send_errors["EMSGSIZE"] == 1
    assert sockets.send_errors["EINVAL"] == 1  # port 0
    assert sum(sockets.send_errors.values()) == 6


class RefusingSocket:
    def __init__(self, codes):
        self.codes = list(codes)

    def recvfrom(self, size):
        code = self.codes.pop(0) if self.codes else errno.EAGAIN
        raise OSError(code, "refused")

    def sendto(self, data, address):
        raise OSError(self.codes.pop(0), "refused")


def test_every_errno_of_sending_is_a_counter():
    names = ["EAGAIN", "ENOBUFS", "ENETUNREACH", "EHOSTUNREACH", "EPERM", "ECONNREFUSED"]
    sockets = UdpSockets([RefusingSocket(getattr(errno, name) for name in names)])
    sockets.send([(b"x", (0, ("192.0.2.1", 9)))] * len(names))
    assert dict(sockets.send_errors) == dict.fromkeys(names, 1)
    assert sockets.sent == 0


def test_an_error_of_receiving_is_counted_and_the_next_datagram_is_taken_all_the_same():
    sockets = UdpSockets([RefusingSocket([errno.ECONNREFUSED, errno.EHOSTUNREACH])])
    assert sockets.receive(0) == []
    assert dict(sockets.receive_errors) == {"ECONNREFUSED": 1, "EHOSTUNREACH": 1}


def test_what_the_kernel_drops_shows_in_the_counters(client):
    opened = UdpSockets.bind(["127.0.0.1"], 0, socket_buffer=4096)
    try:
        for _ in range(100):
            client.sendto(bytes(1000), server_address(opened))
        taken = len(opened.receive(0, 1000))
        assert taken < 100
        assert opened.counters()["udp_kernel_drops"] == 100 - taken
    finally:
        opened.close()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's option")
def test_a_datagram_that_is_too_large_for_its_path_brings_fragments_back():
    discover, forbid, allow = 10, 2, 1
    sockets = UdpSockets.bind(["127.0.0.1"], 0)
    with socket.socket(fileno=os.dup(sockets.filenos()[0])) as same:
        same.setsockopt(socket.IPPROTO_IP, discover, forbid)
        sockets.send([(bytes(65_508), (0, ("127.0.0.1", 9)))])
        assert same.getsockopt(socket.IPPROTO_IP, discover) == allow
    assert sockets.send_errors["EMSGSIZE"] == 1, "no path is that wide"
    assert sockets.sent == 0
    sockets.close()
