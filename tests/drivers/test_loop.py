import asyncio
import time

import pytest

from rtpfwd.drivers.loop import LagMeter, new_event_loop


@pytest.mark.parametrize("prefer_uvloop", [True, False])
def test_a_stall_of_the_loop_shows_in_its_lag(prefer_uvloop):
    async def stall() -> int:
        meter = LagMeter(asyncio.get_running_loop())
        time.sleep(0.25)  # the fault itself: the loop cannot run
        async with asyncio.timeout(2):
            while not meter.read().worst_us:
                await asyncio.sleep(0)
        worst = meter.read().worst_us
        meter.close()
        return worst

    loop = new_event_loop(prefer_uvloop=prefer_uvloop)
    try:
        assert loop.run_until_complete(stall()) > 100_000
    finally:
        loop.close()
    assert type(loop).__module__.startswith("uvloop") is prefer_uvloop
