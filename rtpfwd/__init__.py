"""rtpfwd: a WebRTC selective forwarding unit with a hand-written ICE-lite, DTLS and SRTP stack.

``rtpfwd.sfu.worker`` has the front door, ``rtpfwd.drivers.realtime`` runs it on real sockets,
``rtpfwd.drivers.virtual`` on a virtual clock.
"""

from rtpfwd.clock import Instant
from rtpfwd.errors import (
    InvalidParameters,
    InvalidState,
    LimitExceeded,
    NotFoundError,
    RtpfwdError,
    UnsupportedError,
)

__all__ = [
    "Instant",
    "InvalidParameters",
    "InvalidState",
    "LimitExceeded",
    "NotFoundError",
    "RtpfwdError",
    "UnsupportedError",
]
__version__ = "0.1.0"
