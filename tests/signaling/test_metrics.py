"""What Prometheus reads, and that the dashboard names nothing else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from signaling.app import CallServer
from signaling.operators.site import FILES
from tests.signaling.clients import DTLS_PARAMETERS
from tests.signaling.conftest import MeetPerson
from tests.signaling.test_operators import operators_url

# In Prometheus' language, and so no names of metrics.
WORDS = {
    "sum",
    "by",
    "rate",
    "histogram_quantile",
    "clamp_min",
    "le",
    "max",
    "without",
    "or",
    "on",
    "increase",
}


async def scrape(server: CallServer) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{operators_url(server)}/metrics") as response,
    ):
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return await response.text()


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def expressions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "expr":
                yield value
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


async def test_a_call_is_counted(server: CallServer, meet: MeetPerson) -> None:
    alice, bob = await meet(), await meet()
    await alice.join("a room with a name", displayName="Alice Liddell")
    await bob.join("a room with a name", displayName="Bob")
    await alice.transport(consumer=False)
    producer = await alice.produce("video")
    await bob.consume(producer["id"])
    found = samples(await scrape(server))
    assert found["rtpfwd_rooms", ()] == 1 and found["rtpfwd_peers", ()] == 2
    assert found["rtpfwd_producers", (("kind", "video"),)] == 1
    assert found["rtpfwd_consumers", (("kind", "video"),)] == 1
    assert found["rtpfwd_producers", (("kind", "audio"),)] == 0
    states = {labels[0][1]: value for (name, labels), value in found.items() if name == "rtpfwd_transports"}
    assert sum(states.values()) == 2
    assert found["rtpfwd_draining", ()] == 0
    assert found["process_resident_memory_bytes", ()] > 0


async def test_names_and_ids_of_people_and_rooms_are_in_no_label(
    server: CallServer, meet: MeetPerson
) -> None:
    alice = await meet()
    answer = await alice.join("a room with a name", displayName="Alice Liddell")
    transport = await alice.transport(consumer=False)
    text = await scrape(server)
    for secret in ("a room", "Alice", answer["peerId"], transport["id"]):
        assert secret not in text


async def test_series_do_not_grow_with_calls(server: CallServer, meet: MeetPerson) -> None:
    alice = await meet()
    await alice.join("one")
    before = set(samples(await scrape(server)))
    for number in range(5):
        one = await meet()
        await one.join(f"room {number}")
        transport = await one.transport(consumer=False)
        await one.ask(
            "transport-connect", {"dtlsParameters": DTLS_PARAMETERS, "transportId": transport["id"]}
        )
        await one.produce("video")
    assert set(samples(await scrape(server))) == before


async def test_the_estimates_of_downlinks_are_a_histogram(server: CallServer) -> None:
    found = samples(await scrape(server))
    buckets = [
        labels for (name, labels) in found if name == "rtpfwd_downlink_estimate_bits_per_second_bucket"
    ]
    assert len(buckets) == 10


async def test_the_dashboard_names_only_metrics_that_exist(server: CallServer) -> None:
    dashboard = json.loads((FILES / "grafana.json").read_text())
    known = {name for name, _ in samples(await scrape(server))}
    asked = list(expressions(dashboard))
    assert len(asked) > 15
    # Counters by reason have no sample before the first drop; their families are declared all the same.
    known |= {
        f"{name}_total" if kind == "counter" and not name.endswith("_total") else name
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", await scrape(server), re.MULTILINE)
    }
    named = {
        word
        for one in asked
        for word in re.findall(
            r"[a-zA-Z_:]\w*", re.sub(r"\{[^}]*\}|\[[^\]]*\]|\([a-z_, ]*\)\s*\(|by\s*\([^)]*\)", " ", one)
        )
        if word not in WORDS
    }
    assert named and named <= known, named - known


async def test_every_panel_has_a_title_and_a_unit() -> None:
    dashboard = json.loads((FILES / "grafana.json").read_text())
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            assert panel["title"] and panel["fieldConfig"]["defaults"]["unit"], panel
            assert panel["targets"]
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
