"""What strangers send, and what becomes of it: one row for each kind of abuse, its tests and what is said.

The rows are those of the threat list that this server was built against (signaling, HTTP, application). Where
the answer to a row differs from what that list asked for, the reason stands beside it:

* missing ``Origin`` is let in: programs that are no browsers send none, and could send any (A10);
* 64 transports for each peer, not 4: a client of part 1 makes one for each remote producer (A16);
* extension ids 15 to 255 are valid in two-byte headers (A12);
* HTTP polling opens a connection, which must become a WebSocket by a deadline; ``POLLING=false`` refuses
  it altogether (A9).

``CODE`` of a row is what the client gets: a code of ``signaling.refusal``, an HTTP status, a WebSocket close
code, or how the connection ends.
"""

import asyncio
import os
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from rtpfwd.wire import stun
from signaling.app import CallServer
from signaling.refusal import Code
from tests.browser.server import free_tcp_port, free_udp_port
from tests.signaling.clients import PATIENCE_S, Wire
from tests.signaling.conftest import MeetPerson, StartServer

PROJECT = Path(__file__).resolve().parents[2]


class Row(NamedTuple):
    """One kind of abuse."""

    name: str
    code: str
    tests: tuple[str, ...]  # FILE::TEST; a file without folder is of this one


TABLE = (
    Row("A3 events that are none, NaN, deep, surrogates, duplicates", "bad_request", (
        "test_hostile_messages.py::test_a_message_that_is_no_event_is_refused_and_the_connection_lives",
        "test_hostile_messages.py::test_numbers_that_are_not_finite_are_named",
        "test_hostile_messages.py::test_of_duplicate_keys_the_last_counts",
        "test_hostile_messages.py::test_garbage_in_every_event_leaves_the_connection_alive",
        "test_hostile_messages.py::test_an_event_cannot_be_named_like_a_handler",
        "test_hostile_messages.py::test_any_payload_parses_or_is_refused",
    )),
    Row("A4 binary events with attachments", "bad_request", (
        "test_hostile_messages.py::test_binary_is_refused",
        "test_hostile_messages.py::test_five_hundred_attachments_hold_no_memory",
    )),
    Row("A5 20,000 events in a burst", "1008", (
        "test_gateway.py::test_a_flood_closes_the_socket",
        "test_gateway.py::test_a_flood_does_not_hold_up_anybody_else",
        "test_gateway.py::test_a_burst_is_taken_in_order_and_then_at_the_rate",
        "test_gateway.py::test_a_flood_by_polling_ends_the_connection",
    )),
    Row("A6 a client that does not read", "cut", (
        "test_gateway.py::test_a_client_that_does_not_read_is_cut_off_and_costs_only_itself",
        "test_gateway.py::test_a_queue_over_its_limit_says_so_once_and_drops",
    )),
    Row("A7 a message over the limit", "1009", (
        "test_gateway.py::test_a_message_over_the_limit_closes_with_1009",
    )),
    Row("A8 a socket that never joins the namespace", "cut", (
        "test_gateway.py::test_a_socket_outside_the_namespace_is_closed_at_the_deadline",
    )),
    Row("A9 polling and JSONP", "400", (
        "test_gateway.py::test_polling_can_be_switched_off",
        "test_gateway.py::test_who_stays_on_polling_is_closed_at_the_deadline",
        "test_gateway.py::test_jsonp_is_not_served",
    )),
    Row("A10 pages of other origins", "403", (
        "test_gateway.py::test_origins",
        "test_gateway.py::test_a_page_of_another_origin_does_not_get_in",
        "test_refusals.py::test_a_forwarded_host_opens_nothing",
    )),
    Row("A11 no token, or a wrong one", "token_invalid", (
        "test_tokens.py::test_what_is_no_token_for_this_room_is_refused_with_the_reason",
        "test_tokens.py::test_the_door_stays_shut_and_nothing_is_made",
        "test_tokens.py::test_any_text_is_refused_and_nothing_else",
    )),
    Row("A11 a token in an address", "400", ("test_refusals.py::test_a_token_in_an_address_is_refused",)),
    Row("A11 more than the token grants", "forbidden", (
        "test_tokens.py::test_who_may_not_publish_is_refused_before_anything_is_made",
        "test_tokens.py::test_who_may_not_subscribe_is_refused",
        "test_moderation.py::test_only_moderators_may",
    )),
    Row("A12 RTP parameters", "bad_rtp_parameters", (
        "test_bad_media_parameters.py::test_bad_rtp_parameters_are_refused_by_the_fields_name",
    )),
    Row("A12 codecs that nobody offered", "unsupported", (
        "test_bad_media_parameters.py::test_a_codec_that_is_not_offered_is_unsupported",
    )),
    Row("A13 DTLS parameters", "bad_request", (
        "test_hostile_messages.py::test_bad_dtls_parameters_are_refused",
        "test_bad_media_parameters.py::test_bad_fingerprints_are_refused",
    )),
    Row("A14 addresses named by a client", "ignored", (
        "test_bad_media_parameters.py::test_addresses_that_a_client_names_are_never_sent_to",
    )),
    Row("A15 twice, too early, too late", "invalid_state", (
        "test_isolation.py::test_connecting_a_transport_twice_is_refused",
        "test_isolation.py::test_a_peer_does_not_consume_itself",
        "test_isolation.py::test_nothing_works_before_joining",
    )),
    Row("A15 the same MID twice", "bad_rtp_parameters", (
        "test_bad_media_parameters.py::test_the_same_mid_twice_is_refused",
    )),
    Row("A15 what is closed", "not_found", (
        "test_bad_media_parameters.py::test_what_was_closed_is_not_found_and_closing_twice_hurts_nobody",
    )),
    Row("A16 too many of anything", "limit_exceeded", (
        "test_part_two.py::test_each_limit_of_a_peer_refuses_by_name",
        "test_part_two.py::test_full_rooms_and_a_full_house_refuse",
        "test_gateway.py::test_more_sockets_than_allowed_are_refused",
        "test_refusals.py::test_a_room_has_only_so_many_producers",
    )),
    Row("A16 too many people in a room", "room_full", (
        "test_part_two.py::test_full_rooms_and_a_full_house_refuse",
    )),
    Row("A16 a room that is locked", "room_locked", (
        "test_moderation.py::test_a_locked_room_admits_moderators_and_those_who_come_back",
    )),
    Row("A17 markup, escapes, line breaks in texts", "bad_request", (
        "test_hostile_messages.py::test_names_with_control_characters_are_refused",
        "test_hostile_messages.py::test_chat_is_text_of_a_sane_length",
        "test_hostile_messages.py::test_other_names_are_carried_as_they_are",
        "test_web.py::test_logs_cannot_be_forged",
        "test_web.py::test_every_answer_has_the_security_headers",
        "tests/browser/test_chat.py::test_markup_in_messages_and_names_is_shown_as_text_and_never_run",
    )),
    Row("A18 paths out of the bundle", "404", ("test_web.py::test_nothing_outside_the_bundle_is_served",)),
    Row("A19 slow headers, idle connections, no file descriptors left", "cut", (
        "test_gateway.py::test_a_slow_header_is_cut_off",
        "test_refusals.py::test_media_and_calls_go_on_when_there_are_no_file_descriptors_left",
    )),
    Row("A20 resuming as somebody else", "token_invalid", (
        "test_resume.py::test_the_token_is_good_once_and_in_its_room_only",
        "test_resume.py::test_the_older_socket_is_told_and_disconnected",
    )),
    Row("A21 the operators' pages from outside", "403", (
        "test_operators.py::test_without_a_token_it_listens_on_loopback_alone",
        "test_operators.py::test_the_port_of_calls_knows_nothing_of_it_without_a_token",
        "test_operators.py::test_with_a_token_both_ports_serve_whoever_has_it",
        "test_operators.py::test_pages_of_others_cannot_ask_through_the_operators_browser",
    )),
    Row("A22 old TLS", "refused", ("test_web.py::test_a_self_signed_certificate_is_made_once_and_kept",)),
)  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_row_has_its_tests(row: Row) -> None:
    for name in row.tests:
        file, _, test = name.partition("::")
        path = PROJECT / file if "/" in file else Path(__file__).with_name(file)
        assert re.search(rf"^(async )?def {test}\(", path.read_text(), re.MULTILINE), name
    known = {*Code, "400", "403", "404", "1008", "1009", "cut", "ignored", "refused"}
    assert row.code in known


