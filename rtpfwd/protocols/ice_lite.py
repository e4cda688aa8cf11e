"""An ICE-lite agent: it answers connectivity checks, follows the peer's choice of path, and watches consent.

Source: RFC 8445 §2.5 and §7.3 (lite, controlled), RFC 7675 (consent), draft-thatcher-ice-renomination, and
mediasoup 3.27's ``IceServer`` for states, for eight tuples per agent and for what a restart does.

Laws:

* only a request that passed FINGERPRINT, USERNAME and MESSAGE-INTEGRITY changes anything;
* the path that data goes out by (the selected tuple) is always one that such a request came from;
* nothing is ever sent but answers, and an answer to an unproven sender is never longer than its question.

======================  ========================  ==========================================
in state                plain check               check that nominates
======================  ========================  ==========================================
new, disconnected       select it -> connected    select it -> completed
connected               remember the tuple        select it -> completed
completed               remember the tuple        select it, if its nomination value is newer
any but new             consent lapses -> disconnected, every tuple forgotten
======================  ========================  ==========================================

Left out: candidates, checks of our own, TCP. There is no ``transmit``: ``receive`` returns the answer,
which goes back by the path that the question came from.
"""

import ipaddress
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from rtpfwd.clock import Instant, seconds
from rtpfwd.errors import InvalidParameters, InvalidState, MalformedPacket
from rtpfwd.protocols.error_budget import ErrorBudget
from rtpfwd.wire import stun
from rtpfwd.wire.datagram import Path

Entropy = Callable[[int], bytes]

MAX_TUPLES = 8  # mediasoup 3.27
UFRAG_SIZE = PASSWORD_SIZE = 32  # characters, as mediasoup 3.27; RFC 8445 §5.3 asks for 4 and 22
DEFAULT_CONSENT_TIMEOUT_US = seconds(30)  # RFC 7675 §5.1
MIN_CONSENT_TIMEOUT_US, MAX_CONSENT_TIMEOUT_US = seconds(10), seconds(60)  # mediasoup 3.27


class IceState(StrEnum):
    """mediasoup's ``iceState``."""

    NEW = "new"
    CONNECTED = "connected"
    COMPLETED = "completed"
    DISCONNECTED = "disconnected"
    CLOSED = "closed"


class StunDrop(StrEnum):
    """Why a STUN datagram changed nothing. Those marked * may have been answered with an error."""

    MALFORMED = "stun_malformed"
    METHOD = "stun_method"  # TURN and others
    UNSOLICITED_RESPONSE = "stun_unsolicited_response"
    INDICATION = "stun_indication"
    SOURCE_ADDRESS = "stun_source_address"  # an address that nothing may be sent to
    FINGERPRINT = "stun_fingerprint"  # absent or wrong
    BAD_REQUEST = "stun_bad_request"  # * 400
    UNKNOWN_UFRAG = "stun_unknown_ufrag"
    UNAUTHORIZED = "stun_unauthorized"  # * 401
    UNKNOWN_ATTRIBUTE = "stun_unknown_attribute"  # * 420
    BAD_REMOTE_UFRAG = "stun_bad_remote_ufrag"
    ROLE_CONFLICT = "stun_role_conflict"  # * 487
    CLOSED = "stun_closed"


@dataclass(frozen=True, slots=True)
class IceStateChanged:
    """The agent went to ``state``."""

    state: IceState


@dataclass(frozen=True, slots=True)
class SelectedTupleChanged:
    """Data now goes out by ``path``; ``None``: it cannot go out."""

    path: Path | None


@dataclass(frozen=True, slots=True)
class TupleAdded:
    """DTLS and SRTP from ``path`` are to be believed to come from the peer."""

    path: Path


@dataclass(frozen=True, slots=True)
class TupleRemoved:
    """``path`` is no longer valid."""

    path: Path


@dataclass(frozen=True, slots=True)
class LocalUfragRemoved:
    """``ufrag`` will not be answered any more, after a restart or at the end."""

    ufrag: str


IceEvent = IceStateChanged | SelectedTupleChanged | TupleAdded | TupleRemoved | LocalUfragRemoved


@dataclass(frozen=True, slots=True)
class _Credentials:
    ufrag: str
    password: str
    remote_ufrag: str | None

    @property
    def key(self) -> bytes:
        return self.password.encode()


