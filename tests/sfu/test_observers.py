"""The two observers of a router, in virtual time, over whole peers."""

from typing import Any

import pytest

from rtpfwd.clock import milliseconds, seconds
from rtpfwd.drivers.fake_media import MediaSource
from rtpfwd.errors import InvalidParameters, InvalidState, NotFoundError
from rtpfwd.sfu.producer import Producer
from tests.scenarios.call import Call, Client, camera, microphone
from tests.support.voices import coughing, quiet, steady, talking


class Party:
    """A call in which everybody has a microphone, and both observers listen. Names go in and come out."""

    def __init__(self, *names: str, **audio_level: Any) -> None:
        self.call = Call(keys=True)
        self.levels = self.call.router.create_audio_level_observer(**audio_level)
        self.speaker = self.call.router.create_active_speaker_observer()
        self.clients: dict[str, Client] = {}
        self.producers: dict[str, Producer] = {}
        self.sources: dict[str, MediaSource] = {}
        self.said: list[Any] = []
        """Names of dominant speakers, lists of (name, volume), and ``silence``."""
        for name in names:
            self.join(name)
        self.speaker.on("dominantspeaker", lambda it: self.said.append(self.name(it["producer"])))
        self.levels.on(
            "volumes", lambda all_: self.said.append([(self.name(v["producer"]), v["volume"]) for v in all_])
        )
        self.levels.on("silence", lambda: self.said.append("silence"))

    def join(self, name: str) -> None:
        client = self.clients[name] = self.call.join()
        producer, (source,) = client.produce(microphone(0x2000 + len(self.clients)), app_data={"name": name})
        source.loudness = quiet
        self.producers[name], self.sources[name] = producer, source
        for observer in (self.levels, self.speaker):
            observer.add_producer(producer.id, now=self.call.network.now)

    def name(self, producer: Producer) -> str:
        return str(producer.app_data["name"])

    def goes_on(self, duration_s: float, **voices: Any) -> list[Any]:
        """What the observers say while these speak like that; everybody else is as before."""
        for name, voice in voices.items():
            self.sources[name].loudness = voice
        self.said.clear()
        self.call.run(duration_s)
        return list(self.said)

    def turns(self, duration_s: float, **voices: Any) -> list[str]:
        """The dominant speakers alone."""
        return [
            one for one in self.goes_on(duration_s, **voices) if isinstance(one, str) and one != "silence"
        ]

    def volumes(self, duration_s: float, **voices: Any) -> list[Any]:
        """The audio levels and silences alone."""
        return [
            one for one in self.goes_on(duration_s, **voices) if isinstance(one, list) or one == "silence"
        ]


# -- the active speaker --------------------------------------------------------------------------------


def test_two_people_talk_in_turn():
    party = Party("ann", "bob")
    assert party.turns(2) == [], "nobody has said a word"
    assert party.turns(4, ann=talking) == ["ann"]
    assert party.turns(1.5, ann=quiet, bob=talking) == ["bob"], "after a second and a half at most"
    assert party.turns(4) == []
    assert party.turns(1.5, ann=talking, bob=quiet) == ["ann"]


@pytest.mark.parametrize("every_ms", [1100, 1700, 2300])
def test_a_cough_does_not_steal_the_floor(every_ms: int):
    party = Party("ann", "bob")
    assert party.turns(3, ann=talking) == ["ann"]
    assert party.turns(6, bob=coughing(milliseconds(every_ms))) == []


def test_who_talks_along_does_not_steal_it_either():
    party = Party("ann", "bob")
    assert party.turns(3, ann=talking) == ["ann"]
    assert party.turns(5, bob=lambda at: talking(at)) == []


def test_silence_leaves_the_floor_where_it_is():
    party = Party("ann", "bob")
    party.turns(3, ann=talking)
    assert party.turns(5, ann=quiet) == []
    assert party.speaker.dump()["dominantProducerId"] == party.producers["ann"].id


