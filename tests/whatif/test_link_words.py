"""Links by name or in words."""

import pytest

from rtpfwd.drivers.netem import emulate
from rtpfwd.drivers.whatif.link_words import LINKS, describe_link, parse_link
from rtpfwd.errors import CallerError, InvalidParameters, NotFoundError


def test_words_become_figures():
    spec = parse_link("rate=1M,delay=40ms,loss=2%,jitter=5,burst=3,queue=0.1s")
    assert (spec.rate_bps, spec.delay_us, spec.loss) == (1_000_000, 40_000, 0.02)
    assert (spec.jitter_us, spec.loss_burst, spec.queue_us) == (5_000, 3.0, 100_000)


def test_a_name_can_be_changed_in_part():
    spec = parse_link("wifi,rate=800k")
    assert (spec.loss, spec.rate_bps) == (LINKS["wifi"].loss, 800_000)


@pytest.mark.parametrize("name", LINKS)
def test_every_named_link_can_be_built_and_described(name):
    assert emulate(parse_link(name), seed=1).spec == LINKS[name]
    assert describe_link(LINKS[name])


@pytest.mark.parametrize(
    "text",
    ["", "nowhere", "rate", "rate=", "rate=fast", "delay=1h", "delay=-1", "delay=9999s", "loss=2", "loss=nan",
     "loss=101%", "burst=0", "speed=1M", "wifi,5", "clean,,", "rate=1e99"],
)  # fmt: skip
def test_anything_else_is_refused_in_words(text):
    with pytest.raises(CallerError) as raised:
        parse_link(text)
    assert isinstance(raised.value, InvalidParameters | NotFoundError)