class IceLite:
    """One agent: local credentials, at most eight valid tuples, one of them selected.

    ``entropy`` gives random bytes for the credentials. ``remote_ufrag``, when signaling knows it, is
    required of every check. ``consent_timeout_us`` is 0 (off) or 10 to 60 seconds. ``own_addresses`` holds
    (host, port) of the listening sockets: a datagram that claims to come from there would make the server
    talk to itself. Raises :class:`InvalidParameters`.
    """

    __slots__ = (
        "_budget",
        "_consent_deadline",
        "_consent_timeout_us",
        "_credentials",
        "_events",
        "_nomination",
        "_old",
        "_own_addresses",
        "_selected",
        "_state",
        "_tuples",
        "drops",
    )

    def __init__(
        self,
        entropy: Entropy,
        *,
        remote_ufrag: str | None = None,
        consent_timeout_us: int = DEFAULT_CONSENT_TIMEOUT_US,
        own_addresses: Collection[tuple[str, int]] = (),
        error_budget: ErrorBudget | None = None,
    ) -> None:
        if consent_timeout_us and not MIN_CONSENT_TIMEOUT_US <= consent_timeout_us <= MAX_CONSENT_TIMEOUT_US:
            raise InvalidParameters("iceConsentTimeout: need 0 or 10 to 60 seconds")
        self._consent_timeout_us = consent_timeout_us
        self._own_addresses = frozenset(own_addresses)
        self._budget = error_budget or ErrorBudget()
        self._credentials = _new_credentials(entropy, remote_ufrag)
        self._old: _Credentials | None = None
        self._state = IceState.NEW
        self._tuples: dict[Path, bytes] = {}  # path -> its packed address, oldest first
        self._selected: Path | None = None
        self._nomination = 0
        self._consent_deadline: Instant | None = None
        self._events: list[IceEvent] = []
        self.drops: Counter[str] = Counter()

    @property
    def state(self) -> IceState:
        """Where the agent stands."""
        return self._state

    @property
    def ufrag(self) -> str:
        """The current local username fragment."""
        return self._credentials.ufrag

    @property
    def password(self) -> str:
        """The current local password."""
        return self._credentials.password

    @property
    def selected(self) -> Path | None:
        """The path that data goes out by."""
        return self._selected

    def local_ufrags(self) -> list[str]:
        """The fragments that checks are accepted for: the current one and, amid a restart, the one before."""
        if self._state is IceState.CLOSED:
            return []
        return [self._credentials.ufrag] + ([self._old.ufrag] if self._old else [])

    def tuples(self) -> list[Path]:
        """Every valid path, oldest first."""
        return list(self._tuples)

    def is_valid(self, path: Path) -> bool:
        """Whether an authenticated check came by ``path`` and it was not evicted since."""
        return path in self._tuples

    def receive(self, data: bytes, path: Path, now: Instant) -> bytes | None:
        """Take a STUN datagram; the answer, if any, is for ``path``. Never raises for what ``data`` holds."""
        try:
            view = stun.parse(data)
        except MalformedPacket:
            return self._drop(StunDrop.MALFORMED)
        return self.receive_view(view, path, now)

    def receive_view(self, view: stun.StunView, path: Path, now: Instant) -> bytes | None:
        """The same for a message that the caller has parsed to find this agent by its ufrag."""
        if self._state is IceState.CLOSED:
            return self._drop(StunDrop.CLOSED)
        if view.method != stun.BINDING:
            return self._drop(StunDrop.METHOD)
        if view.message_class != stun.Class.REQUEST:
            indication = view.message_class == stun.Class.INDICATION
            return self._drop(StunDrop.INDICATION if indication else StunDrop.UNSOLICITED_RESPONSE)
        if path not in self._tuples and not self._may_answer(path):
            return self._drop(StunDrop.SOURCE_ADDRESS)
        if not stun.check_fingerprint(view):
            return self._drop(StunDrop.FINGERPRINT)
        if view.username is None:
            return self._drop(StunDrop.BAD_REQUEST, self._unsigned_error(400, view, path, now))
        credentials = self._credentials_of(view.local_ufrag)
        if credentials is None:
            return self._drop(StunDrop.UNKNOWN_UFRAG)
        if not view.has_integrity:
            return self._drop(StunDrop.BAD_REQUEST, self._unsigned_error(400, view, path, now))
        key = credentials.key
        if not stun.check_integrity(view, key):
            return self._drop(StunDrop.UNAUTHORIZED, self._unsigned_error(401, view, path, now))
        # Authenticated from here on: errors are signed and cost no budget.
        if credentials.remote_ufrag not in (None, view.remote_ufrag):
            return self._drop(StunDrop.BAD_REMOTE_UFRAG)
        transaction_id = view.transaction_id
        if view.unknown_required:
            answer = stun.error_response(transaction_id, 420, key, view.unknown_required)
            return self._drop(StunDrop.UNKNOWN_ATTRIBUTE, answer)
        if view.priority is None:
            return self._drop(StunDrop.BAD_REQUEST, stun.error_response(transaction_id, 400, key))
        if view.ice_controlled is not None:
            # Two lite agents cannot meet here, and this one never controls (RFC 8445 §7.3.1.1).
            return self._drop(StunDrop.ROLE_CONFLICT, stun.error_response(transaction_id, 487, key))
        if credentials is self._credentials:
            self._forget_old_credentials()
        self._renew_consent(now)
        packed = self._tuples.get(path) or self._add_tuple(path)
        self._follow(view, path)
        return stun.success_response(transaction_id, packed, key)

    def restart(self, entropy: Entropy, now: Instant, *, remote_ufrag: str | None = None) -> None:
        """Make new credentials (RFC 8445 §9). The old ones hold until a check with the new ones arrives.

        Tuples, selection and state stay as they are: media goes on. Raises :class:`InvalidState` when closed.
        """
        if self._state is IceState.CLOSED:
            raise InvalidState("ICE agent is closed")
        if self._old is not None:
            self._events.append(LocalUfragRemoved(self._old.ufrag))
        self._old = self._credentials
        self._credentials = _new_credentials(entropy, remote_ufrag)
        self._nomination = 0
        if self._consent_deadline is not None:
            self._renew_consent(now)  # time for the peer to gather again

    def set_remote_ufrag(self, remote_ufrag: str) -> None:
        """Require the peer's half of USERNAME, once signaling knows it."""
        current = self._credentials
        self._credentials = _Credentials(current.ufrag, current.password, remote_ufrag)

    def next_timeout(self) -> Instant | None:
        """When consent lapses."""
        return self._consent_deadline

    def handle_timeout(self, now: Instant) -> None:
        """Go to disconnected when no authenticated check came within the consent timeout."""
        if self._consent_deadline is not None and now >= self._consent_deadline:
            self._forget_tuples()
            self._set_state(IceState.DISCONNECTED)

    def close(self) -> None:
        """Answer nothing any more; forget every tuple."""
        if self._state is IceState.CLOSED:
            return
        self._events.extend(LocalUfragRemoved(ufrag) for ufrag in self.local_ufrags())
        self._old = None
        self._forget_tuples()
        self._set_state(IceState.CLOSED)

    def events(self) -> list[IceEvent]:
        """What happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    def _follow(self, view: stun.StunView, path: Path) -> None:
        """State and selection after an authenticated check."""
        if not view.use_candidate and view.nomination is None:
            if self._state in (IceState.NEW, IceState.DISCONNECTED):
                self._select(path)
                self._set_state(IceState.CONNECTED)
            return
        if view.nomination is not None:
            if view.nomination <= self._nomination and self._state is IceState.COMPLETED:
                return  # renomination moves on a higher value only; a late check must not move it back
            self._nomination = max(self._nomination, view.nomination)
        self._select(path)
        self._set_state(IceState.COMPLETED)

    def _select(self, path: Path) -> None:
        if path != self._selected:
            self._selected = path
            self._events.append(SelectedTupleChanged(path))

    def _set_state(self, state: IceState) -> None:
        if state is not self._state:
            self._state = state
            self._events.append(IceStateChanged(state))

    def _add_tuple(self, path: Path) -> bytes:
        if len(self._tuples) >= MAX_TUPLES:
            oldest = next(known for known in self._tuples if known != self._selected)
            del self._tuples[oldest]
            self._events.append(TupleRemoved(oldest))
        packed = self._tuples[path] = stun.pack_address(path[1])
        self._events.append(TupleAdded(path))
        return packed

    def _forget_tuples(self) -> None:
        self._consent_deadline = None
        self._nomination = 0
        self._events.extend(TupleRemoved(path) for path in self._tuples)
        self._tuples.clear()
        if self._selected is not None:
            self._selected = None
            self._events.append(SelectedTupleChanged(None))

    def _renew_consent(self, now: Instant) -> None:
        if self._consent_timeout_us:
            self._consent_deadline = Instant(now + self._consent_timeout_us)

    def _credentials_of(self, ufrag: str | None) -> _Credentials | None:
        for credentials in (self._credentials, self._old):
            if credentials is not None and credentials.ufrag == ufrag:
                return credentials
        return None

    def _forget_old_credentials(self) -> None:
        if self._old is not None:
            self._events.append(LocalUfragRemoved(self._old.ufrag))
            self._old = None

    def _may_answer(self, path: Path) -> bool:
        """Whether ``path`` is a host that a server should ever send to."""
        address = path[1]
        host, port = address[0].partition("%")[0], address[1]
        if not 0 < port < 65536 or (host, port) in self._own_addresses:
            return False
        try:
            parsed = ipaddress.ip_address(host)
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
            if (str(parsed), port) in self._own_addresses:
                return False
        # Directed broadcasts of a subnet cannot be told without its mask; the socket refuses them (EACCES).
        return not (parsed.is_multicast or parsed.is_unspecified or str(parsed) == "255.255.255.255")

    def _drop(self, reason: StunDrop, answer: bytes | None = None) -> bytes | None:
        """Count a request that changes nothing, and pass its answer through."""
        self.drops[reason.value] += 1
        return answer

    def _unsigned_error(self, code: int, view: stun.StunView, path: Path, now: Instant) -> bytes | None:
        """The error for a sender that proved nothing, if that neither floods nor amplifies."""
        answer = stun.error_response(view.transaction_id, code)
        if len(answer) > len(view.data) or not self._budget.take(path[1][0], now):
            return None
        return answer


def _new_credentials(entropy: Entropy, remote_ufrag: str | None) -> _Credentials:
    return _Credentials(
        _ice_characters(entropy, UFRAG_SIZE), _ice_characters(entropy, PASSWORD_SIZE), remote_ufrag
    )


def _ice_characters(entropy: Entropy, count: int) -> str:
    """``count`` ice-chars (RFC 8839 §5.4) of 5 bits each: 160 bits in 32."""
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    return "".join(alphabet[byte & 31] for byte in entropy(count))
