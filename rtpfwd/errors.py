"""One tree of errors, split by whose fault it is.

What the network sent raises ``MalformedPacket`` or ``Unauthentic``: the receive path counts it and drops the
datagram. What a caller asked for raises one of the ``CallerError`` family and travels up to that caller; the
names follow mediasoup 3.27's ``errors`` module where it has one.
"""


class RtpfwdError(Exception):
    """Base of everything that rtpfwd raises on purpose."""


class NetworkInputError(RtpfwdError):
    """A datagram from the network is at fault. Never escapes the receive path."""


class MalformedPacket(NetworkInputError):
    """Bytes that do not parse. The text gives the number found and the number needed."""


class Unauthentic(NetworkInputError):
    """Integrity check, SRTP authentication or replay check failed.

    ``replayed`` tells a replay (common, harmless) from a forgery.
    """

    def __init__(self, message: str, *, replayed: bool = False) -> None:
        super().__init__(message)
        self.replayed = replayed


class CallerError(RtpfwdError):
    """The caller of the API is at fault."""


class InvalidParameters(CallerError, TypeError):
    """Parameters of the wrong form; the text names the field (mediasoup: ``TypeError``)."""


class UnsupportedError(CallerError):
    """Well-formed, but this SFU or this peer cannot do it (mediasoup: ``UnsupportedError``)."""


class NotFoundError(CallerError):
    """No object has that id (mediasoup: ``NotFoundError``)."""


class InvalidState(CallerError):
    """The object is closed, or not in a state that allows the call (mediasoup: ``InvalidStateError``)."""


class LimitExceeded(CallerError):
    """A configured limit would be passed; the text names the setting."""
