"""Packets that pass by are opened, also by somebody who comes late."""

import pytest

from rtpfwd.capture.opening import TRIES, openers
from rtpfwd.errors import InvalidParameters
from rtpfwd.protocols.srtp import PlainKeys, Profile, RtcpSender, RtpReceiver, RtpSender, SrtpKeys, open_late
from rtpfwd.wire.rtp import RtpPacket


def keys(profile: Profile) -> SrtpKeys:
    size = profile.key_size + profile.salt_size
    return SrtpKeys(profile, bytes(range(size)), bytes(range(1, size + 1)))


def packet(number: int, ssrc: int = 7) -> bytes:
    return RtpPacket(
        payload_type=96, sequence_number=number & 0xFFFF, timestamp=0, ssrc=ssrc, payload=b"hi"
    ).serialize()


@pytest.mark.parametrize("profile", Profile)
def test_both_directions_are_opened_from_the_middle_of_a_stream(profile):
    ours = keys(profile)
    theirs = SrtpKeys(profile, ours.receive, ours.send)
    inbound, outbound = openers(ours)
    for sender, opener in ((RtpSender(theirs), inbound), (RtpSender(ours), outbound)):
        for number in range(0, 3 * 65536, 20_000):
            protected = sender.protect(packet(number))
        assert opener.rtp(protected) == packet(number)
        assert opener.rtp(sender.protect(packet(number + 1))) == packet(number + 1)


def test_what_was_here_before_opens_again_only_where_it_may():
    ours = keys(Profile.AEAD_AES_128_GCM)
    inbound, outbound = openers(ours)
    again = RtpSender(ours).protect(packet(5))
    assert [outbound.rtp(again), outbound.rtp(again)] == [packet(5)] * 2
    theirs = RtpSender(SrtpKeys(ours.profile, ours.receive, ours.send)).protect(packet(5))
    assert [inbound.rtp(theirs), inbound.rtp(theirs)] == [packet(5), None]


def test_forged_packets_cost_three_searches_and_open_nothing():
    inbound, _ = openers(keys(Profile.AEAD_AES_128_GCM))
    assert [inbound.rtp(packet(number) + bytes(16)) for number in range(TRIES + 2)] == [None] * (TRIES + 2)
    assert inbound.rtp(bytes(12)) is None
    assert inbound.rtcp(bytes(40)) is None


def test_rtcp_is_opened():
    ours = keys(Profile.AEAD_AES_128_GCM)
    compound = bytes((0x80, 201, 0, 1, 0, 0, 0, 1))
    _, outbound = openers(ours)
    assert outbound.rtcp(RtcpSender(ours).protect(compound)) == compound


@pytest.mark.parametrize("profile", Profile)
def test_plain_keys_change_the_size_as_real_ones_do_and_nothing_else(profile):
    plain = PlainKeys(profile)
    protected = RtpSender(plain).protect(packet(1))
    assert len(protected) == len(RtpSender(keys(profile)).protect(packet(1)))
    assert protected.startswith(packet(1))
    assert RtpReceiver(plain).unprotect(protected) == packet(1)
    with pytest.raises(InvalidParameters):
        RtpSender(plain).address  # noqa: B018  # a property that refuses


def test_nobody_opens_a_stream_without_its_keys():
    assert open_late(keys(Profile.AEAD_AES_128_GCM), packet(1) + bytes(16), 7, rollovers=4) is None
