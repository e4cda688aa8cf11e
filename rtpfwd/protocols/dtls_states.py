"""The words of a DTLS connection: roles, states, reasons, drops, events.

Source: mediasoup 3.27 for the names of roles and states, and for how a role is chosen.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from rtpfwd.protocols.srtp import SrtpKeys


class DtlsRole(StrEnum):
    """mediasoup's ``dtlsParameters.role``."""

    AUTO = "auto"
    CLIENT = "client"
    SERVER = "server"


class DtlsState(StrEnum):
    """mediasoup's ``dtlsState``."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    CLOSED = "closed"


class DtlsReason(StrEnum):
    """Why a connection failed or closed."""

    TIMEOUT = "dtls_handshake_timeout"
    FINGERPRINT_MISMATCH = "dtls_fingerprint_mismatch"
    NO_CERTIFICATE = "dtls_no_certificate"
    NO_SRTP_PROFILE = "dtls_no_srtp_profile"
    POISONED = "dtls_too_many_errors"
    ALERT = "dtls_alert"
    CLOSE_NOTIFY = "dtls_close_notify"
    CLOSED_HERE = "closed"


class DtlsDrop(StrEnum):
    """Why a datagram, or a record in it, did not reach OpenSSL or came to nothing."""

    MALFORMED = "dtls_malformed"
    NOT_STARTED = "dtls_not_started"
    CLOSED = "dtls_closed"
    PLAINTEXT_ALERT = "dtls_plaintext_alert"
    PLAINTEXT_AFTER_HANDSHAKE = "dtls_plaintext_after_handshake"
    APPLICATION_DATA = "dtls_application_data"
    UNEXPECTED_RECORD = "dtls_unexpected_record"


@dataclass(frozen=True, slots=True)
class DtlsStateChanged:
    """The connection went to ``state``; ``reason`` is set for failed and closed."""

    state: DtlsState
    reason: DtlsReason | None = None


@dataclass(frozen=True, slots=True)
class KeysReady:
    """The peer is who signaling said; media may flow under ``keys``."""

    keys: SrtpKeys


DtlsEvent = DtlsStateChanged | KeysReady


def local_role(remote: DtlsRole) -> DtlsRole:
    """Ours, when we left it open and the peer has decided: as mediasoup 3.27, client unless the peer is."""
    match remote:
        case DtlsRole.CLIENT:
            return DtlsRole.SERVER
        case DtlsRole.SERVER | DtlsRole.AUTO:
            return DtlsRole.CLIENT
        case never:
            assert_never(never)
