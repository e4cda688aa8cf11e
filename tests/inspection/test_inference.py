"""Codecs are told apart on real encoders' packets where there is an encoder, else on packets by the book."""

import random
from fractions import Fraction

import numpy
import pytest
from aiortc.codecs import get_encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from av import AudioFrame, VideoFrame

from rtpfwd.inspection.codecs import Confidence
from rtpfwd.inspection.inference import Sample, infer_clock, infer_codec
from rtpfwd.inspection.resolutions import find_resolution
from rtpfwd.wire.payloads.bits import BitWriter


def samples_of(frames, clock, interval_us, payload_type=96):
    """``frames`` is a list of lists of payloads."""
    samples = []
    for number, payloads in enumerate(frames):
        for index, payload in enumerate(payloads):
            samples.append(
                Sample(
                    number * interval_us, payload_type, 65500 + len(samples) & 0xFFFF,
                    number * interval_us * clock // 1_000_000, index == len(payloads) - 1, payload,
                )
            )  # fmt: skip
    return samples


def encoded(name):
    encoder = get_encoder(RTCRtpCodecParameters(mimeType=f"video/{name}", clockRate=90000, payloadType=96))
    chance = numpy.random.default_rng(1)
    frames = []
    for number in range(12):
        picture = chance.integers(0, 255, (180, 320, 3), dtype=numpy.uint8)
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = number * 3000, Fraction(1, 90000)
        frames.append(encoder.encode(frame, force_keyframe=number == 0)[0])
    return frames


def vp9(frames=20, parts=3):
    """RFC 9628 §4.2: I, L and B, E bits; flexible mode off."""
    made = []
    for number in range(frames):
        payloads = []
        for part in range(parts):
            flags = 0xA0 | (0x40 if number else 0) | (8 if part == 0 else 0) | (4 if part == parts - 1 else 0)
            payloads.append(
                bytes((flags, 0x80 | number >> 8, number & 0xFF, 0, number & 0xFF)) + b"\x86" * 90
            )
        made.append(payloads)
    return made


def av1(frames=20, parts=3):
    """One OBU a frame, in fragments: Z and Y around each cut."""
    made = []
    for number in range(frames):
        payloads = []
        for part in range(parts):
            head = (
                (0x80 if part else 0)
                | (0x40 if part < parts - 1 else 0)
                | 0x10
                | (8 * (not number and not part))
            )
            payloads.append(bytes((head,)) + (b"" if part else b"\x30") + b"\xb6" * 90)
        made.append(payloads)
    return made


@pytest.mark.parametrize("name", ["VP8", "H264"])
def test_video_of_a_real_encoder_is_told(name):
    frames = encoded(name)
    guess = infer_codec(samples_of(frames, 90000, 33_333))
    assert (guess.mime_type, guess.clock_rate, guess.confidence) == (
        f"video/{name}",
        90000,
        Confidence.LIKELY,
    )
    sizes = [find_resolution(f"video/{name}", payload) for payload in frames[0]]
    assert (320, 180) in sizes


def test_sound_of_a_real_encoder_is_told():
    encoder = get_encoder(
        RTCRtpCodecParameters(mimeType="audio/opus", clockRate=48000, channels=2, payloadType=96)
    )
    payloads = []
    for number in range(30):
        frame = AudioFrame(format="s16", layout="stereo", samples=960)
        frame.planes[0].update(random.Random(number).randbytes(960 * 4))
        frame.pts, frame.sample_rate = number * 960, 48000
        frame.time_base = Fraction(1, 48000)
        payloads.append(encoder.encode(frame)[0])
    guess = infer_codec(samples_of(payloads, 48000, 20_000))
    assert (guess.mime_type, guess.confidence) == ("audio/opus", Confidence.LIKELY)


@pytest.mark.parametrize(("name", "frames"), [("VP9", vp9()), ("AV1", av1())])
def test_other_video_is_told_by_its_marks(name, frames):
    guess = infer_codec(samples_of(frames, 90000, 33_333))
    assert (guess.mime_type, guess.confidence) == (f"video/{name}", Confidence.LIKELY)


def test_a_static_payload_type_needs_no_guess():
    guess = infer_codec(samples_of([[b"x"]] * 3, 8000, 20_000, payload_type=8))
    assert (guess.mime_type, guess.confidence) == ("audio/PCMA", Confidence.STATIC)


@pytest.mark.parametrize("parts", [1, 3])
def test_ciphertext_is_unknown(parts):
    chance = random.Random("ciphertext")
    for _ in range(20):
        frames = [[chance.randbytes(100) for _ in range(parts)] for _ in range(20)]
        assert infer_codec(samples_of(frames, 90000, 33_333)).mime_type is None


@pytest.mark.parametrize("clock", [8000, 16000, 48000, 90000])
def test_a_clock_is_told_by_how_fast_it_goes(clock):
    assert infer_clock(samples_of([[b"x"]] * 50, clock, 20_000)) == clock


def test_a_clock_that_stands_still_is_none():
    assert infer_clock(samples_of([[b"x"]], 8000, 0)) is None
    assert infer_clock(samples_of([[b"x"]] * 20, 1000, 20_000)) is None


# H.264: x264's SPS for 1280 x 720 in high profile, and one of 1920 x 1080, which is cropped from 1088 lines.
SPS_720 = bytes.fromhex("6764001facd9405005bb011000000300100000030320f18319a0")
SPS_1080 = bytes.fromhex("67640028acd940780227e5c04400000fa40002ee023c60c658")


@pytest.mark.parametrize(
    ("mime_type", "payload", "size"),
    [
        ("video/H264", SPS_720, (1280, 720)),
        ("video/h264", b"\x78" + len(SPS_1080).to_bytes(2) + SPS_1080, (1920, 1080)),
        ("video/VP8", b"\x90\x80\x11\x50\x42\x00\x9d\x01\x2a\x80\x02\xe0\x01", (640, 480)),
        ("video/VP8", b"\x10\x51\x42\x00\x9d\x01\x2a\x80\x02\xe0\x01", None),
        ("video/VP9", bytes.fromhex("8a 05 18 0140 00b4 01 04 01") + b"x", (320, 180)),
        ("video/H264", SPS_720[:9], None),
        ("video/x", SPS_720, None),
        ("video/VP8", b"", None),
    ],
)
def test_key_frames_tell_their_size(mime_type, payload, size):
    assert find_resolution(mime_type, payload) == size


def test_a_sequence_header_of_av1_tells_the_size():
    bits = BitWriter()
    # Profile, still and reduced flags, timing, delays; one operating point of level 5; widths of the sizes.
    for value, width in ((0, 3), (0, 1), (0, 1), (0, 1), (0, 1), (0, 5), (0, 12), (5, 5), (9, 4), (8, 4)):
        bits.write(value, width)
    bits.write(640 - 1, 10)
    bits.write(360 - 1, 9)
    alone = b"\x18\x08" + bits.serialize()
    with_size = b"\x08\x02\x12\x00" + bytes((len(alone),)) + b"\x0a" + bytes((len(alone) - 2,)) + alone[2:]
    assert find_resolution("video/AV1", alone) == (640, 360)
    assert find_resolution("video/AV1", with_size) == (640, 360)


def test_any_payload_has_a_size_or_none():
    chance = random.Random("sizes")
    for mime_type in ("video/VP8", "video/VP9", "video/H264", "video/AV1"):
        for start in (b"", b"\x67\x64", b"\x78\0\x09\x67", b"\x18\x0a\x0b"):
            for _ in range(200):
                size = find_resolution(mime_type, start + chance.randbytes(chance.randrange(30)))
                assert size is None or min(size) >= 0
