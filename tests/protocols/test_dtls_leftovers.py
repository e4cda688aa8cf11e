"""DTLS against rarer things: odd use_srtp extensions, a wall clock that jumps, handshakes that never end.

A changed ClientHello cannot end in a connection, because the client's Finished speaks of the one that it
made: what can be seen is the server's answer to it, and that the real one completes afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from rtpfwd.clock import seconds
from rtpfwd.errors import LimitExceeded
from rtpfwd.protocols import dtls_records
from rtpfwd.protocols.dtls import DtlsTransport
from rtpfwd.protocols.dtls_states import DtlsRole, DtlsState
from rtpfwd.protocols.srtp import Profile
from rtpfwd.sfu.settings import WorkerSettings
from tests.protocols.test_dtls import (
    START,
    Bare,
    assert_connected,
    context,
    keys_of,
    own,
    record,
    run,
    server,
)
from tests.support.room import Room

USE_SRTP = 14
CLIENT_HELLO, SERVER_HELLO = 1, 2
ROOT = Path(__file__).parents[2]


# -- D12: use_srtp -------------------------------------------------------------------------------------------


def use_srtp(*profiles: int, mki: bytes = b"") -> bytes:
    """The extension's value (RFC 5764 §4.1.1)."""
    return struct.pack(f"!H{len(profiles)}H", 2 * len(profiles), *profiles) + bytes((len(mki),)) + mki


def extensions_of(message: bytes, kind: int) -> tuple[int, dict[int, bytes]]:
    """Where the extension block of a hello begins (behind its 12 bytes of header), and what is in it."""
    at = 12 + 2 + 32
    at += 1 + message[at]  # session id
    if kind == CLIENT_HELLO:
        at += 1 + message[at]  # cookie
        at += 2 + int.from_bytes(message[at : at + 2])  # cipher suites
        at += 1 + message[at]  # compression methods
    else:
        at += 2 + 1
    found, position = {}, at + 2
    while position < len(message):
        number, size = struct.unpack_from("!HH", message, position)
        found[number] = message[position + 4 : position + 4 + size]
        position += 4 + size
    return at, found


def hello_with(value: bytes) -> list[bytes]:
    """OpenSSL's ClientHello with this use_srtp in place of its own."""
    (datagram,) = Bare().step([])
    (hello,) = dtls_records.split(datagram)
    message = hello.data[dtls_records.HEADER_SIZE :]
    at, extensions = extensions_of(message, CLIENT_HELLO)
    assert USE_SRTP in extensions
    extensions[USE_SRTP] = value
    block = b"".join(struct.pack("!HH", number, len(one)) + one for number, one in extensions.items())
    body = message[12:at] + len(block).to_bytes(2) + block
    size = len(body).to_bytes(3)
    return [record(22, message[:1] + size + message[4:9] + size + body, number=0)]


def answered_use_srtp(transport: DtlsTransport) -> bytes | None:
    """The use_srtp of the ServerHello that the transport has to send; fails when there is none at all."""
    for datagram in transport.transmit():
        for one in dtls_records.split(datagram):
            message = one.data[dtls_records.HEADER_SIZE :]
            if message[0] == SERVER_HELLO:
                length = int.from_bytes(message[1:4])
                return extensions_of(message[: 12 + length], SERVER_HELLO)[1].get(USE_SRTP)
    raise AssertionError("no ServerHello")


def assert_the_real_one_completes(transport: DtlsTransport) -> None:
    peer = DtlsTransport(context("b"))
    peer.set_remote_fingerprints(own("a").fingerprints)
    peer.start(DtlsRole.CLIENT, START)
    run(peer, transport)
    assert_connected(peer, transport)


@pytest.mark.parametrize("mki", [b"\1", b"key of the year", bytes(255)], ids=len)
def test_d12_an_mki_is_read_and_not_agreed_to(mki: bytes) -> None:
    transport = server()
    for datagram in hello_with(use_srtp(Profile.AEAD_AES_128_GCM.number, mki=mki)):
        transport.receive(datagram, START)
    # RFC 5764 §4.1.3: an empty MKI in the answer means that none is used, whatever was offered.
    assert answered_use_srtp(transport) == use_srtp(Profile.AEAD_AES_128_GCM.number)


def test_d12_profiles_named_twice_are_one_and_our_order_wins() -> None:
    transport = server()
    weak, strong = Profile.AES_CM_128_HMAC_SHA1_32.number, Profile.AEAD_AES_128_GCM.number
    for datagram in hello_with(use_srtp(weak, weak, 0x0005, strong, weak, strong, strong, 0xFFFF)):
        transport.receive(datagram, START)
    assert answered_use_srtp(transport) == use_srtp(strong)


