"""``python -m tests.fuzz.TARGET``: fuzz one target for as long as one likes.

With atheris (``pip install atheris``; not a requirement) it is guided by coverage and takes libFuzzer's
options, for example ``-max_total_time=600``. Without, it is the engine of the test run, for ``FUZZ_SECONDS``
under ``FUZZ_SEED``.
"""

from __future__ import annotations

import random
import sys
import tempfile

from tests.fuzz.engine import CORPUS, Finding, Target, budget_s, corpus_of, fuzz, keep, seed, shrink


def main(name: str, target: Target) -> None:
    """Fuzz ``target`` from the corpus of that name."""
    try:
        import atheris  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        _plainly(name, target)
        return

    def one_input(data: bytes) -> None:
        target(data)

    atheris.instrument_all()
    # libFuzzer writes what it finds into the first folder; ours is only read.
    with tempfile.TemporaryDirectory() as found:
        atheris.Setup([sys.argv[0], found, str(CORPUS / name), *sys.argv[1:]], one_input)
        atheris.Fuzz()


def _plainly(name: str, target: Target) -> None:
    corpus = list(corpus_of(name).values())
    found = fuzz(target, corpus, budget_s(), random.Random(seed()))
    if isinstance(found, Finding):
        path = keep(name, shrink(target, found))
        print(f"{name}: {found.error!r} after {found.executions} inputs; written to {path}")
        raise found.error
    print(f"{name}: {found} inputs, nothing found")
