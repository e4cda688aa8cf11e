"""A live call is recorded, and its replay sends what the server really sent."""

from collections import defaultdict
from pathlib import Path

from rtpfwd.capture.opening import openers
from rtpfwd.cli.recordings import read_items
from rtpfwd.wire.captures.items import CapturedDatagram, Direction
from rtpfwd.wire.demux import Kind, classify
from tests.browser.conftest import Meet
from tests.browser.record_pcaps import served
from tests.browser.waiting import until
from tests.replay.expectations import played


async def test_three_people_with_loss_are_replayed_packet_by_packet(
    meet: Meet, room: str, tmp_path: Path
) -> None:
    async with served(tmp_path, loss=0.03) as (server, lossy):
        captures = server.driver.captures
        assert captures is not None
        capture = captures.start(name="three people")
        people = [await meet(name) for name in ("Ada", "Grace", "Alan")]
        for person in people:
            await person.join(f"http://localhost:{server.port}", room, "video=320x180")
        for person in people:
            await person.sees(*(other for other in people if other is not person))

        async def enough() -> bool:
            return bool(server.driver.worker.counters()["forwarded"] > 1000)

        await until("a thousand packets went out", enough)
        keys = {number: one.keys for number, one in captures._plane.mirror.transports.items()}
        paths = dict(captures._plane.mirror.paths)
        captures.stop(capture.id)
        really_sent = list(lossy.sent)
        drops = server.driver.worker.counters()
    capture.file.join()

    result, _ = played(capture.file.path)
    assert result.comparison.equal, [str(one) for one in result.comparison.differences]
    assert result.comparison.same == result.sent > 300
    assert drops["forwarded"] <= result.sent

    # What went to the sockets, opened with the call's keys, against what the file says.
    opened = defaultdict(list)
    at = {number: openers(one)[1] for number, one in keys.items() if one is not None}
    for data, path in really_sent:
        if classify(data) is Kind.RTP and path in paths:
            opened[path[1][:2]].append(at[paths[path]].rtp(data))
    recorded = defaultdict(list)
    for item in read_items(capture.file.path):
        media = isinstance(item, CapturedDatagram) and classify(item.data) is Kind.RTP
        if media and item.direction is Direction.OUTBOUND:
            recorded[item.destination].append(item.data)
    assert recorded == opened
    print(  # pytest -rP shows it
        f"{result.received} packets in, {result.sent} out, {result.comparison.same} identical in the replay; "
        f"{sum(map(len, opened.values()))} went to the sockets and are in the file, of {len(opened)} viewers"
    )