def test_every_code_is_in_the_table() -> None:
    rows = {row.code for row in TABLE}
    abuse = set(Code) - {Code.INTERNAL, Code.DRAINING}  # our fault, and our leaving: nobody's doing
    assert abuse <= rows


async def test_a_forwarded_host_opens_nothing(server: CallServer) -> None:
    address = f"http://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket"
    headers = {
        "Origin": "https://evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
    }
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(address, headers=headers)
    assert refused.value.status == 403


async def test_a_token_in_an_address_is_refused(server: CallServer) -> None:
    address = f"http://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket&token=abc"
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(address)
    assert refused.value.status == 400


async def test_a_room_has_only_so_many_producers(start: StartServer, meet: MeetPerson) -> None:
    server = await start(limits={"producers_per_room": 1})
    ann, bob = await meet(server), await meet(server)
    for person in (ann, bob):
        await person.join()
        await person.transport(consumer=False)
    await ann.produce()
    refused = await bob.ask("transport-produce", {"kind": "audio", "rtpParameters": {}, "appData": {}})
    assert refused["code"] == "limit_exceeded" and "producers_per_room (1)" in refused["error"]


MOST_FILES = 64


@contextmanager
def server_with_few_files(folder: Path) -> Iterator[tuple[int, int, int]]:
    """The real server as a process that may open ``MOST_FILES`` files; gives its TCP and UDP ports
    and its process id."""
    port, media_port = free_tcp_port(), free_udp_port()
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "signaling", "--port", str(port), "--media-port", str(media_port)],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(PROJECT),
                "LISTEN_IP": "127.0.0.1",
                "HOST": "127.0.0.1",
            },
            stdout=log,
            stderr=log,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_FILES, MOST_FILES)),
        )
        try:
            yield port, media_port, process.pid
        finally:
            process.terminate()
            process.wait(10)


