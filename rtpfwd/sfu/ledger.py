"""What a worker decided and why: a bounded ring of decisions, looked up by subject.

Not of packets (those have counters and captures) but of everything the control plane chose: layers,
estimates, probes, key frame requests, what publishers should send. Words come from enumerations only, so that
a capture can be searched; none of the systems in this field has such a ledger.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from rtpfwd.clock import Instant
from rtpfwd.ortc.json_values import JsonObject

Value = int | float | tuple[int, ...] | None
"""A state before or after: a number, layers as (spatial, temporal), or nothing."""


class SubjectKind(StrEnum):
    """Whom a decision is about."""

    CONSUMER = "consumer"
    PRODUCER = "producer"
    TRANSPORT = "transport"
    TUNABLE = "tunable"
    """A setting of the worker; the subject's id is its name."""


class What(StrEnum):
    """What was decided."""

    LAYERS = "layers"
    """The layers that a consumer shall get; (spatial, temporal)."""
    LAYERS_SWITCHED = "layersSwitched"
    """The layers that it does get."""
    KEY_FRAME_REQUEST = "keyFrameRequest"
    """A publisher was asked for a key frame, or was not."""
    ESTIMATE = "estimate"
    """The bandwidth towards a transport, in bits per second."""
    PROBE = "probe"
    """Padding was sent to find out whether there is more."""
    TUNABLE = "tunable"
    """The value of a setting, changed while the worker runs."""
    WANTED_LAYERS = "wantedLayers"
    """The highest spatial layer that a publisher should send; -1: none."""


class LedgerReason(StrEnum):
    """Reasons other than those of allocation (``congestion.demands.Reason``) and of the estimator."""

    ASKED = "asked"
    """The peer or the application asked for it."""
    SOURCE_SWITCH = "source_switch"
    """A switch to other layers needs it."""
    UPGRADE = "upgrade"
    """Better layers shall be sent if the link bears them."""
    REPEATED = "repeated"
    """The first one was not answered."""
    WITHHELD = "withheld"
    """One is under way already, or there were too many lately."""
    WANTED = "wanted"
    UNWANTED = "unwanted"
    SWITCHED = "switched"


class Figure(StrEnum):
    """The numbers that a decision rests on."""

    NEEDED_BPS = "neededBps"
    AVAILABLE_BPS = "availableBps"
    ESTIMATE_BPS = "estimateBps"
    DESIRED_BPS = "desiredBps"
    SENT_BPS = "sentBps"
    LOST_PERMILLE = "lostPermille"
    RTT_US = "rttUs"
    WAIT_US = "waitUs"
    SSRC = "ssrc"
    CLUSTER = "cluster"


Figures = Mapping[str, int | float | str | None]
"""By ``Figure``, or by a name that ends in its unit (those of the estimate)."""

_NO_FIGURES: Figures = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """Tunables of the ledger."""

    decisions: int = 4096
    """Kept at most, of all subjects together; the oldest go first. 0: none."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. ``reason`` is a member of a ``StrEnum``; its text is what is shown."""

    number: int
    """Counts all decisions of the worker from 0: a gap shows that some have gone."""
    at: Instant
    subject_kind: SubjectKind
    subject_id: str
    what: What
    reason: StrEnum
    before: Value = None
    after: Value = None
    figures: Figures = field(default_factory=lambda: _NO_FIGURES)

    def to_json(self) -> JsonObject:
        """As JSON: layers are lists, absent values are absent, times are microseconds."""
        view: JsonObject = {
            "number": self.number,
            "at": self.at,
            "subjectKind": self.subject_kind.value,
            "subjectId": self.subject_id,
            "what": self.what.value,
            "reason": self.reason.value,
        }
        for name, value in (("before", self.before), ("after", self.after)):
            if value is not None:
                view[name] = list(value) if isinstance(value, tuple) else value
        if self.figures:
            view["figures"] = {str(name): value for name, value in self.figures.items() if value is not None}
        return view


class Ledger:
    """One for each worker."""

    __slots__ = ("_decisions", "noted")

    def __init__(self, settings: LedgerSettings) -> None:
        self._decisions: deque[Decision] = deque(maxlen=settings.decisions)
        self.noted = 0
        """How many decisions there have been; of these, ``noted - len(ledger)`` are no longer kept."""

    def note(
        self,
        at: Instant,
        subject_kind: SubjectKind,
        subject_id: str,
        what: What,
        reason: StrEnum,
        before: Value = None,
        after: Value = None,
        figures: Figures = _NO_FIGURES,
    ) -> Decision:
        """Write a decision down. ``figures`` must not be changed afterwards."""
        decision = Decision(self.noted, at, subject_kind, subject_id, what, reason, before, after, figures)
        self.noted += 1
        self._decisions.append(decision)
        return decision

    def of(
        self, subject_id: str, what: What | None = None, since: int = 0, at_most: int | None = None
    ) -> list[Decision]:
        """The decisions about a subject, oldest first: from number ``since`` on, the latest ``at_most``."""
        found = [
            decision
            for decision in self._decisions
            if decision.subject_id == subject_id
            and decision.number >= since
            and (what is None or decision.what is what)
        ]
        return found if at_most is None else found[max(len(found) - at_most, 0) :]

    def last(self, subject_id: str, what: What) -> Decision | None:
        """The latest such decision about a subject, if it is still kept."""
        for decision in reversed(self._decisions):
            if decision.subject_id == subject_id and decision.what is what:
                return decision
        return None

    def to_json(self, since: int = 0) -> JsonObject:
        """All that is kept, from number ``since`` on: ``{noted, decisions}``."""
        return {
            "noted": self.noted,
            "decisions": [decision.to_json() for decision in self._decisions if decision.number >= since],
        }

    def __iter__(self) -> Iterator[Decision]:
        return iter(self._decisions)

    def __len__(self) -> int:
        return len(self._decisions)