def test_when_the_dominant_producer_closes_the_next_who_talks_gets_the_floor():
    party = Party("ann", "bob", "eve")
    assert party.turns(3, ann=talking) == ["ann"]
    party.turns(1, bob=talking)
    party.producers["ann"].close(now=party.call.network.now)
    assert party.turns(0.1) == ["bob"], "at once"
    assert list(party.speaker.dump()["producerIds"]) == [party.producers[name].id for name in ("bob", "eve")]
    assert party.turns(2, bob=quiet, eve=talking) == ["eve"]


def test_when_the_last_one_leaves_nothing_is_said_and_no_timer_is_left():
    party = Party("ann")
    assert party.goes_on(1.2, ann=talking)[0] == "ann"
    party.clients["ann"].leave()
    assert party.goes_on(3) == ["silence"]
    assert party.speaker.dump()["dominantProducerId"] is None
    assert party.call.worker.next_timeout() is None


def test_the_muted_lose_the_floor_and_win_it_by_speaking():
    party = Party("ann", "bob")
    assert party.turns(3, ann=talking) == ["ann"]
    party.producers["ann"].pause(now=party.call.network.now)
    assert party.turns(3) == [], "what is sent in spite of it is not heard"
    assert party.turns(2, bob=talking) == ["bob"]
    party.producers["bob"].pause(now=party.call.network.now)
    party.producers["ann"].resume(now=party.call.network.now)
    assert party.turns(2) == ["ann"]


def test_a_producer_that_tells_no_levels_never_has_the_floor():
    party = Party("ann", "bob")
    assert party.turns(3, ann=None, bob=quiet) == []
    assert party.turns(2, bob=talking) == ["bob"]


# -- audio levels --------------------------------------------------------------------------------------


def test_the_loudest_are_named_first_and_the_rest_is_left_out():
    party = Party("ann", "bob", "eve", max_entries=2)
    said = party.volumes(3, ann=steady(60), bob=steady(20), eve=steady(40))
    assert said[-2:] == [[("bob", -20), ("eve", -40)]] * 2
    assert len(said) == 3, "once a second"


def test_silence_is_said_once_and_levels_again_when_there_are_some():
    party = Party("ann")
    assert party.volumes(3, ann=steady(90)) == [], "it was silent before"
    assert party.volumes(2.1, ann=steady(30))[-1] == [("ann", -30)]
    assert party.volumes(4, ann=steady(90))[-1:] == ["silence"]
    assert party.volumes(3) == []


@pytest.mark.parametrize(("threshold", "told"), [(-30, True), (-29, False), (-127, True), (0, False)])
def test_who_is_below_the_threshold_is_silent(threshold: int, told: bool):
    party = Party("ann", threshold=threshold)
    assert bool(party.volumes(2.5, ann=steady(30))) is told


def test_too_few_packets_say_nothing():
    party = Party("ann")
    party.call.run(1.0)
    party.sources["ann"].paused = True
    party.call.run(1.0)
    party.volumes(1, ann=steady(10))
    party.sources["ann"].paused = False
    party.call.run(0.15)
    party.sources["ann"].paused = True
    assert party.volumes(3) == []


@pytest.mark.parametrize(("asked_ms", "taken_ms"), [(1, 250), (250, 250), (5000, 5000), (60_000, 5000)])
def test_the_interval_is_brought_into_its_bounds(asked_ms: int, taken_ms: int):
    observer = Call(keys=True).router.create_audio_level_observer(interval_ms=asked_ms)
    assert observer.dump()["intervalMs"] == taken_ms


def test_both_observers_hear_everything_though_levels_are_taken_once():
    party = Party("ann", "bob", interval_ms=700)
    other = party.call.router.create_audio_level_observer(interval_ms=500)
    other.add_producer(party.producers["ann"].id, now=party.call.network.now)
    heard: list[int] = []
    other.on("volumes", lambda volumes: heard.append(volumes[0]["volume"]))
    assert set(map(str, party.volumes(4.3, ann=steady(30))[1:])) == {"[('ann', -30)]"}
    assert heard[1:] == [-30] * (len(heard) - 1) and len(heard) == 8