async def test_media_and_calls_go_on_when_there_are_no_file_descriptors_left(tmp_path: Path) -> None:
    with server_with_few_files(tmp_path) as (port, media_port, pid):
        await listening(port)
        async with Wire(f"http://127.0.0.1:{port}") as wire:
            await wire.ask("joinRoom", {"roomName": "r"})
            transport = (await wire.ask("createWebRtcTransport", {"consumer": False}))["params"]
            idle = []
            try:
                for _ in range(2 * MOST_FILES):
                    idle.append(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
                for _ in range(20):
                    assert await wire.ask("getProducers") == []
                assert len(os.listdir(f"/proc/{pid}/fd")) >= MOST_FILES - 2, "it can open no more"
                check_answers(transport["iceParameters"], media_port)
            finally:
                for one in idle:
                    one.close()
            assert await wire.alive()
        async with Wire(f"http://127.0.0.1:{port}") as late:
            assert await late.alive(), "there is room again"


async def listening(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


def check_answers(ice: dict[str, str], media_port: int) -> None:
    """Asks the media port as a browser does."""
    transaction = os.urandom(12)
    request = stun.binding_request(
        transaction,
        f"{ice['usernameFragment']}:me",
        ice["password"].encode(),
        priority=1,
        controlling=1,
        use_candidate=True,
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(PATIENCE_S)
        udp.sendto(request, ("127.0.0.1", media_port))
        answer = stun.parse(udp.recv(2048))
    assert answer.transaction_id == transaction and answer.error_code is None
