"""Stories of links that go away and come back, and of clients that turn up elsewhere."""

import pytest

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.drivers.links import FixedDelay
from rtpfwd.drivers.netem import Outages
from tests.scenarios.call import Call, Client, assert_whole, camera, microphone

DELAY = FixedDelay(milliseconds(25))


def cut(call: Call, client: Client, duration_s: float) -> None:
    """Nothing gets through in either direction for so long, from now on."""
    span = (call.network.now, call.network.now + seconds(duration_s))
    call.network.set_links(client.peer, uplink=Outages(DELAY, [span]), downlink=Outages(DELAY, [span]))


def two(call: Call) -> tuple[Client, Client]:
    alice, bob = call.join(DELAY, DELAY), call.join(DELAY, DELAY)
    call.connect(alice, bob)
    return alice, bob


@pytest.mark.parametrize("duration_s", [1, 3, 10, 29])
@pytest.mark.parametrize("whose", ["publisher", "viewer"])
def test_an_outage_is_survived_without_a_handshake_and_media_is_back_within_a_second(duration_s, whose):
    call = Call()
    alice, bob = two(call)
    video, _ = alice.produce(camera(packets_per_frame=5, payload_bytes=300))
    audio, _ = alice.produce(microphone())
    _, seen = bob.consume(video)
    _, heard = bob.consume(audio)
    call.run(5)
    gone = alice if whose == "publisher" else bob
    # Consent counts from the last check, and those come every few seconds: cut right after one.
    consent = gone.transport.secure.ice.next_timeout()
    call.network.run_while(lambda: gone.transport.secure.ice.next_timeout() == consent, limit_us=seconds(6))
    cut(call, gone, duration_s)
    call.run(duration_s)
    pictures, packets = len(seen.pictures.shown_at), heard.packets
    call.run(1)
    assert len(seen.pictures.shown_at) > pictures, "a picture within a second of the return"
    assert heard.packets > packets
    call.run(1)
    at = len(seen.pictures.shown_at)
    call.run(1)
    assert len(seen.pictures.shown_at) - at >= 29, "and it goes on"
    for client in (alice, bob):
        assert client.dtls_states == ["connecting", "connected"]
        assert client.ice_states == ["connected", "completed"]
    assert seen.timestamps_back == heard.timestamps_back == 0
    assert len(set(seen.marks)) == len(seen.marks)


def test_who_comes_back_after_consent_has_lapsed_needs_no_handshake_either():
    call = Call()
    alice, bob = two(call)
    producer, _ = alice.produce(camera(packets_per_frame=5, payload_bytes=300))
    _, sink = bob.consume(producer)
    call.run(5)
    cut(call, bob, 45)
    call.run(45)
    assert bob.ice_states[-1] == "disconnected"
    pictures = len(sink.pictures.shown_at)
    call.run(1)
    assert len(sink.pictures.shown_at) > pictures
    assert bob.ice_states[-1] == "completed"
    assert bob.dtls_states == ["connecting", "connected"]


@pytest.mark.parametrize("whose", ["publisher", "viewer"])
def test_an_outage_beyond_consent_is_told_and_ends_all_sending(whose):
    call = Call()
    alice, bob = two(call)
    producer, _ = alice.produce(camera())
    bob.consume(producer)
    call.run(5)
    gone = alice if whose == "publisher" else bob
    began = call.network.now
    cut(call, gone, 100)
    call.network.run_while(lambda: gone.ice_states[-1] != "disconnected", limit_us=seconds(40))
    # The last check may have come up to five seconds before.
    assert seconds(25) <= call.network.now - began <= seconds(31)
    assert gone.transport.ice_selected_tuple is None
    call.network.log = []
    call.run(5)
    gone_to = call.network._find(gone.peer).addresses
    assert not [path for _, _, path in call.network.log if path[1] in gone_to]


def test_a_client_whose_nat_gives_it_another_port_is_heard_again_after_its_next_check():
    call = Call()
    alice, bob = two(call)
    upward, _ = bob.produce(microphone(0x7000))
    downward, _ = alice.produce(camera())
    _, heard = alice.consume(upward)
    _, seen = bob.consume(downward)
    call.run(5)
    call.network.move(bob.peer, [("10.0.0.2", 61_000)])  # and it does not know
    moved_at = call.network.now
    packets = heard.packets
    call.run(0.1)
    assert call.worker.counters()["drops"]["rtp_unvalidated_tuple"] > 0, "media alone proves nothing"
    call.network.run_while(lambda: heard.packets <= packets + 10, limit_us=seconds(6))
    assert call.network.now - moved_at <= seconds(5.2), "the rhythm of consent checks: 2.5 to 5 s"
    assert bob.transport.ice_selected_tuple["remotePort"] == 61_000
    pictures = len(seen.pictures.shown_at)
    call.run(1)
    assert len(seen.pictures.shown_at) > pictures
    assert bob.dtls_states == ["connecting", "connected"]


def test_a_phone_that_goes_from_wifi_to_mobile_and_back_keeps_its_call():
    call = Call()
    alice, bob = two(call)
    producer, _ = alice.produce(camera())
    _, sink = bob.consume(producer)
    for turn in range(10):
        call.run(2)
        call.network.move(bob.peer, [(f"10.0.{turn + 1}.9", 4000 + turn)])
        bob.peer.peer.move(0, call.network.now)
        pictures = len(sink.pictures.shown_at)
        call.run(0.5)
        assert len(sink.pictures.shown_at) - pictures >= 5
        assert bob.transport.ice_selected_tuple["remotePort"] == 4000 + turn
    assert bob.dtls_states == ["connecting", "connected"]


def test_twenty_ice_restarts_in_one_call_lose_no_packet():
    call = Call()
    alice, bob = two(call)
    producer, _ = alice.produce(camera())
    _, sink = bob.consume(producer)
    for _ in range(20):
        old = bob.transport.ice_parameters
        new = bob.transport.restart_ice(now=call.network.now)
        call.run(0.3)
        bob.peer.restart_ice(new, call.network.now)
        call.run(0.7)
        assert old["usernameFragment"] not in bob.transport.secure.ice.local_ufrags()
    assert_whole(sink)
    assert bob.ice_states == ["connected", "completed"]
