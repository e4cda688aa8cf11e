"""SRTP: one session for each direction and kind of packet. Profiles and keys are in srtp_keys.py.

Source: RFC 3711 (SRTP), RFC 7714 (AEAD), RFC 5764 §4.1.2 and §4.2 (profiles and keys from DTLS). libsrtp by
way of pylibsrtp does the work; this is its only home.

RTP and RTCP get sessions of their own under the same keys, because SRTCP has an index of its own (RFC 3711
§3.2.1): one owner may run the RTP sessions (a kernel, a thread) and another the RTCP ones. A session
belongs to one thread; two threads in one corrupt packets silently.

Three ways to call libsrtp, measured for ``protect`` of 1200 bytes with AEAD_AES_128_GCM, alone:
pylibsrtp's ``Session.protect`` 2.0 µs; cffi on one preallocated buffer 1.25 µs; ``ctypes.PyDLL`` on
libsrtp's own function in such a buffer 1.35 µs. The last is taken, because it keeps the GIL. The others
drop it in each call and have to win it back: beside one busy thread, mean of 20000 calls in four runs,
PyDLL 3 to 6 µs, cffi 5 to 225 µs. The buffer is ours, so pylibsrtp's private limit of 1356 bytes does not
apply. Where pylibsrtp hides its internals, cffi and then the plain wrapper (with that limit) take over.

Never protect two different payloads under the same SSRC and sequence number: with GCM that gives the
authentication key away. Repeating the very same packet is allowed, for plain retransmission.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import pylibsrtp
from pylibsrtp import Policy, Session

from rtpfwd.errors import InvalidParameters, MalformedPacket, Unauthentic
from rtpfwd.protocols.srtp_keys import PlainKeys as PlainKeys
from rtpfwd.protocols.srtp_keys import Profile as Profile
from rtpfwd.protocols.srtp_keys import SrtpKeys as SrtpKeys

BUFFER_SIZE = 2048  # bytes, of a packet with its SRTP trailer
MAX_TRAILER = 16 + 4  # bytes: the longest tag, and the index of SRTCP; MKI is never used
REPLAY_WINDOW_IN = 1024  # packets, as mediasoup 3.27
REPLAY_WINDOW_OUT = 1024  # a repaired packet leaves late: half a second behind is 150 numbers of plain video


class RtpSender:
    """Protects outgoing RTP under ``keys.send``."""

    __slots__ = ("_call", "_session")

    def __init__(self, keys: SrtpKeys) -> None:
        self._session: Session | None = None
        # Bound when first used: the compiled plane calls by address and never does.
        self._call: Callable[[bytes], bytes] | None = None
        if isinstance(keys, PlainKeys):
            self._call = _append_zeros(keys.profile.tag_size)
            return
        self._session = _new_session(keys.profile, keys.send, Policy.SSRC_ANY_OUTBOUND, REPLAY_WINDOW_OUT)

    def protect(self, packet: bytes) -> bytes:
        """An RTP packet to its SRTP packet.

        :class:`MalformedPacket` for what is no RTP packet or above 2028 bytes; :class:`Unauthentic`
        (``replayed``) for a sequence number that fell out of the window of 1024.
        """
        call = self._call
        if call is None:
            call = self._call = _bind(self._session, "srtp_protect", MAX_TRAILER)
        return call(packet)

    def remove(self, ssrc: int) -> None:
        """Free what libsrtp holds for ``ssrc``; nothing happens when it holds nothing."""
        _remove_stream(self._session, ssrc)

    @property
    def address(self) -> int:
        """The ``srtp_t`` for a compiled kernel, which has to keep this object alive as long as it uses it."""
        return _session_address(self._session)


class RtpReceiver:
    """Authenticates and decrypts incoming RTP under ``keys.receive``.

    A forged packet leaves nothing behind; a genuine one with a new SSRC adds a stream, in time linear in
    their number: whoever calls caps the SSRCs of a transport first.
    """

    __slots__ = ("_call", "_session")

    def __init__(self, keys: SrtpKeys) -> None:
        self._session: Session | None = None
        # Bound when first used: the compiled plane calls by address and never does.
        self._call: Callable[[bytes], bytes] | None = None
        if isinstance(keys, PlainKeys):
            self._call = _drop_end(keys.profile.tag_size)
            return
        self._session = _new_session(keys.profile, keys.receive, Policy.SSRC_ANY_INBOUND, REPLAY_WINDOW_IN)

    def unprotect(self, packet: bytes) -> bytes:
        """An SRTP packet to its RTP packet; :class:`Unauthentic` or :class:`MalformedPacket`."""
        call = self._call
        if call is None:
            call = self._call = _bind(self._session, "srtp_unprotect", 0)
        return call(packet)

    def remove(self, ssrc: int) -> None:
        """Free what libsrtp holds for ``ssrc``; nothing happens when it holds nothing."""
        _remove_stream(self._session, ssrc)

    @property
    def address(self) -> int:
        """The ``srtp_t`` for a compiled kernel, which has to keep this object alive as long as it uses it."""
        return _session_address(self._session)


def open_late(keys: SrtpKeys, packet: bytes, ssrc: int, *, rollovers: int = 64) -> RtpReceiver | None:
    """A receiver for one SSRC that has been running for a while, found by trying rollover counts (RFC 3711
    §3.3.1) on one of its packets; None where none below ``rollovers`` opens it.

    It leaves ``packet`` itself unread. For somebody who comes to a stream in its middle, with its keys.
    """
    try:
        library = ctypes.PyDLL(_internals().__file__)
        set_rollover = library.srtp_set_stream_roc
    except (AttributeError, OSError):
        return None
    set_rollover.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)

    def at(rollover: int) -> RtpReceiver:
        receiver = RtpReceiver(keys)
        session = receiver._session
        assert session is not None
        number = _profile_number(keys.profile)
        policy = Policy(keys.receive, Policy.SSRC_SPECIFIC, ssrc, number)
        policy.window_size = REPLAY_WINDOW_IN
        session.add_stream(policy)
        set_rollover(_session_address(session), ssrc, rollover)
        return receiver

    for rollover in range(rollovers):
        try:
            at(rollover).unprotect(packet)
        except (MalformedPacket, Unauthentic):
            continue
        return at(rollover)
    return None


class RtcpSender:
    """Protects outgoing RTCP under ``keys.send``, with a session and an index of its own."""

    __slots__ = ("_call", "_session")

    def __init__(self, keys: SrtpKeys) -> None:
        self._session = _new_session(keys.profile, keys.send, Policy.SSRC_ANY_OUTBOUND, REPLAY_WINDOW_OUT)
        self._call = bind_call(self._session, "srtp_protect_rtcp", MAX_TRAILER)

    def protect(self, packet: bytes) -> bytes:
        """Compound RTCP to its SRTCP packet; :class:`MalformedPacket` below 8 or above 2028 bytes."""
        return self._call(packet)


class RtcpReceiver:
    """Authenticates and decrypts incoming RTCP under ``keys.receive``."""

    __slots__ = ("_call", "_session")

    def __init__(self, keys: SrtpKeys) -> None:
        self._session = _new_session(keys.profile, keys.receive, Policy.SSRC_ANY_INBOUND, REPLAY_WINDOW_IN)
        self._call = bind_call(self._session, "srtp_unprotect_rtcp", 0)

    def unprotect(self, packet: bytes) -> bytes:
        """An SRTCP packet to its compound RTCP packet; :class:`Unauthentic` or :class:`MalformedPacket`."""
        return self._call(packet)


FUNCTIONS = (
    "srtp_protect",
    "srtp_unprotect",
    "srtp_protect_rtcp",
    "srtp_unprotect_rtcp",
    "srtp_remove_stream",
)


def function_addresses() -> dict[str, int]:
    """Where libsrtp's functions lie in this process, for a compiled kernel; empty when they are hidden.

    All have the signature ``srtp_err_status_t (srtp_t, void *packet, int *length)`` of libsrtp 2, but
    ``srtp_remove_stream``, whose second and last argument is the SSRC as an int in network order.
    """
    try:
        library = ctypes.PyDLL(_internals().__file__)
        found = {name: ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in FUNCTIONS}
    except (AttributeError, OSError, TypeError):
        return {}
    return {name: address for name, address in found.items() if address}


def bind_call(session: Session, name: str, trailer: int, *, way: str = "best") -> Callable[[bytes], bytes]:
    """One of :data:`FUNCTIONS` on ``session``, as a function of a packet.

    ``way`` is ``pydll``, ``cffi``, ``wrapper``, or ``best``: the first of these that pylibsrtp's internals
    allow. ``trailer`` is how many bytes the packet may grow by. Raises :class:`InvalidParameters` for a way
    that cannot be gone.
    """
    builders = {"pydll": _pydll_call, "cffi": _cffi_call, "wrapper": _wrapper_call}
    for build in builders.values() if way == "best" else [builders[way]]:
        call = build(session, name, trailer)
        if call is not None:
            return call
    raise InvalidParameters(f"pylibsrtp {pylibsrtp.__version__} does not allow {name} by {way}")


def _bind(session: Session | None, name: str, trailer: int) -> Callable[[bytes], bytes]:
    if session is None:
        raise InvalidParameters("plain keys have no session")
    return bind_call(session, name, trailer)


# Made once: ctypes makes a class of it, a few KiB large, that only the garbage collector can free.
_PROTOTYPE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

# The numbers of libsrtp's srtp_err_status_t that a packet can cause (srtp.h of libsrtp 2).
_OK = 0
_REPLAYED = frozenset((9, 10, 26))  # replay_fail, replay_old, pkt_idx_old
_FORGED = frozenset((7, 8))  # auth_fail, cipher_fail
_TEXTS = {
    2: "bad parameter",
    7: "authentication failed",
    8: "cipher failed",
    9: "replayed",
    10: "replayed or too old",
    13: "no stream for its SSRC",
    15: "key use limit reached",
    21: "does not parse",
    26: "index too old",
}


def _new_session(profile: Profile, key: bytes, ssrc_type: int, window: int) -> Session:
    policy = Policy(key=key, ssrc_type=ssrc_type, srtp_profile=_profile_number(profile))
    policy.window_size = window
    policy.allow_repeat_tx = True
    return Session(policy)


def _profile_number(profile: Profile) -> int:
    number: int = {
        Profile.AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
        Profile.AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
        Profile.AES_CM_128_HMAC_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
        Profile.AES_CM_128_HMAC_SHA1_32: Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    }[profile]
    return number


def _append_zeros(size: int) -> Callable[[bytes], bytes]:
    zeros = bytes(size)
    return lambda packet: packet + zeros


def _drop_end(size: int) -> Callable[[bytes], bytes]:
    return lambda packet: packet[:-size]


def _remove_stream(session: Session | None, ssrc: int) -> None:
    if session is None:
        return
    try:
        session.remove_stream(ssrc)
    except pylibsrtp.Error:
        return  # never seen: nothing to free


def _error(status: int) -> Exception:
    """libsrtp's status to our errors."""
    text = f"SRTP packet: {_TEXTS.get(status, f'libsrtp status {status}')}"
    if status in _REPLAYED:
        return Unauthentic(text, replayed=True)
    if status in _FORGED:
        return Unauthentic(text)
    return MalformedPacket(text)


