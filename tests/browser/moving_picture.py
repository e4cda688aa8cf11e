"""A film for the browser's fake camera that is as hard to encode as a real one.

Chromium's own fake picture is so plain that H264, VP9 and AV1 need 190 kbit/s for it at any size, which makes
layers that nothing can tell apart. This is a picture full of edges, seen by a camera that moves in a circle,
with a little noise. Uncompressed (YUV4MPEG2, 4:2:0) and made again from the same seed wherever it is missing.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

FRAMES, FRAMES_PER_S = 60, 15
"""The film ends as it begins: it can go round and round."""
SWAY = 24  # pixels of the circle's radius
PATCHES = 700
DARK, BRIGHT = 24, 216
NOISE = 4  # steps of brightness


def film(path: Path, width: int, height: int) -> Path:
    """Writes the film, unless it is there; returns ``path``. Width and height are even."""
    size = width * height * 3 // 2 + len(b"FRAME\n")
    header = f"YUV4MPEG2 W{width} H{height} F{FRAMES_PER_S}:1 Ip A1:1 C420jpeg\n".encode()
    if path.exists() and path.stat().st_size == len(header) + FRAMES * size:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    chance = random.Random("film")
    scene = _scene(chance, width + 2 * SWAY, height + 2 * SWAY)
    colours = _scene(chance, width // 2 + SWAY, height // 2 + SWAY)
    levels = bytes(value % NOISE for value in range(256))
    grain = chance.randbytes(2 * width * height).translate(levels)
    with path.open("wb") as file:
        file.write(header)
        for number in range(FRAMES):
            angle = 2 * math.pi * number / FRAMES
            x, y = round(SWAY * (1 + math.cos(angle))), round(SWAY * (1 + math.sin(angle)))
            begin = chance.randrange(width * height)
            brightness = _crop(scene, x, y, width, height)
            file.write(b"FRAME\n")
            file.write(_sum(brightness, grain[begin : begin + width * height]))
            file.write(_crop(colours, x // 2, y // 2, width // 2, height // 2))
            file.write(_crop(colours, y // 2, x // 2, width // 2, height // 2))
    return path


def _scene(chance: random.Random, width: int, height: int) -> list[bytearray]:
    rows = [bytearray(bytes([128]) * width) for _ in range(height)]
    for _ in range(PATCHES):
        across, down = chance.randint(4, width // 6), chance.randint(4, height // 6)
        left, top = chance.randrange(width - across), chance.randrange(height - down)
        patch = bytes([chance.randint(DARK, BRIGHT)]) * across
        for row in rows[top : top + down]:
            row[left : left + across] = patch
    return rows


def _crop(rows: list[bytearray], x: int, y: int, width: int, height: int) -> bytes:
    return b"".join(bytes(row[x : x + width]) for row in rows[y : y + height])


def _sum(left: bytes, right: bytes) -> bytes:
    """Byte by byte; no sum exceeds 255, so that one sum of two long numbers does it."""
    return (int.from_bytes(left) + int.from_bytes(right)).to_bytes(len(left))
