"""Opus: whether a packet carries sound at all.

Source: RFC 6716 §3.1 (the TOC byte and its code) and §3.2.1: a frame of no bytes is discontinuous
transmission (DTX). Codes 0 and 1 are then the TOC byte alone; in code 2 the first frame's length, zero,
follows it; code 3 is never DTX (as mediasoup judges).
"""

from rtpfwd.wire import Buffer


def is_dtx(payload: Buffer) -> bool:
    """Whether this Opus payload says "still silent". Never raises; an empty payload is not Opus."""
    size = len(payload)
    if size == 1:
        return payload[0] & 0x03 < 2
    return size == 2 and payload[0] & 0x03 == 2
