"""A transport's stats hold every member of mediasoup's ``WebRtcTransportStat`` that has a value here."""

import pytest

from tests.scenarios.call import Call, camera, microphone

BYTES_AND_RATES = {
    f"{what}{way}"
    for what in ("bytes", "rtpBytes", "rtxBytes", "probationBytes")
    for way in ("Received", "Sent")
} | {f"{what}{way}Bitrate" for what in ("rtp", "rtx") for way in ("Recv", "Send")}
ALWAYS = {"type", "transportId", "timestamp", "iceRole", "iceState", "dtlsState", "maxIncomingBitrate"} | (
    BYTES_AND_RATES - {"probationBytesReceived"}  # nobody probes us by a stream of its own
)


@pytest.fixture
def call() -> Call:
    call = Call(keys=True)
    alice, bob = call.join(), call.join()
    for spec in (camera(), microphone()):
        producer, _ = alice.produce(spec)
        bob.consume(producer)
    call.run(5)
    return call


def test_a_sending_and_a_receiving_transport_tell_their_rates(call: Call):
    publishing, watching = call.router.transports.values()
    [sent] = publishing.get_stats(now=call.network.now)
    [received] = watching.get_stats(now=call.network.now)
    for stats in (sent, received):
        assert set(stats) >= ALWAYS
        assert stats["iceSelectedTuple"]["protocol"] == "udp"
    assert sent["rtpRecvBitrate"] == pytest.approx(received["rtpSendBitrate"], rel=0.2)
    assert sent["rtpRecvBitrate"] > 100_000 and sent["rtpSendBitrate"] == 0
    assert received["rtpBytesSent"] > 0 and received["bytesSent"] > received["rtpBytesSent"]
    assert sent["rtpPacketLossReceived"] == 0
