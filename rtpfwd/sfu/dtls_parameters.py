"""``dtlsParameters`` of the W3C's and mediasoup's JSON, both ways."""

from __future__ import annotations

from typing import Any

from rtpfwd.errors import InvalidParameters
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.protocols.certificate import Fingerprint
from rtpfwd.protocols.dtls_states import DtlsRole

MAX_FINGERPRINTS = 16
MAX_VALUE = 256  # characters; sha-512 in colon hex has 191


def parse_dtls_parameters(value: Any) -> tuple[DtlsRole, list[Fingerprint]]:
    """``{role?, fingerprints: [{algorithm, value}]}``. Raises ``InvalidParameters`` naming the field."""
    if not isinstance(value, dict):
        raise InvalidParameters("dtlsParameters must be an object")
    role = value.get("role", "auto")
    if role not in ("auto", "client", "server"):
        raise InvalidParameters("dtlsParameters.role must be auto, client or server")
    given = value.get("fingerprints")
    if not isinstance(given, list) or not 0 < len(given) <= MAX_FINGERPRINTS:
        raise InvalidParameters(f"dtlsParameters.fingerprints must be a list of 1 to {MAX_FINGERPRINTS}")
    fingerprints = []
    for one in given:
        algorithm = one.get("algorithm") if isinstance(one, dict) else None
        digest = one.get("value") if isinstance(one, dict) else None
        if not isinstance(algorithm, str) or not isinstance(digest, str) or len(digest) > MAX_VALUE:
            raise InvalidParameters("dtlsParameters.fingerprints need algorithm and value")
        fingerprints.append(Fingerprint(algorithm, digest))
    return DtlsRole(role), fingerprints


def dtls_parameters(role: DtlsRole, fingerprints: list[Fingerprint]) -> JsonObject:
    """What a client is given; mediasoup-client takes the last fingerprint."""
    return {
        "role": role.value,
        "fingerprints": [{"algorithm": one.algorithm, "value": one.value} for one in fingerprints],
    }