# -- objects -------------------------------------------------------------------------------------------


def test_a_paused_observer_hears_nothing_and_says_only_that_it_is_silent():
    party = Party("ann")
    assert party.goes_on(2.5, ann=talking)
    party.levels.pause()
    party.speaker.pause()
    assert party.goes_on(3) == ["silence"]
    party.levels.resume(now=party.call.network.now)
    party.speaker.resume(now=party.call.network.now)
    assert party.volumes(2.1)[0][0][0] == "ann"


def test_observers_end_with_their_router_and_by_themselves():
    party = Party("ann")
    said: list[str] = []
    for event in ("routerclose", "close"):
        party.levels.on(event, lambda event=event: said.append(f"levels {event}"))
        party.speaker.on(event, lambda event=event: said.append(f"speaker {event}"))
    party.levels.close()
    party.levels.close()
    party.call.router.close(now=party.call.network.now)
    party.call.run(1)
    assert said == ["levels close", "speaker routerclose", "speaker close"]
    assert party.levels.closed and party.speaker.closed and not party.call.router.rtp_observers
    for call in (party.levels.pause, lambda: party.speaker.resume(now=party.call.network.now)):
        with pytest.raises(InvalidState):
            call()


def test_only_audio_producers_of_this_router_are_taken_and_each_once():
    party = Party("ann")
    now = party.call.network.now
    video, _ = party.clients["ann"].produce(camera(0x9000))
    with pytest.raises(InvalidParameters, match="not an audio Producer"):
        party.speaker.add_producer(video.id, now=now)
    with pytest.raises(InvalidState):
        party.levels.add_producer(party.producers["ann"].id, now=now)
    for call in (party.levels.add_producer, party.levels.remove_producer):
        with pytest.raises(NotFoundError, match="nobody"):
            call("nobody", now=now)


@pytest.mark.parametrize(
    "options",
    [
        {"max_entries": 0},
        {"max_entries": "2"},
        {"threshold": 1},
        {"threshold": -128},
        {"threshold": None},
        {"interval_ms": "1000"},
        {"interval_ms": True},
        {"app_data": 7},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]):
    router = Call(keys=True).router
    with pytest.raises(InvalidParameters):
        router.create_audio_level_observer(**options)
    assert router.rtp_observers == {} and router.dump()["rtpObserverIds"] == []


def test_removing_a_producer_is_told_and_ends_what_is_said_of_it():
    party = Party("ann", "bob")
    told: list[tuple[str, str]] = []
    for event in ("addproducer", "removeproducer"):
        party.levels.on(event, lambda producer, event=event: told.append((event, party.name(producer))))
    now = party.call.network.now
    party.levels.remove_producer(party.producers["ann"].id, now=now)
    party.levels.remove_producer(party.producers["ann"].id, now=now)
    assert party.volumes(2.5, ann=steady(10), bob=steady(30))[-1] == [("bob", -30)]
    party.levels.add_producer(party.producers["ann"].id, now=party.call.network.now)
    assert party.volumes(2.5)[-1] == [("ann", -10)]
    assert told[-2:] == [("removeproducer", "ann"), ("addproducer", "ann")]


def test_the_router_dumps_who_observes_whom():
    party = Party("ann")
    dump = party.call.router.dump()
    ids = [party.levels.id, party.speaker.id]
    assert dump["rtpObserverIds"] == ids
    assert dump["mapProducerIdObserverIds"] == [{"key": party.producers["ann"].id, "values": ids}]
    assert (party.levels.type, party.speaker.type) == ("audiolevel", "activespeaker")


def test_an_hour_of_a_silent_room_without_microphones_costs_nothing():
    call = Call(keys=True)
    call.router.create_audio_level_observer()
    call.router.create_active_speaker_observer()
    assert call.worker.next_timeout() is None
    call.network.run_for(seconds(3600))