def _internals() -> Any:
    """pylibsrtp's cffi module. Private to it, hence the pin to 1.0 and the ways without it."""
    if not pylibsrtp.__version__.startswith("1.0."):
        raise AttributeError("unknown pylibsrtp")
    return pylibsrtp._binding


def _session_address(session: Session | None) -> int:
    if session is None:
        raise InvalidParameters("plain keys have no session")
    return int(_internals().ffi.cast("uintptr_t", session._srtp[0]))


def _pydll_call(session: Session, name: str, trailer: int) -> Callable[[bytes], bytes] | None:
    """By libsrtp's own function, without giving up the GIL."""
    address = function_addresses().get(name)
    if address is None:
        return None
    function = _PROTOTYPE(address)
    storage = ctypes.create_string_buffer(BUFFER_SIZE)
    length = ctypes.c_int()
    view = memoryview(storage).cast("B")
    handle = ctypes.c_void_p(_session_address(session))
    storage_at = ctypes.c_void_p(ctypes.addressof(storage))
    length_at = ctypes.c_void_p(ctypes.addressof(length))
    limit = BUFFER_SIZE - trailer

    def call(packet: bytes) -> bytes:
        size = len(packet)
        if not 0 < size <= limit:
            raise MalformedPacket(f"packet of {size} bytes: need 1 to {limit}")
        view[:size] = packet
        length.value = size
        status = function(handle, storage_at, length_at)
        if status != _OK:
            raise _error(status)
        return bytes(view[: length.value])

    # The closure must keep alive what it only holds the addresses of.
    call.__dict__["keeps"] = (session, storage)
    return call


