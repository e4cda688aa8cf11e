"""Asking STUN and TURN servers over UDP, for the doctor: what address they see us under, and whether a relay
can be had.

Blocking sockets with deadlines: a diagnosis asks one question after the other. Only UDP is asked; ``turns:``
and ``transport=tcp`` are told apart but not tried.
"""

import re
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from rtpfwd.errors import MalformedPacket
from rtpfwd.wire import stun, turn

from .turn import Credentials

RETRANSMIT_S = (0.5, 1.0, 1.5)
"""Waits after the first and further sendings (RFC 8489 §6.2.1 doubles from 500 ms; this gives up sooner)."""
DEFAULT_PORT = 3478
LARGEST = 2048  # bytes of an answer

T = TypeVar("T")


class Unreachable(Exception):
    """The server gave no usable answer; the text says what happened, for a person."""


@dataclass(frozen=True, slots=True)
class IceUrl:
    """A STUN or TURN URL (RFC 7064, RFC 7065)."""

    scheme: str
    host: str
    port: int
    transport: str

    @property
    def over_udp(self) -> bool:
        """Whether it is plain UDP."""
        return self.scheme in ("stun", "turn") and self.transport == "udp"


def parse_ice_url(url: str) -> IceUrl:
    """``turn:host:port?transport=udp``. Raises ``ValueError``."""
    pattern = (
        r"(stuns?|turns?):(\[[0-9A-Fa-f:.]+\]|[^\[\]:?/@\s]+)(?::([0-9]{1,5}))?(?:\?transport=(udp|tcp))?"
    )
    match = re.fullmatch(pattern, url)
    if match is None:
        raise ValueError(f"{url!r} is not a STUN or TURN URL, such as turn:turn.example.org:3478")
    scheme, host, port, transport = match.groups()
    secure = scheme.endswith("s")
    number = int(port) if port else DEFAULT_PORT + (1871 if secure else 0)  # 5349
    if not 0 < number < 65_536:
        raise ValueError(f"{url!r}: no such port")
    return IceUrl(scheme, host.strip("[]"), number, transport or ("tcp" if secure else "udp"))


def seen_address(host: str, port: int) -> tuple[str, int]:
    """The address that a STUN server sees us under. Raises ``Unreachable``."""
    with _socket_to(host, port) as udp:
        transaction = secrets.token_bytes(12)

        def read(data: bytes) -> tuple[str, int] | None:
            view = stun.parse(data)
            if view.transaction_id != transaction:
                return None
            if view.error_code is not None:
                raise Unreachable(f"it answers with error {view.error_code}")
            return stun.mapped_address(view)

        return _ask(udp, stun.address_request(transaction), read)


def relayed_address(host: str, port: int, credentials: Credentials) -> tuple[str, int]:
    """The address of a relay that a TURN server gave us, which is given back at once.

    Raises ``Unreachable``, also when the server does not take the credentials.
    """
    with _socket_to(host, port) as udp:
        first = _exchange(udp, lambda one: turn.allocate_request(one))
        if first.error_code != 401 or first.realm is None or first.nonce is None:
            raise Unreachable("it asks for no credentials: is use-auth-secret set?")
        login = turn.Login(credentials.username, credentials.credential, first.realm, first.nonce)
        second = _exchange(udp, lambda one: turn.allocate_request(one, login))
        if second.error_code in (401, 403):
            raise Unreachable(
                f"it refuses our credentials (error {second.error_code}): TURN_SECRET must be its "
                "static-auth-secret, and the clocks of both must be right"
            )
        if second.error_code is not None or second.relayed is None:
            raise Unreachable(f"it gives no relay (error {second.error_code})")
        udp.send(turn.release_request(secrets.token_bytes(12), login))
        return second.relayed


def _exchange(udp: socket.socket, request: Callable[[bytes], bytes]) -> turn.Answer:
    transaction = secrets.token_bytes(12)

    def read(data: bytes) -> turn.Answer | None:
        answer = turn.parse(data)
        return answer if answer.transaction_id == transaction else None

    return _ask(udp, request(transaction), read)


def _socket_to(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        udp = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"its name does not resolve: {error}") from None
    try:
        udp.connect(address)
    except OSError as error:
        udp.close()
        raise Unreachable(f"there is no way to it: {error.strerror}") from None
    return udp


def _ask(udp: socket.socket, request: bytes, read: Callable[[bytes], T | None]) -> T:
    """Sends until ``read`` makes something of an answer. What is malformed is passed over."""
    for wait in RETRANSMIT_S:
        end = time.monotonic() + wait
        try:
            udp.send(request)
            while (left := end - time.monotonic()) > 0:
                udp.settimeout(left)
                try:
                    answer = read(udp.recv(LARGEST))
                except MalformedPacket:
                    continue
                if answer is not None:
                    return answer
        except TimeoutError:
            continue
        except OSError as error:  # ICMP: nobody listens there
            raise Unreachable(f"nothing answers there: {error.strerror}") from None
    raise Unreachable("no answer: is it running, and does a firewall let UDP through?")
