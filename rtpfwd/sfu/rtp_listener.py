"""Whose is a new SSRC? The three tables of a transport: SSRC, MID, RID.

Source: RFC 9143 §9.2 (BUNDLE), RFC 8852 (RID); the order SSRC, MID, RID, and RID alone only without a MID, is
mediasoup's ``RtpListener``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtpfwd.dataplane.interface import UnknownSsrc
from rtpfwd.errors import InvalidParameters
from rtpfwd.ortc.json_values import JsonObject
from rtpfwd.sfu.dump import pairs

if TYPE_CHECKING:
    from rtpfwd.sfu.producer import Producer


class RtpListener:
    """The producers of one transport by what their packets carry."""

    def __init__(self) -> None:
        self._by_ssrc: dict[int, Producer] = {}
        self._by_mid: dict[str, Producer] = {}
        self._by_rid: dict[str, Producer] = {}

    def add(self, producer: Producer) -> None:
        """Claim a producer's SSRCs, MID and RIDs. Raises ``InvalidParameters`` when another has one of
        them.
        """
        parameters = producer.parameters
        ssrcs = producer.signaled_ssrcs()
        if len(set(ssrcs)) != len(ssrcs):
            raise InvalidParameters("duplicate ssrc in rtpParameters.encodings")
        for ssrc in ssrcs:
            if ssrc in self._by_ssrc:
                raise InvalidParameters(f"ssrc {ssrc} already exists in RTP listener")
        if parameters.mid and parameters.mid in self._by_mid:
            raise InvalidParameters(f"MID {parameters.mid!r} already exists in RTP listener")
        rids = [encoding.rid for encoding in parameters.encodings if encoding.rid]
        if not parameters.mid:
            for rid in rids:
                if rid in self._by_rid:
                    raise InvalidParameters(f"RID {rid!r} already exists in RTP listener")
        for ssrc in ssrcs:
            self._by_ssrc[ssrc] = producer
        if parameters.mid:
            self._by_mid[parameters.mid] = producer
        for rid in rids:
            self._by_rid.setdefault(rid, producer)

    def learn(self, ssrc: int, producer: Producer) -> None:
        """An SSRC that a producer has claimed on the wire."""
        self._by_ssrc[ssrc] = producer

    def remove(self, producer: Producer) -> None:
        """Forget a producer."""
        self._by_ssrc = {ssrc: owner for ssrc, owner in self._by_ssrc.items() if owner is not producer}
        self._by_mid = {mid: owner for mid, owner in self._by_mid.items() if owner is not producer}
        self._by_rid = {rid: owner for rid, owner in self._by_rid.items() if owner is not producer}

    def find(self, unknown: UnknownSsrc) -> Producer | None:
        """The producer that a packet of a new SSRC belongs to."""
        known = self._by_ssrc.get(unknown.ssrc)
        if known is not None:
            return known
        if unknown.mid is not None:
            return self._by_mid.get(unknown.mid)
        rid = unknown.rid if unknown.rid is not None else unknown.repaired_rid
        return self._by_rid.get(rid) if rid is not None else None

    def dump(self) -> JsonObject:
        """mediasoup's three tables: key -> producer id."""
        return {
            "ssrcTable": pairs({ssrc: producer.id for ssrc, producer in self._by_ssrc.items()}),
            "midTable": pairs({mid: producer.id for mid, producer in self._by_mid.items()}),
            "ridTable": pairs({rid: producer.id for rid, producer in self._by_rid.items()}),
        }
