import ipaddress

import pytest

from rtpfwd.drivers.interfaces import (
    ListenSettings,
    bind_addresses,
    expanded_addresses,
    interface_addresses,
    listen_addresses,
)
from rtpfwd.errors import InvalidParameters
from rtpfwd.sfu.listen import ListenAddress, ice_candidates

DOCKERISH = ["127.0.0.1", "::1", "10.0.0.5", "fe80::1", "172.17.0.1", "2001:db8::5", "ff02::1", "169.254.7.7"]


def expand(*ips: str) -> list[str]:
    return bind_addresses(ListenSettings(ips=ips), lambda: DOCKERISH)


def test_the_ipv4_wildcard_becomes_every_ipv4_address_with_loopback_last():
    assert expand("0.0.0.0") == ["10.0.0.5", "172.17.0.1", "169.254.7.7", "127.0.0.1"]


def test_the_ipv6_wildcard_leaves_out_link_local_and_multicast():
    assert expand("::") == ["2001:db8::5", "::1"]


def test_addresses_named_twice_are_bound_once():
    assert expand("127.0.0.1", "10.0.0.5", "0.0.0.0", "10.0.0.5")[:2] == ["10.0.0.5", "172.17.0.1"]
    assert expand("127.0.0.1", "127.0.0.1") == ["127.0.0.1"]


def test_only_what_a_wildcard_stood_for_can_be_done_without():
    listen = ListenSettings(ips=["10.0.0.5", "0.0.0.0", "2001:DB8:0::5"])
    bound = bind_addresses(listen, lambda: DOCKERISH)
    assert expanded_addresses(listen, bound) == ["172.17.0.1", "169.254.7.7", "127.0.0.1"]


@pytest.mark.parametrize("ip", ["localhost", "", "1.2.3", "224.0.0.1", "ff02::1"])
def test_what_cannot_be_bound_is_refused(ip):
    with pytest.raises(InvalidParameters):
        expand(ip)


def test_a_machine_without_that_family_is_an_error():
    with pytest.raises(InvalidParameters):
        bind_addresses(ListenSettings(ips=["::"]), lambda: ["127.0.0.1"])


def test_a_port_out_of_range_is_refused():
    with pytest.raises(InvalidParameters):
        bind_addresses(ListenSettings(ips=["127.0.0.1"], port=65536))


def test_this_machine_has_a_loopback_address_and_all_are_ip_addresses():
    found = interface_addresses()
    assert "127.0.0.1" in found
    assert all(ipaddress.ip_address(ip) for ip in found)


def test_without_announced_addresses_the_bound_ones_are_announced():
    bound = [("10.0.0.5", 3000), ("127.0.0.1", 3000)]
    assert listen_addresses(bound, []) == [
        ListenAddress("10.0.0.5", 3000, 0),
        ListenAddress("127.0.0.1", 3000, 1),
    ]


def test_announced_addresses_replace_the_bound_ones_and_keep_to_their_family():
    bound = [("172.17.0.2", 3000), ("2001:db8::5", 3000), ("127.0.0.1", 3000)]
    assert listen_addresses(bound, ["sfu.example.org", "2001:db8::99", "203.0.113.7", "203.0.113.7"]) == [
        ListenAddress("sfu.example.org", 3000, 0),
        ListenAddress("2001:db8::99", 3000, 1),
        ListenAddress("203.0.113.7", 3000, 0),
    ]


@pytest.mark.parametrize("name", ["2001:db8::99", "", "two words"])
def test_an_announced_address_that_leads_nowhere_is_refused(name):
    with pytest.raises(InvalidParameters):
        listen_addresses([("172.17.0.2", 3000)], [name])


def test_bound_addresses_can_be_told_after_the_announced_ones_at_a_lower_priority():
    bound = [("10.0.0.5", 3000), ("127.0.0.1", 3000)]
    told = listen_addresses(bound, ["203.0.113.7"], expose_internal=True)
    assert [(one.address, one.internal) for one in told] == [
        ("203.0.113.7", False),
        ("10.0.0.5", True),
        ("127.0.0.1", True),
    ]
    priorities = [candidate["priority"] for candidate in ice_candidates(told)]
    assert priorities[0] == 1076302079, "mediasoup's for its first"
    assert priorities[0] - priorities[1] == (1000 + 100) << 8
    assert priorities == sorted(priorities, reverse=True)