@pytest.mark.parametrize("profiles", [(), (0x0005,), (0x0006, 0x0005, 0x0005), (0, 0xFFFF)])
def test_d12_profiles_without_encryption_or_unknown_are_not_agreed_to(profiles: tuple[int, ...]) -> None:
    transport = server()
    for datagram in hello_with(use_srtp(*profiles)):
        transport.receive(datagram, START)
    assert answered_use_srtp(transport) is None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\0",
        b"\0\1\7\0",
        b"\0\3\0\7\0\0",
        b"\xff\xff\0\7\0",
        b"\0\2\0\7",
        b"\0\2\0\7\5ab",
        b"\0\2\0\7\0ab",
    ],
    ids=["nothing", "half a length", "half a profile", "one and a half", "list past the end",
         "no mki", "mki past the end", "bytes behind"],
)  # fmt: skip
def test_d12_a_malformed_use_srtp_is_answered_without_agreement_and_the_real_hello_completes(
    value: bytes,
) -> None:
    transport = server()
    for datagram in hello_with(value):
        transport.receive(datagram, START)
    assert transport.state is DtlsState.CONNECTING
    assert not transport.transmit(), "an answer, or an alert, to a hello that makes no sense"
    assert not keys_of(transport)
    assert_the_real_one_completes(transport)


# -- D15: the wall clock -------------------------------------------------------------------------------------

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

static long shift_s;
void shift_wall_clock(long seconds) { shift_s = seconds; }

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(now, zone);
    if (now) now->tv_sec += shift_s;
    return result;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += shift_s;
    return result;
}

time_t time(time_t *where) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where) *where = now.tv_sec;
    return now.tv_sec;
}
"""

STORY = """
import ctypes, json, time
from tests.protocols.test_dtls import assert_connected, pair, run

shift = ctypes.CDLL(None).shift_wall_clock
shift.argtypes = [ctypes.c_long]
before = time.time(); shift(3600); moved = time.time() - before; shift(0)
times = []
for jump in (3600, -3600):
    for moment in range(6):
        for lost in (None, moment, moment + 1):
            def fate(number, datagram):
                if number == moment:
                    shift(jump)
                return [] if number == lost else [(0, datagram)]
            shift(0)
            ours, theirs = pair()
            passed, _ = run(ours, theirs, fate)
            assert_connected(ours, theirs)
            times.append(passed)
print(json.dumps({"moved": moved, "times": times}))
"""


def test_d15_a_wall_clock_that_jumps_an_hour_either_way_does_not_stop_a_handshake(tmp_path: Path) -> None:
    """OpenSSL's timer follows the wall clock; a library loaded before it moves that for a child process."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("no C compiler on Linux here: the wall clock cannot be moved for one process alone")
    source, shim = tmp_path / "shim.c", tmp_path / "shim.so"
    source.write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True, timeout=60)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", STORY],
        env=os.environ | {"LD_PRELOAD": str(shim), "PYTHONPATH": str(ROOT)},
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert 3599 < told["moved"] < 3700, "the clock did not move: this says nothing"
    assert len(told["times"]) == 36
    assert max(told["times"]) < seconds(2)


# -- D7, D8: handshakes that never end -----------------------------------------------------------------------


def giant_fragments(claimed: int = 90_000) -> list[bytes]:
    """Eleven small pieces of messages that claim to be so long."""
    pieces = []
    for number in range(11):
        message = b"\1" + claimed.to_bytes(3) + number.to_bytes(2) + (100).to_bytes(3) + (50).to_bytes(3)
        pieces.append(record(22, message + bytes(50), 0, number))
    return pieces


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_d7_fragments_of_giant_messages_take_bounded_memory() -> None:
    transports = [server() for _ in range(100)]
    linux = Path("/proc/self/statm").exists()
    before = resident_bytes() if linux else 0
    for transport in transports:
        for _ in range(3):
            for datagram in giant_fragments():
                transport.receive(datagram, START)
        assert transport.state is DtlsState.CONNECTING
        assert not transport.transmit()
    assert not linux or resident_bytes() - before < 100 * 600_000


@pytest.mark.parametrize("claimed", [90_000, 5000, 300])
@pytest.mark.parametrize("pieces", [1, 11])
def test_d7_a_strangers_piece_of_a_hello_does_not_keep_the_real_one_out(claimed: int, pieces: int) -> None:
    transport = server()
    for datagram in giant_fragments(claimed)[:pieces]:
        transport.receive(datagram, START)
    peer = DtlsTransport(context("b"))
    peer.set_remote_fingerprints(own("a").fingerprints)
    peer.start(DtlsRole.CLIENT, START)
    passed, _ = run(peer, transport)
    assert_connected(peer, transport)
    assert passed < seconds(5)


def test_d8_half_open_handshakes_are_refused_at_the_limit_until_some_end() -> None:
    room = Room(settings=WorkerSettings(max_half_open_handshakes=5))
    waiting = []
    for _ in range(5):
        waiting.append(room.join(connected=False))
        waiting[-1].check()
    for _ in range(3):
        with pytest.raises(LimitExceeded, match="max_half_open_handshakes"):
            room.join()
    waiting[0].transport.close(now=room.now)
    room.settle()
    last = room.join(connected=False)
    last.check()
    with pytest.raises(LimitExceeded, match="max_half_open_handshakes"):
        room.join()
    # Nobody says anything more: the handshakes end by themselves.
    room.wait(seconds(21))
    for member in (*waiting[1:], last):
        assert member.transport.dtls_state in ("failed", "closed")
    assert room.join().transport.dtls_state == "connected"


def test_d8_a_transport_that_nobody_proved_an_address_for_is_no_handshake() -> None:
    room = Room(settings=WorkerSettings(max_half_open_handshakes=1))
    for _ in range(10):
        room.join(connected=False)
    assert room.join().transport.dtls_state == "connected"
