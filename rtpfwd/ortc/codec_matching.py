"""Are two codecs the same one?

Sources: mediasoup 3.27.1 ``ortc.js`` (its ``matchCodecs``), RFC 4588 §8 for RTX, RFC 6184 §8.2.2 for H.264,
RFC 9628 §7 for VP9's ``profile-id``.

Left out: AV1 ``profile``, ``level-idx`` and ``tier`` are not compared, as in mediasoup.
"""

import re

from rtpfwd.ortc.h264_profile import is_same_profile
from rtpfwd.ortc.json_values import JsonObject


def is_rtx_codec(codec: JsonObject) -> bool:
    """Whether the codec carries retransmissions (``audio/rtx`` or ``video/rtx``)."""
    return _RTX.search(codec["mimeType"]) is not None


def match_codecs(a: JsonObject, b: JsonObject, *, strict: bool) -> bool:
    """Whether two normalised codecs (capabilities or parameters) are the same codec.

    MIME type without regard to case, clock rate and channels must agree; for multichannel Opus also the
    streams. ``strict`` adds what H.264 and VP9 need to be decodable: packetization mode and profile.
    """
    mime_type = a["mimeType"].lower()
    if mime_type != b["mimeType"].lower():
        return False
    if a["clockRate"] != b["clockRate"] or a.get("channels") != b.get("channels"):
        return False
    ours, theirs = a["parameters"], b["parameters"]
    if mime_type == "audio/multiopus":
        return all(ours.get(name) == theirs.get(name) for name in ("num_streams", "coupled_streams"))
    if mime_type == "video/h264" and strict:
        # No parameter means mode 0; the text "0" differs from the number 0, as it does for mediasoup.
        same_mode = (ours.get("packetization-mode") or 0) == (theirs.get("packetization-mode") or 0)
        return same_mode and is_same_profile(ours, theirs)
    if mime_type == "video/vp9" and strict:
        return bool((ours.get("profile-id") or 0) == (theirs.get("profile-id") or 0))
    return True


_RTX = re.compile(r".+/rtx\Z", re.IGNORECASE)
