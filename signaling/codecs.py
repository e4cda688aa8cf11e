"""The codecs that rooms offer, as mediasoup's ``mediaCodecs``: what browsers have."""

from typing import Any

VIDEO_START_KBPS = (
    1000  # x-google-start-bitrate: what mediasoup's demo sets, so that VP8 does not start at 300
)

ROOM_MEDIA_CODECS: tuple[dict[str, Any], ...] = (
    {"kind": "audio", "mimeType": "audio/opus", "clockRate": 48000, "channels": 2},
    {
        "kind": "video",
        "mimeType": "video/VP8",
        "clockRate": 90000,
        "parameters": {"x-google-start-bitrate": VIDEO_START_KBPS},
    },
    {"kind": "video", "mimeType": "video/VP9", "clockRate": 90000, "parameters": {"profile-id": 0}},
    {
        "kind": "video",
        "mimeType": "video/H264",
        "clockRate": 90000,
        "parameters": {
            "packetization-mode": 1,
            "profile-level-id": "42e01f",
            "level-asymmetry-allowed": 1,
        },
    },
    {"kind": "video", "mimeType": "video/AV1", "clockRate": 90000},
)
