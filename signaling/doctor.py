"""What ``rtpfwd doctor`` looks at: whether this machine can serve calls with these settings, and what to do
where it cannot.

Each check is a function from settings to findings and can be run alone. None changes anything: ports are
bound and given back, a relay is allocated and released.
"""

import ctypes
import errno
import ipaddress
import resource
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rtpfwd.drivers.interfaces import ListenSettings, bind_addresses, interface_addresses
from rtpfwd.drivers.planes import planes, why_no_native_plane
from rtpfwd.drivers.udp import DEFAULT_SOCKET_BUFFER
from rtpfwd.errors import InvalidParameters
from rtpfwd.protocols.certificate import expires_at

from .findings import Finding, fail, ok, warn
from .reachability import Unreachable, parse_ice_url, relayed_address, seen_address
from .settings import Settings, SettingsError
from .tls import server_context
from .turn import turn_credentials

Check = Callable[[Settings], Iterable[Finding]]

KERNEL_LIMITS = Path("/proc/sys/net/core")
FILES_BESIDE_SOCKETS = 128  # media, TLS files, libraries
TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
TIMEX_BYTES = 256  # of struct timex, rounded up
EARLIEST_S = 1_767_225_600  # 2026-01-01: a clock before this program was written is wrong


def examine(settings: Settings) -> Iterator[Finding]:
    """All checks, the quick ones first."""
    for check in CHECKS:
        yield from check(settings)


def data_plane(_settings: Settings) -> Iterator[Finding]:
    """Whether the compiled plane is there."""
    if "native" in planes():
        yield ok("data plane", "the compiled one is there")
    else:
        advice = "install a C compiler and rtpfwd again; without it one core serves fewer people"
        yield warn("data plane", f"only the reference one ({why_no_native_plane()})", advice)


def web_client(settings: Settings) -> Iterator[Finding]:
    """Whether the page was built."""
    if (settings.static_dir / "index.html").is_file():
        yield ok("web client", f"built in {settings.static_dir}")
    else:
        yield warn("web client", f"no page in {settings.static_dir}", "run `make web`, or set STATIC_DIR")


def media_port(settings: Settings) -> Iterator[Finding]:
    """Whether the UDP port can be bound on all addresses."""
    port = settings.mediasoup_listen_port
    try:
        addresses = bind_addresses(ListenSettings(ips=settings.listen_ip, port=port))
    except InvalidParameters as error:
        yield fail("media port", str(error), "set LISTEN_IP to addresses of this machine")
        return
    for one in range(port, port + settings.threads) if port else [0]:
        yield from _bindable("media port", "UDP", socket.SOCK_DGRAM, addresses, one, "MEDIASOUP_LISTEN_PORT")


def http_port(settings: Settings) -> Iterator[Finding]:
    """Whether the TCP port can be bound."""
    hosts = [settings.host] if settings.host else ["0.0.0.0"]
    yield from _bindable("HTTP port", "TCP", socket.SOCK_STREAM, hosts, settings.port, "PORT")


def socket_buffers(_settings: Settings) -> Iterator[Finding]:
    """Whether the kernel grants the buffers that a burst of key frames needs."""
    for name in ("rmem_max", "wmem_max"):
        check = f"net.core.{name}"
        try:
            granted = int((KERNEL_LIMITS / name).read_text())
        except (OSError, ValueError):
            yield warn(check, "not to be read here", "look on the host: containers share its limits")
            continue
        if granted >= DEFAULT_SOCKET_BUFFER:
            yield ok(check, f"{granted} bytes")
        else:
            yield warn(
                check,
                f"{granted} bytes, {DEFAULT_SOCKET_BUFFER} are asked for: bursts will be lost",
                f"echo {check}={DEFAULT_SOCKET_BUFFER} > /etc/sysctl.d/60-rtpfwd.conf && sysctl --system",
            )


