"""What the result says about itself: what was recorded, what is modelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtpfwd.capture.ingress import Ingress, RecordedStream
from rtpfwd.clock import MICROSECONDS, Instant
from rtpfwd.drivers.decoder_model import freezes_between
from rtpfwd.drivers.netem import LinkSpec
from rtpfwd.drivers.whatif.call import RECORDED_UPLINK_US


def describe_recording(ingress: Ingress, producers: Sequence[Sequence[RecordedStream]]) -> dict[str, Any]:
    """The recording as JSON."""
    return {
        "foreign": ingress.foreign,
        "seconds": round(ingress.duration_us / MICROSECONDS, 3),
        "settings": dict(ingress.settings),
        "changes": [{"atUs": one.at_us, "name": one.name, "value": one.value} for one in ingress.changes],
        "skipped": ingress.skipped,
        "producers": [_producer(streams) for streams in producers],
    }


def recorded_parts(ingress: Ingress, uplink: LinkSpec | None) -> list[str]:
    """What comes out of the file."""
    parts = ["the publishers' packets: sizes, layers, and when they came"]
    if uplink is None:
        parts.append("which of them were lost on their first way in")
    if ingress.foreign:
        parts.append("nothing of a server: its settings are the defaults")
    else:
        names = ", ".join(sorted(ingress.settings)) or "none"
        parts.append(
            f"the server's settings that were not the default ({names}), "
            f"and {len(ingress.changes)} changes of settings"
        )
    return parts


def modelled_parts(uplink: LinkSpec | None, feedback: str) -> list[str]:
    """What does not."""
    told = {"none": "nothing of their downlink", "remb": "REMB"}.get(feedback, "transport-wide feedback")
    up = (
        f"a clean link of {RECORDED_UPLINK_US / 1000:g} ms each way for what is not recorded"
        if uplink is None
        else "an emulated link, losses included"
    )
    return [
        "nothing of the server: its control plane, estimate, layers and pacer are the real ones, on a "
        "virtual clock",
        f"publishers: {up}; NACKs are answered with the recorded packets, requests for key frames with a "
        "copy of a recorded one; encoders react to nothing",
        f"viewers: NACK as Chromium's, report, and tell {told}; a decoder that goes by the payloads, "
        "and a playout delay as long as 95 % of the last 100 pictures need",
        "viewers' links: emulated, another one with each seed",
    ]


def _producer(streams: Sequence[RecordedStream]) -> dict[str, Any]:
    first = streams[0]
    pictures = max((one.sent.pictures for one in streams), key=len)
    times = [Instant(min(packet.at_us for packet in one.packets)) for one in pictures]
    is_video = first.mime_type.lower().startswith("video/")
    lasted_s = max(times[-1] - times[0], 1) / MICROSECONDS
    pauses = freezes_between(times) if is_video else []
    return {
        "id": first.producer,
        "mimeType": first.mime_type,
        "picturesPerS": round(len(times) / lasted_s, 2) if is_video else None,
        "freezes": len(pauses),
        "freezeS": round(sum(length for _, length in pauses) / MICROSECONDS, 3),
        "encodings": [_encoding(one) for one in streams],
    }


def _encoding(stream: RecordedStream) -> dict[str, Any]:
    sent = stream.sent
    size = sum(len(one.payload) for one in sent.packets)
    lasted = max(sent.packets[-1].at_us - sent.packets[0].at_us, 1)
    return {
        "ssrc": stream.ssrc,
        "rid": stream.rid,
        "packets": len(sent.packets),
        "repaired": sent.repaired,
        "neverCame": sent.never_came,
        "kbps": round(size * 8 * 1000 / lasted, 1),
        "layers": f"L{sent.spatial_layers}T{sent.temporal_layers}",
        "keyFrames": sum(one.key for one in sent.pictures),
    }
