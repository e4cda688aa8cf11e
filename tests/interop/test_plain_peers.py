"""Peers with less than a browser: no header extensions, SSRCs in place of RIDs, no RTX, loss on the way."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from rtpfwd.clock import Instant
from rtpfwd.drivers.fake_media import MediaSource, SourceSpec, producer_parameters
from rtpfwd.drivers.media_sink import MediaSink
from rtpfwd.sfu.consumer import Consumer
from rtpfwd.wire.rtp import RtpPacket
from tests.interop.aiortc_peer import AiortcReceiver, AiortcSender
from tests.interop.sdp_bridge import receiving_capabilities
from tests.interop.studio import Studio, until
from tests.interop.test_aiortc import assert_shows_the_picture

PACKETS = 60


def strip_extensions(source: MediaSource) -> None:
    """Has a source send no header extension at all."""
    make_frame = source.make_frame

    def make_bare_frame(captured: Instant, now: Instant) -> list[bytes]:
        packets = [RtpPacket.parse(data) for data in make_frame(captured, now)]
        for packet in packets:
            packet.extension_profile, packet.extension = None, b""
        return [packet.serialize() for packet in packets]

    source.make_frame = make_bare_frame  # type: ignore[method-assign]


async def test_aiortc_without_any_header_extension_is_received(studio: Studio) -> None:
    sender, receiver = AiortcSender(), AiortcReceiver()
    await studio.publish(sender, extensions=False)
    assert all(one.rtp_parameters["headerExtensions"] == [] for one in studio.producers)
    assert all(one._headerExtensions == [] for one in sender.connection.getTransceivers())
    bare = receiving_capabilities(studio.router.rtp_capabilities, extensions=False)
    await studio.subscribe(receiver, consume={"rtp_capabilities": bare})
    assert_shows_the_picture(await receiver.pictures(10))
    assert await receiver.sound(10) == 10 * 960


async def test_simulcast_by_ssrc_without_extensions_reaches_the_layer_that_is_preferred(
    studio: Studio,
) -> None:
    specs = [
        SourceSpec("video", ssrc=100 + n, rtx_ssrc=200 + n, mid="0", interval_us=20_000) for n in range(3)
    ]
    publishing, receiving = studio.transport(), studio.transport()
    sender, receiver = studio.media_peer(publishing), studio.media_peer(receiving)
    parameters = {**producer_parameters(*specs), "headerExtensions": []}
    assert [one["ssrc"] for one in parameters["encodings"]] == [100, 101, 102]
    producer = studio.produce(publishing, "video", parameters)
    assert producer.type == "simulcast"
    for spec in specs:
        strip_extensions(sender.media.add_source(spec))
    consumer = studio.consume(
        receiving,
        producer,
        rtp_capabilities=receiving_capabilities(studio.router.rtp_capabilities, extensions=False),
    )
    sink = receiver.media.add_sink(consumer.rtp_parameters)
    sender.settle()
    for layer in (2, 0):
        consumer.set_preferred_layers({"spatialLayer": layer}, now=studio.driver.now())
        studio.driver.flush()
        await until(partial(_is_at, consumer, layer))
        await until(partial(_has, sink, sink.packets + 10))
    assert sink.began_with_key_frame
    assert sink.key_frames >= 2
    assert (sink.lost, sink.duplicates, sink.timestamps_back, sink.jumps) == (0, 0, 0, 0)
    assert receiver.media.unknown_ssrcs == 0


async def test_without_rtx_loss_is_repaired_by_the_same_ciphertext(studio: Studio) -> None:
    publishing, receiving = studio.transport(), studio.transport()
    sender, receiver = studio.media_peer(publishing), studio.media_peer(receiving)
    spec = SourceSpec("video", ssrc=9, mid="0", interval_us=5_000)
    sender.media.add_source(spec)
    producer = studio.produce(publishing, "video", producer_parameters(spec))
    without_rtx = receiving_capabilities(studio.router.rtp_capabilities, rtx=False)
    consumer = studio.consume(receiving, producer, rtp_capabilities=without_rtx)
    assert "rtx" not in consumer.rtp_parameters["encodings"][0]
    assert {"type": "nack", "parameter": ""} in consumer.rtp_parameters["codecs"][0]["rtcpFeedback"]
    sink = receiver.media.add_sink(consumer.rtp_parameters)

    arrived: dict[int, list[bytes]] = {}

    def lose_first_of_every_fourth(datagram: bytes) -> bool:
        if not _is_rtp(datagram):
            return True
        number = int.from_bytes(datagram[2:4])
        arrived.setdefault(number, []).append(datagram)
        return number % 4 != 0 or len(arrived[number]) > 1

    receiver.filter = lose_first_of_every_fourth
    sender.settle()
    await until(lambda: sink.packets >= PACKETS)
    sender.media.sources[spec.ssrc].stop()
    await until(lambda: not sink.missing)
    assert sink.rtx_ssrc is None
    repeated = {number: copies for number, copies in arrived.items() if len(copies) > 1}
    assert len(repeated) >= PACKETS // 4 - 1
    assert all(len(set(copies)) == 1 for copies in repeated.values())
    assert sorted(sink.marks)[-1] - sorted(sink.marks)[0] + 1 == len(sink.marks) == len(set(sink.marks))
    [stats] = [one for one in consumer.get_stats(now=studio.driver.now()) if one["type"] == "outbound-rtp"]
    assert stats["packetsRetransmitted"] >= len(repeated)


async def test_with_rtx_the_same_loss_is_repaired_on_the_rtx_ssrc(studio: Studio) -> None:
    publishing, receiving = studio.transport(), studio.transport()
    sender, receiver = studio.media_peer(publishing), studio.media_peer(receiving)
    spec = SourceSpec("video", ssrc=9, rtx_ssrc=10, mid="0", interval_us=5_000)
    sender.media.add_source(spec)
    consumer = studio.consume(receiving, studio.produce(publishing, "video", producer_parameters(spec)))
    sink = receiver.media.add_sink(consumer.rtp_parameters)
    ssrcs: Counter[int] = Counter()

    def lose_every_fourth(datagram: bytes) -> bool:
        if not _is_rtp(datagram):
            return True
        ssrc = int.from_bytes(datagram[8:12])
        ssrcs[ssrc] += 1
        return ssrc != sink.ssrc or int.from_bytes(datagram[2:4]) % 4 != 0

    receiver.filter = lose_every_fourth
    sender.settle()
    await until(lambda: sink.packets >= PACKETS)
    sender.media.sources[spec.ssrc].stop()
    await until(lambda: not sink.missing)
    # A probe may have repeated something, too.
    assert PACKETS // 4 - 1 <= sink.repaired <= ssrcs[sink.rtx_ssrc or 0]


async def test_aiortc_without_rtx_decodes_in_spite_of_loss(studio: Studio) -> None:
    sender, receiver = AiortcSender(), AiortcReceiver()
    await studio.publish(sender, kinds=("video",))
    lost: Counter[int] = Counter()

    def lose(dtls: Any) -> None:
        receive = dtls.transport._recv

        async def lossy() -> bytes:
            while True:
                data: bytes = await receive()
                number = int.from_bytes(data[2:4])
                if not _is_rtp(data) or number % 10 != 5 or lost[number]:
                    return data
                lost[number] += 1

        dtls.transport._recv = lossy

    receiver.before_start = lose
    without_rtx = receiving_capabilities(studio.router.rtp_capabilities, rtx=False)
    await studio.subscribe(receiver, consume={"rtp_capabilities": without_rtx})
    assert_shows_the_picture(await receiver.pictures(30))
    assert lost


def _is_at(consumer: Consumer, layer: int) -> bool:
    layers = consumer.current_layers
    return layers is not None and layers["spatialLayer"] == layer


def _has(sink: MediaSink, packets: int) -> bool:
    return sink.packets >= packets


def _is_rtp(datagram: bytes) -> bool:
    return 128 <= datagram[0] < 192 and not 192 <= datagram[1] < 224