def file_limit(settings: Settings) -> Iterator[Finding]:
    """Whether all the connections that the settings allow have a file descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.limits.sockets + FILES_BESIDE_SOCKETS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        yield ok("open files", f"{soft} allowed, {needed} needed at most")
    else:
        most = "no limit" if hard == resource.RLIM_INFINITY else str(hard)
        yield warn(
            "open files",
            f"{soft} allowed, {needed} needed for LIMITS__SOCKETS={settings.limits.sockets}",
            f"LimitNOFILE={needed} in the systemd unit, or ulimit -n {needed} (hard limit: {most})",
        )


def clock(_settings: Settings) -> Iterator[Finding]:
    """Whether the time of day is right: tokens, TURN credentials and certificates depend on it."""
    if time.time() < EARLIEST_S:
        shown = time.strftime("%Y-%m-%d", time.gmtime())
        yield fail("clock", f"it says {shown}", "set the clock, and run chrony or systemd-timesyncd")
        return
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))  # asks, sets nothing
    except (OSError, AttributeError):
        state = 0
    if state == TIME_ERROR:
        yield warn("clock", "nothing keeps it right", "run chrony or systemd-timesyncd (on the host)")
    else:
        yield ok("clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def tls(settings: Settings) -> Iterator[Finding]:
    """Whether the certificate can be served, and for how long still."""
    if settings.tls_cert is None:
        if settings.tls_self_signed:
            yield warn("TLS", "self-signed", "browsers warn of it: get a certificate for a real name")
        else:
            advice = "set TLS_CERT and TLS_KEY, or put a proxy in front that does TLS"
            yield warn("TLS", "off: browsers give cameras to localhost only", advice)
        return
    try:
        server_context(settings)
    except SettingsError as error:
        yield fail("TLS", str(error), "give PEM files that this user may read and that belong together")
        return
    left = _days_left(settings.tls_cert)
    if left is not None and left < 0:
        yield fail("TLS", f"{settings.tls_cert} expired {-left:.0f} days ago", "renew it")
    elif left is not None and left < 14:
        yield warn("TLS", f"{settings.tls_cert} expires in {left:.0f} days", "renew it")
    else:
        yield ok("TLS", f"{settings.tls_cert} can be served")


def announced(settings: Settings) -> Iterator[Finding]:
    """Whether people can find the address that media is announced under."""
    own = set(interface_addresses())
    addresses: list[str] = []
    for name in settings.announced_ip:
        found = _resolved(name)
        addresses += found
        if not found:
            yield fail("announced address", f"{name} does not resolve", "correct ANNOUNCED_IP")
    for address in addresses:
        where = "an address of this machine" if address in own else "of another machine, a NAT's I suppose"
        yield ok("announced address", f"{address}, {where}")
    if not settings.announced_ip:
        addresses = [ip for ip in own if not ipaddress.ip_address(ip).is_loopback]
        if any(ipaddress.ip_address(ip).is_global for ip in addresses):
            yield ok("announced address", "those of the interfaces, a public one among them")
        else:
            yield warn(
                "announced address",
                "those of the interfaces, all of them private: only people on this network get media",
                "set ANNOUNCED_IP to the public address and forward the UDP port to this machine",
            )
    if any(ipaddress.ip_address(ip).is_global for ip in addresses) and not settings.token_secrets:
        yield warn("tokens", "none needed: anybody may use this server", "set TOKEN_SECRETS (README)")


def stun_servers(settings: Settings) -> Iterator[Finding]:
    """Whether the STUN servers answer, and whether what they see is what is announced."""
    for url in settings.stun_urls:
        try:
            server = parse_ice_url(url)
        except ValueError as error:
            yield fail("STUN", str(error), "correct STUN_URLS")
            continue
        if not server.over_udp:
            yield ok("STUN", f"{url} not tried: not over UDP")
            continue
        try:
            seen, _ = seen_address(server.host, server.port)
        except Unreachable as error:
            yield warn("STUN", f"{url}: {error}", "correct STUN_URLS, or let UDP out")
            continue
        told = {address for name in settings.announced_ip for address in _resolved(name)}
        if seen in (told or interface_addresses()):
            yield ok("STUN", f"{url} sees this machine as {seen}, which is announced")
        else:
            yield warn("STUN", f"{url} sees this machine as {seen}", f"ANNOUNCED_IP={seen} may be right")


def turn_servers(settings: Settings) -> Iterator[Finding]:
    """Whether a client with our credentials gets a relay."""
    for url in settings.turn_urls:
        try:
            server = parse_ice_url(url)
        except ValueError as error:
            yield fail("TURN", str(error), "correct TURN_URLS")
            continue
        if not server.over_udp:
            yield ok("TURN", f"{url} not tried: not over UDP")
            continue
        made = turn_credentials(settings.turn_secret or "", "doctor", int(time.time()) + 60)
        try:
            host, port = relayed_address(server.host, server.port, made)
        except Unreachable as error:
            yield fail("TURN", f"{url}: {error}", "README has a configuration of coturn that works")
        else:
            yield ok("TURN", f"{url} gives relays ({host}:{port})")


CHECKS: Sequence[Check] = (
    data_plane,
    web_client,
    media_port,
    http_port,
    socket_buffers,
    file_limit,
    clock,
    tls,
    announced,
    stun_servers,
    turn_servers,
)


def _bindable(
    check: str, protocol: str, kind: socket.SocketKind, addresses: Sequence[str], port: int, setting: str
) -> Iterator[Finding]:
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, kind) as probe:
                if kind is socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
                probe.bind((address, port))
        except OSError as error:
            advice = {
                errno.EADDRINUSE: f"end what uses it (ss -lnp), rtpfwd itself maybe, or set {setting}",
                errno.EACCES: f"ports below 1024 need CAP_NET_BIND_SERVICE; or set {setting}",
                errno.EADDRNOTAVAIL: "this machine has no such address: correct LISTEN_IP or HOST",
            }.get(error.errno or 0, f"set {setting} to another")
            yield fail(check, f"{protocol} {port} on {address}: {error.strerror}", advice)
            return
    yield ok(check, f"{protocol} {port} can be bound on {', '.join(addresses)}")


def _resolved(name: str) -> list[str]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _days_left(certificate: Path) -> float | None:
    """Until the first certificate of a PEM file ends; ``None`` when it is none."""
    try:
        return (expires_at(certificate.read_text()) - time.time()) / 86_400
    except (OSError, ValueError, InvalidParameters):
        return None
