"""SDP for a stack that knows nothing else, from and to the JSON values of mediasoup's API.

What ``mediasoup-client`` does inside a browser, in the little that aiortc needs: the remote description is
written from our transport's parameters, and ``rtpParameters`` and ``dtlsParameters`` are read from the local
one. One BUNDLE group, ICE-lite, no trickle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiortc.sdp import MediaDescription, SessionDescription

JsonObject = dict[str, Any]

SETUP = {"client": "active", "server": "passive", "auto": "actpass"}
ROLE = {setup: role for role, setup in SETUP.items()}


@dataclass(frozen=True, slots=True)
class Section:
    """One m-section as the remote side describes it. ``direction`` is the remote's."""

    kind: str
    mid: str
    direction: str
    rtp_parameters: JsonObject


def remote_sdp(transport: JsonObject, sections: list[Section], *, role: str) -> str:
    """An offer or answer of the SFU. ``transport`` has iceParameters, iceCandidates and dtlsParameters;
    ``role`` is the DTLS role that the SFU takes (``auto`` in an offer only).
    """
    ice, candidates = transport["iceParameters"], transport["iceCandidates"]
    fingerprint = transport["dtlsParameters"]["fingerprints"][-1]  # the one that mediasoup-client takes
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite"]
    lines.append("a=group:BUNDLE " + " ".join(section.mid for section in sections))
    lines.append("a=msid-semantic:WMS *")
    lines.append(f"a=fingerprint:{fingerprint['algorithm']} {fingerprint['value']}")
    for section in sections:
        parameters = section.rtp_parameters
        types = " ".join(str(codec["payloadType"]) for codec in parameters["codecs"])
        lines += [
            f"m={section.kind} 7 UDP/TLS/RTP/SAVPF {types}",
            "c=IN IP4 127.0.0.1",
            f"a=mid:{section.mid}",
            f"a={section.direction}",
            f"a=ice-ufrag:{ice['usernameFragment']}",
            f"a=ice-pwd:{ice['password']}",
            f"a=setup:{SETUP[role]}",
            "a=rtcp:9 IN IP4 0.0.0.0",
            "a=rtcp-mux",
        ]
        for codec in parameters["codecs"]:
            lines += _codec_lines(codec)
        for extension in parameters.get("headerExtensions", []):
            lines.append(f"a=extmap:{extension['id']} {extension['uri']}")
        if section.direction == "sendonly":
            lines += _ssrc_lines(section)
        for one in candidates:
            lines.append(
                f"a=candidate:{one['foundation']} 1 {one['protocol']} {one['priority']} {one['address']} "
                f"{one['port']} typ {one['type']}"
            )
        lines.append("a=end-of-candidates")
    return "\r\n".join(lines) + "\r\n"


def sending_parameters(
    local_sdp: str, mid: str, mime_type: str, *, profile: str | None = None, extensions: bool = True
) -> JsonObject:
    """``rtpParameters`` of what the local side sends in a section, with one codec and its RTX.

    ``profile`` picks among several H264; without ``extensions`` the section is described without any.
    """
    media = _section(local_sdp, mid)
    chosen = next(
        codec
        for codec in media.rtp.codecs
        if codec.mimeType.lower() == mime_type.lower()
        and (profile is None or codec.parameters.get("profile-level-id") == profile)
    )
    repeats = [codec for codec in media.rtp.codecs if codec.parameters.get("apt") == chosen.payloadType]
    encoding: JsonObject = {"ssrc": media.ssrc[0].ssrc}
    if repeats:
        encoding["rtx"] = {"ssrc": media.ssrc_group[0].items[1]}
    return {
        "mid": mid,
        "codecs": [_codec_json(codec) for codec in (chosen, *repeats)],
        "headerExtensions": [
            {"uri": one.uri, "id": one.id} for one in media.rtp.headerExtensions if extensions
        ],
        "encodings": [encoding],
        "rtcp": {"cname": media.ssrc[0].cname, "reducedSize": True, "mux": True},
    }


def sections_of(local_sdp: str) -> list[tuple[str, str]]:
    """Kind and mid of each section, in order."""
    return [(media.kind, media.rtp.muxId) for media in SessionDescription.parse(local_sdp).media]


def local_dtls_parameters(local_sdp: str, role: str, algorithm: str | None = None) -> JsonObject:
    """``dtlsParameters`` of the local side in ``role``; with ``algorithm`` only that fingerprint."""
    dtls = SessionDescription.parse(local_sdp).media[0].dtls
    assert dtls is not None
    fingerprints = [
        {"algorithm": one.algorithm, "value": one.value}
        for one in dtls.fingerprints
        if algorithm in (None, one.algorithm)
    ]
    return {"role": role, "fingerprints": fingerprints}


def setup_of(local_sdp: str) -> str:
    """The DTLS role that a local answer takes."""
    dtls = SessionDescription.parse(local_sdp).media[0].dtls
    assert dtls is not None
    return dtls.role


def receiving_capabilities(
    router_capabilities: JsonObject, *, rtx: bool = True, extensions: bool = True
) -> JsonObject:
    """``rtpCapabilities`` of a receiver that takes all of the router's codecs, with or without RTX."""
    return {
        "codecs": [
            codec
            for codec in router_capabilities["codecs"]
            if rtx or not codec["mimeType"].lower().endswith("/rtx")
        ],
        "headerExtensions": [one for one in router_capabilities["headerExtensions"] if extensions],
    }


def _section(local_sdp: str, mid: str) -> MediaDescription:
    return next(one for one in SessionDescription.parse(local_sdp).media if one.rtp.muxId == mid)


def _codec_json(codec: Any) -> JsonObject:
    described = {
        "mimeType": codec.mimeType,
        "payloadType": codec.payloadType,
        "clockRate": codec.clockRate,
        "parameters": {
            name: int(value) if str(value).isdigit() and name != "profile-level-id" else value
            for name, value in codec.parameters.items()
        },
        "rtcpFeedback": [{"type": one.type, "parameter": one.parameter or ""} for one in codec.rtcpFeedback],
    }
    if codec.channels is not None:
        described["channels"] = codec.channels
    return described


def _codec_lines(codec: JsonObject) -> list[str]:
    kind = codec["payloadType"]
    name = codec["mimeType"].split("/")[1]
    channels = f"/{codec['channels']}" if codec.get("channels", 1) > 1 else ""
    lines = [f"a=rtpmap:{kind} {name}/{codec['clockRate']}{channels}"]
    lines += [
        f"a=rtcp-fb:{kind} {one['type']} {one.get('parameter', '')}".rstrip()
        for one in codec.get("rtcpFeedback", [])
    ]
    if codec.get("parameters"):
        lines.append(f"a=fmtp:{kind} " + ";".join(f"{k}={v}" for k, v in codec["parameters"].items()))
    return lines


def _ssrc_lines(section: Section) -> list[str]:
    encoding = section.rtp_parameters["encodings"][0]
    cname = section.rtp_parameters["rtcp"]["cname"]
    ssrcs = [encoding["ssrc"]]
    lines = [f"a=msid:{cname} {section.mid}"]
    if "rtx" in encoding:
        ssrcs.append(encoding["rtx"]["ssrc"])
        lines.append(f"a=ssrc-group:FID {ssrcs[0]} {ssrcs[1]}")
    return lines + [f"a=ssrc:{ssrc} cname:{cname}" for ssrc in ssrcs]
