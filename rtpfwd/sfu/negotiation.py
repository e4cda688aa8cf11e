"""What one transport agrees on with its peer for each producer and consumer: ortc, CNAME and MIDs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from rtpfwd import ortc
from rtpfwd.errors import InvalidParameters
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.ortc.rtp_parameters import RtpMapping, RtpParameters, parse_rtp_mapping, parse_rtp_parameters
from rtpfwd.protocols.ice_lite import Entropy
from rtpfwd.sfu.checks import check_mid
from rtpfwd.sfu.producer import Producer

MAX_MID = 100_000_000  # eight digits (mediasoup)


class ProducerTerms(NamedTuple):
    """A producer's parameters as given and completed, parsed, and as consumers see them."""

    rtp_parameters: JsonObject
    parameters: RtpParameters
    consumable: JsonObject
    mapping: RtpMapping


class Negotiation:
    """One for each transport. ``capabilities`` gives those of its router."""

    def __init__(
        self, capabilities: Callable[[], JsonObject], entropy: Entropy, new_cname: Callable[[], str]
    ) -> None:
        self._capabilities = capabilities
        self._entropy = entropy
        self._new_cname = new_cname
        self._cname: str | None = None
        self._next_mid = 0

    def producer(self, kind: str, rtp_parameters: Any) -> ProducerTerms:
        """Terms for a producer. Raises ``InvalidParameters`` and ``UnsupportedError``."""
        capabilities = self._capabilities()
        normalised = ortc.get_producer_rtp_parameters(rtp_parameters, capabilities)
        self._set_cname(normalised)
        mapping = ortc.get_producer_rtp_parameters_mapping(normalised, capabilities, entropy=self._entropy)
        consumable = ortc.get_consumable_rtp_parameters(kind, normalised, capabilities, mapping)
        parameters = parse_rtp_parameters(normalised)
        if any(codec.kind != kind for codec in parameters.codecs):
            raise InvalidParameters(f"rtpParameters.codecs: not all are of kind {kind}")
        return ProducerTerms(normalised, parameters, consumable, parse_rtp_mapping(mapping))

    def consumer(
        self, producer: Producer, rtp_capabilities: Any, enable_rtx: bool | None, mid: str | None
    ) -> JsonObject:
        """For a consumer of ``producer``. Raises ``InvalidParameters`` and ``UnsupportedError``."""
        check_mid(mid)
        rtp_parameters = ortc.get_consumer_rtp_parameters(
            consumable_rtp_parameters=producer.consumable_rtp_parameters,
            remote_rtp_capabilities=rtp_capabilities,
            pipe=False,
            enable_rtx=producer.kind == "video" if enable_rtx is None else enable_rtx,
            entropy=self._entropy,
        )
        rtp_parameters["mid"] = mid if mid is not None else self._new_mid()
        return rtp_parameters

    def _set_cname(self, rtp_parameters: JsonObject) -> None:
        # The first producer's CNAME is everybody's on this transport: one peer, one clock (mediasoup).
        rtcp = rtp_parameters.setdefault("rtcp", {})
        if self._cname is None:
            self._cname = rtcp.get("cname") or self._new_cname()
        rtcp["cname"] = self._cname

    def _new_mid(self) -> str:
        mid = str(self._next_mid)
        self._next_mid = (self._next_mid + 1) % MAX_MID
        return mid
