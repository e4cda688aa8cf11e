"""Numbers and foreign text in a form for people, shared by the tables and the page."""

from __future__ import annotations

from datetime import UTC, datetime

from rtpfwd.inspection.report import CaptureReport, StreamReport

MAX_TEXT = 200
LONGEST_YEAR_US = 4102444800 * 1_000_000  # 2100
A_DAY_US = 86_400 * 1_000_000


def plain(text: str | None) -> str:
    """Text out of a file, without anything that moves a terminal's cursor, cut to 200 characters."""
    cut = (text or "")[:MAX_TEXT]
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in cut)


def count(value: int | None) -> str:
    """``1,234``; a dash for None."""
    return "-" if value is None else f"{value:,}"


def rate(bps: float) -> str:
    """Bits a second with the unit that suits."""
    if bps >= 1e6:
        return f"{bps / 1e6:.2f} Mbit/s"
    return f"{bps / 1e3:.1f} kbit/s" if bps >= 1e3 else f"{bps:.0f} bit/s"


def short_rate(bps: float) -> str:
    """For an axis of bits a second: ``750 k``."""
    return f"{bps / 1e6:g} M" if bps >= 1e6 else f"{bps / 1e3:g} k" if bps >= 1e3 else f"{bps:g}"


def size(amount: int) -> str:
    """Bytes with the unit that suits."""
    if amount >= 1 << 20:
        return f"{amount / (1 << 20):.1f} MiB"
    return f"{amount / 1024:.1f} KiB" if amount >= 1024 else f"{amount} B"


def milliseconds(value: float | None) -> str:
    """``1.25 ms``; a dash for None."""
    return "-" if value is None else f"{value:.2f} ms"


def when(time_us: int | None) -> str:
    """The date, or the time of day where the capture has no date."""
    if time_us is None or not 0 <= time_us < LONGEST_YEAR_US:
        return "-"
    moment = datetime.fromtimestamp(time_us / 1e6, UTC)
    if time_us < 2 * A_DAY_US:
        return moment.strftime("%H:%M:%S.%f")[:-3]
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def ssrc(value: int) -> str:
    """As hexadecimal, the way Wireshark shows it."""
    return f"0x{value:08X}"


def codec(stream: StreamReport) -> str:
    """The codec and, unless it is certain, how well it is known."""
    if stream.encrypted:
        return f"SRTP, {stream.codec}" if stream.codec else "SRTP (encrypted)"
    if stream.codec is None:
        return "unknown"
    name = plain(stream.codec.partition("/")[2] or stream.codec)
    if stream.is_repair and stream.repairs is not None:
        name = f"{name} of {ssrc(stream.repairs)}"
    return f"{name} ({stream.codec_confidence})" if stream.codec_confidence in ("likely", "guess") else name


def losses(stream: StreamReport) -> str:
    """``12 (0.34 %)``."""
    return f"{stream.lost:,} ({stream.loss_share:.2%})" if stream.lost else "0"


def picture(stream: StreamReport) -> str:
    """``1280 x 720``; empty where it is not known."""
    return f"{stream.width} x {stream.height}" if stream.width and stream.height else ""


def remarks(report: CaptureReport) -> list[str]:
    """What one should know before believing the numbers."""
    found = []
    if report.error:
        found.append(f"Reading stopped: {plain(report.error)}. What came before is shown.")
    if report.truncated:
        found.append("The file stops in the middle of a packet. What is whole is shown.")
    if report.malformed_frames:
        found.append(
            f"{report.malformed_frames:,} broken packets, the first: {plain(report.first_malformed)}."
        )
    for reason, number in report.skipped_frames.items():
        found.append(f"{number:,} packets left out: {reason}.")
    if report.noise:
        found.append(f"{report.noise:,} packets start like RTP but belong to no stream of two or more.")
    if report.beyond_limits:
        found.append(f"{report.beyond_limits:,} packets of more streams than are kept are left out.")
    if report.rtcp_encrypted:
        found.append(f"{report.rtcp_encrypted:,} RTCP datagrams are encrypted or broken and were not read.")
    if any(stream.encrypted for stream in report.streams):
        found.append("Some streams are SRTP: headers are readable, payloads are not.")
    if any(stream.codec_confidence in ("likely", "guess") for stream in report.streams):
        found.append("Codecs in brackets are inferred from packets; a description (--streams) settles them.")
    return found
