"""Many runs, in as many processes as there are processors. Each run is a function of its variant and seed."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from rtpfwd.capture.ingress import RecordedStream
from rtpfwd.drivers.whatif.call import Plan, run
from rtpfwd.drivers.whatif.figures import RunFigures

Producers = Sequence[Sequence[RecordedStream]]

_given: dict[str, tuple[Producers, int, Sequence[Plan]]] = {}
"""In a worker process: what all its runs share."""


def run_all(
    producers: Producers,
    duration_us: int,
    plans: Sequence[Plan],
    seeds: int,
    jobs: int,
    progress: Callable[[int, int], None],
) -> list[list[RunFigures]]:
    """The figures of each plan, by seed. ``progress`` is told how many of how many runs are done."""
    total = len(plans) * seeds
    tasks = [(index, seed) for index in range(len(plans)) for seed in range(1, seeds + 1)]
    found: dict[tuple[int, int], RunFigures] = {}
    if min(jobs, total) <= 1:
        for index, seed in tasks:
            found[index, seed] = run(producers, duration_us, plans[index], seed)
            progress(len(found), total)
    else:
        method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
        with ProcessPoolExecutor(
            min(jobs, total), multiprocessing.get_context(method), _take, (producers, duration_us, plans)
        ) as pool:
            waiting = {pool.submit(_run, *task): task for task in tasks}
            try:
                for done in as_completed(waiting):
                    found[waiting[done]] = done.result()
                    progress(len(found), total)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return [[found[index, seed] for seed in range(1, seeds + 1)] for index in range(len(plans))]


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _take(producers: Producers, duration_us: int, plans: Sequence[Plan]) -> None:
    _given["all"] = producers, duration_us, plans


def _run(index: int, seed: int) -> RunFigures:
    producers, duration_us, plans = _given["all"]
    return run(producers, duration_us, plans[index], seed)
