"""A small mutation fuzzer: seeded, aware of what packets are made of, without instrumentation.

A target is a function of bytes that raises when a promise is broken, and returns what came of the input as
something hashable. Inputs whose outcome was never seen before join the pool that further ones are made from:
in place of coverage, which pure Python cannot afford at this speed.
"""

from __future__ import annotations

import gc
import os
import random
import time
import zlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

Target = Callable[[bytes], Hashable]

CORPUS = Path(__file__).parent / "corpus"
OUTPUT = Path(__file__).parents[2] / "test-output" / "fuzz"
MAX_POOL = 1000
MAX_INPUT = 4096
NUMBERS_8 = (0, 1, 2, 0x0F, 0x10, 0x40, 0x7F, 0x80, 0xC0, 0xFE, 0xFF)
NUMBERS_16 = (0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0xBEDE, 0x1000, 0x2112, 0xFEFD)


@dataclass(frozen=True)
class Finding:
    """An input that broke a promise, and how."""

    data: bytes
    error: Exception
    executions: int


def corpus_of(name: str) -> dict[str, bytes]:
    """The entries of a target's corpus by file name."""
    return {path.name: path.read_bytes() for path in sorted((CORPUS / name).glob("*.bin"))}


def budget_s() -> float:
    """Seconds for each target: ``FUZZ_SECONDS``."""
    return float(os.environ.get("FUZZ_SECONDS", "30"))


def seed() -> int:
    """``FUZZ_SEED``; the same one unless told, so that a run that passed passes again."""
    return int(os.environ.get("FUZZ_SEED", "1"))


def fuzz(target: Target, corpus: Sequence[bytes], seconds: float, chance: random.Random) -> Finding | int:
    """Try mutations of the corpus for so long; the first finding, or the number of executions.

    A target that goes on from input to input has ``so_far``: all of it as one input.
    """
    # Targets watch how long an input takes: the collector runs between inputs, not in them.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        return _fuzz(target, corpus, seconds, chance)
    finally:
        gc.enable()
        gc.unfreeze()


def shrink(target: Target, finding: Finding, seconds: float = 5.0) -> bytes:
    """A shorter input that still breaks a promise in the same way, within the time given."""
    data, end = finding.data, time.monotonic() + seconds
    size = max(len(data) // 2, 1)
    while size and time.monotonic() < end:
        for start in range(0, len(data), size):
            shorter = data[:start] + data[start + size :]
            if len(shorter) < len(data) and _breaks(target, shorter, type(finding.error)):
                data = shorter
                break
        else:
            size //= 2
    return data


def keep(name: str, data: bytes) -> Path:
    """Write a finding where it can be looked at, and say where."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"{name}-{zlib.crc32(data):08x}.bin"
    path.write_bytes(data)
    return path


def mutate(data: bytes, pool: Sequence[bytes], chance: random.Random) -> bytes:
    """One to four mutations in a row."""
    mutated = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        mutated = chance.choice(_MUTATIONS)(mutated, pool, chance)
    return bytes(mutated[:MAX_INPUT])


def _fuzz(target: Target, corpus: Sequence[bytes], seconds: float, chance: random.Random) -> Finding | int:
    pool = list(corpus)
    seen = {target(entry) for entry in corpus}
    executions = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        gc.collect()
        until = min(end, time.monotonic() + 0.5)
        while time.monotonic() < until:
            data = mutate(chance.choice(pool), pool, chance)
            executions += 1
            try:
                outcome = target(data)
            except Exception as error:  # whatever it is: it is the finding
                return Finding(getattr(target, "so_far", data), error, executions)
            if outcome in seen:
                continue
            seen.add(outcome)
            if len(pool) < MAX_POOL:
                pool.append(data)
            else:
                pool[chance.randrange(len(corpus), MAX_POOL)] = data
    return executions


def _breaks(target: Target, data: bytes, kind: type[Exception]) -> bool:
    try:
        target(data)
    except kind:
        return True
    except Exception:  # another fault than the one that is being shrunk
        return False
    return False


# -- mutations -----------------------------------------------------------------------------------------------


def _flip_bit(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _set_byte(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    if data:
        data[_place(data, chance)] = chance.choice((*NUMBERS_8, chance.getrandbits(8)))
    return data


def _add_to_byte(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    if data:
        at = _place(data, chance)
        data[at] = data[at] + chance.choice((-2, -1, 1, 2, 16)) & 0xFF
    return data


def _set_word(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    if len(data) >= 2:
        at = chance.randrange(len(data) - 1)
        data[at : at + 2] = chance.choice((*NUMBERS_16, chance.getrandbits(16))).to_bytes(2)
    return data


def _lie_about_length(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    """A number that could be the length of what follows it (bytes or words, one octet or two) is changed."""
    found = []
    for at in range(min(len(data), 256)):
        left = len(data) - at - 1
        if 0 < data[at] <= left and (data[at] in (left, left // 4) or chance.random() < 0.1):
            found.append((at, 1))
        if left >= 1:
            word = data[at] << 8 | data[at + 1]
            if 0 < word <= left and (word in (left - 1, (left - 1) // 4) or chance.random() < 0.1):
                found.append((at, 2))
    if not found:
        return _set_word(data, pool, chance)
    at, size = chance.choice(found)
    limit = 256**size - 1
    told = int.from_bytes(data[at : at + size])
    lie = chance.choice((0, 1, told - 1, told + 1, told + 4, told * 2, limit, len(data)))
    data[at : at + size] = min(max(lie, 0), limit).to_bytes(size)
    return data


def _truncate(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data) + 1)]


def _extend(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    size = chance.choice((1, 2, 3, 4, 8, 255, 1200))
    return data + (bytes(size) if chance.random() < 0.5 else chance.randbytes(size))


def _remove(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    start, end = _range(data, chance)
    return data[:start] + data[end:]


def _insert(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(chance.choice((1, 2, 4, 12))) + data[at:]


def _repeat(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    start, end = _range(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 1, 2, 10, 40)) + data[end:]


def _swap(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    start, end = _range(data, chance)
    at = chance.randrange(start, end + 1)
    return data[:start] + data[at:end] + data[start:at] + data[end:]


def _splice(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    other = chance.choice(pool)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def _append(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> bytearray:
    return data + chance.choice(pool)


def _place(data: bytearray, chance: random.Random) -> int:
    # Headers are in front: half of the time there.
    return chance.randrange(min(len(data), 16) if chance.random() < 0.5 else len(data))


def _range(data: bytearray, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    size = chance.choice((1, 2, 4, 8, 12, 20, 64))
    return start, min(start + size, len(data))


_MUTATIONS = (
    _flip_bit, _flip_bit, _set_byte, _set_byte, _add_to_byte, _set_word, _lie_about_length, _lie_about_length,
    _truncate, _extend, _remove, _insert, _repeat, _swap, _splice, _append,
)  # fmt: skip
