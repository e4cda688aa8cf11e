"""Every entry of the corpus, and then so many seconds of mutations of it, for each target.

``FUZZ_SECONDS`` is the time for each target: 30 unless told, less while you work, more in a night. Two
targets run side by side in processes of their own. ``FUZZ_SEED`` chooses other mutations. ``python -m
tests.fuzz.TARGET`` fuzzes one target alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult

import pytest

from rtpfwd.dataplane.load import PLANES
from tests.fuzz import dtls, payloads, receive, rtcp, rtp, stun
from tests.fuzz.engine import CORPUS, Finding, Target, budget_s, corpus_of, fuzz, keep, mutate, seed, shrink
from tests.fuzz.make_corpus import TARGETS as SAMPLES

AT_ONCE = 2  # processes

RUNS: dict[str, Target] = {
    "stun": stun.run,
    "rtp": rtp.run,
    "rtcp": rtcp.run,
    "payloads": payloads.run,
    "dtls": dtls.run,
    "receive": receive.run,
}
CONTINUED: dict[str, Callable[[], Target]] = {"receive": receive.Continued}
"""Targets that go on from input to input, because to begin is dear."""
if "native" in PLANES:
    RUNS["receive-native"] = receive.run_native
    CONTINUED["receive-native"] = partial(receive.Continued, "native")


def folder(name: str) -> str:
    """Of a target's corpus, which both data planes share."""
    return name.removesuffix("-native")


@pytest.mark.parametrize(
    ("name", "entry"), [(name, entry) for name in RUNS for entry in sorted(corpus_of(folder(name)))]
)
def test_an_entry_of_the_corpus_breaks_no_promise(name: str, entry: str) -> None:
    RUNS[name]((CORPUS / folder(name) / entry).read_bytes())


def hunt(name: str) -> tuple[int, str | None]:
    """Fuzzes one target: how many inputs it took, and what is wrong with the last of them."""
    target = CONTINUED[name]() if name in CONTINUED else RUNS[name]
    found = fuzz(target, list(corpus_of(folder(name)).values()), budget_s(), random.Random(seed()))
    if not isinstance(found, Finding):
        return found, None
    path = keep(name, shrink(RUNS[name], found))
    return found.executions, (
        f"{found.error!r} after {found.executions} inputs. The input is {path}: once understood, move it "
        f"to {CORPUS / folder(name)} as found-WHAT-IS-WRONG-WITH-IT.bin, where it is tried first each time."
    )


@pytest.fixture(scope="module")
def hunts() -> Iterator[dict[str, AsyncResult[tuple[int, str | None]]]]:
    # It ends its processes: an input that makes the server loop must not outlive the test.
    with get_context("spawn").Pool(AT_ONCE) as pool:
        yield {name: pool.apply_async(hunt, (name,)) for name in RUNS}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.timeout(120 + 8 * budget_s())
def test_no_mutation_of_the_corpus_breaks_a_promise(
    name: str, hunts: dict[str, AsyncResult[tuple[int, str | None]]]
) -> None:
    # Two at a time; what takes longer than all of them should is an input that never ends.
    executions, finding = hunts[name].get(60 + 7 * budget_s())
    assert finding is None, finding
    assert executions > 20 * min(budget_s(), 1), "too few inputs to mean anything"


@pytest.mark.parametrize("name", sorted(set(SAMPLES) - {"dtls"}))
def test_the_corpus_is_what_its_script_makes(name: str) -> None:
    made = {f"{title}.bin": data for title, data in SAMPLES[name]()}
    kept = {title: data for title, data in corpus_of(name).items() if not title.startswith("found-")}
    assert made == kept, "run python -m tests.fuzz.make_corpus"


def test_the_corpus_is_small() -> None:
    sizes = [path.stat().st_size for path in CORPUS.rglob("*.bin")]
    assert len(sizes) > 100
    assert max(sizes) <= 8192
    assert sum(sizes) < 200_000


def test_the_engine_finds_what_is_broken_and_shortens_it() -> None:
    def broken(data: bytes) -> int:
        if len(data) > 3 and data[2] > 0xF0 and data[3] == 0:
            raise ZeroDivisionError
        return len(data) % 8

    found = fuzz(broken, [b"abcdefgh" * 4], 20, random.Random(1))
    assert isinstance(found, Finding)
    assert isinstance(found.error, ZeroDivisionError)
    assert len(shrink(broken, found)) == 4


def test_the_same_seed_makes_the_same_mutations() -> None:
    pool = [b"first entry", b"second"]
    one, other = ([mutate(pool[0], pool, chance) for _ in range(50)] for chance in map(random.Random, (5, 5)))
    assert one == other
    assert len(set(one)) > 20