def _cffi_call(session: Session, name: str, trailer: int) -> Callable[[bytes], bytes] | None:
    """By cffi's wrapper, on a buffer of our own."""
    try:
        binding = _internals()
        function = getattr(binding.lib, name)
        handle = session._srtp[0]
    except AttributeError:
        return None
    storage = binding.ffi.new("char[]", BUFFER_SIZE)
    buffer = binding.ffi.buffer(storage)
    length = binding.ffi.new("int *")
    limit = BUFFER_SIZE - trailer

    def call(packet: bytes) -> bytes:
        size = len(packet)
        if not 0 < size <= limit:
            raise MalformedPacket(f"packet of {size} bytes: need 1 to {limit}")
        buffer[0:size] = packet
        length[0] = size
        status = function(handle, storage, length)
        if status != _OK:
            raise _error(status)
        return bytes(buffer[0 : length[0]])

    call.__dict__["keeps"] = session
    return call


def _wrapper_call(session: Session, name: str, trailer: int) -> Callable[[bytes], bytes]:
    """By pylibsrtp's public method, whatever its limits are."""
    method: Callable[[bytes], bytes] = getattr(session, name.removeprefix("srtp_"))

    def call(packet: bytes) -> bytes:
        try:
            return bytes(method(bytes(packet)))
        except ValueError as error:
            raise MalformedPacket(f"packet of {len(packet)} bytes: {error}") from None
        except pylibsrtp.Error as error:
            text = str(error)
            status = pylibsrtp.ERRORS.index(text) if text in pylibsrtp.ERRORS else -1
            raise _error(status) from None

    return call
