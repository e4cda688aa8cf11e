"""The requests of the signaling contract as strict models: camelCase outside, snake_case inside.

Unknown extra fields are tolerated (clients differ), ``null`` counts as absent, everything else must fit
exactly: no number for a string, no string for a number. What does not fit raises ``Refusal`` with
``bad_request`` and the field's name. RTP parameters, RTP capabilities and DTLS parameters stay dictionaries
here: ``rtpfwd`` checks those.
"""

import json
import math
import unicodedata
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel

from .refusal import Code, Refusal
from .settings import Limits

BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
PATH_SHOWN = 120  # characters of a path in an error text; bounds the work for keys that are very long
UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control, lone surrogate, line and paragraph separator


def _limits(info: ValidationInfo) -> Limits:
    return info.context if isinstance(info.context, Limits) else Limits()


def _at_most(text: str, longest: int) -> None:
    if len(text) > longest:
        raise ValueError(f"longer than {longest} characters")


def _one_line(text: str) -> None:
    if any(unicodedata.category(char) in UNPRINTABLE or char in BIDI_CONTROLS for char in text):
        raise ValueError("control characters are not allowed")


def _room_name(text: str, info: ValidationInfo) -> str:
    _at_most(text, _limits(info).room_name_length)
    _one_line(text)
    if not text.strip():
        raise ValueError("empty")
    return text


def _display_name(text: str, info: ValidationInfo) -> str:
    _at_most(text, _limits(info).display_name_length)
    _one_line(text)
    if not text.strip():
        raise ValueError("empty")
    return text.strip()


def _chat_text(text: str, info: ValidationInfo) -> str:
    _at_most(text, _limits(info).chat_length)
    text = text.replace("\r\n", "\n")
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in text):
        raise ValueError("control characters are not allowed")
    if not text.strip():
        raise ValueError("empty")
    return text


def _app_data(data: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    longest = _limits(info).app_data_bytes
    if len(json.dumps(data, separators=(",", ":"))) > longest:
        raise ValueError(f"longer than {longest} bytes")
    return data


Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
RoomName = Annotated[str, AfterValidator(_room_name)]
DisplayName = Annotated[str, AfterValidator(_display_name)]
AppData = Annotated[dict[str, Any], AfterValidator(_app_data)]
Layer = Annotated[int, Field(ge=0, le=7)]
Length = Annotated[int, Field(ge=0, le=16384)]


class Request(BaseModel):
    """Base of all requests."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", alias_generator=to_camel)


class Nothing(Request):
    """A request without fields: ``getProducers``, ``leaveRoom``."""


class JoinRoom(Request):
    """``joinRoom``.

    A client that sends any field but ``roomName`` is a part-2 client: it gets the resume window.
    """

    room_name: RoomName
    display_name: DisplayName | None = None
    token: Token | None = None
    resume_token: Token | None = None
    app_data: AppData | None = None
    resume: bool = False

    @property
    def part_two(self) -> bool:
        """Whether the client knows more than part 1 of the contract."""
        return bool(self.model_fields_set - {"room_name"})


class CreateTransport(Request):
    """``createWebRtcTransport``:

    ``consumer`` is true for receiving. Without ``roomName`` the socket's room is meant.
    """

    consumer: bool
    room_name: RoomName | None = None


class ConnectTransport(Request):
    """``transport-connect``: without ``transportId`` the one send transport is meant."""

    dtls_parameters: dict[str, Any]
    transport_id: Id | None = None


class ConnectReceiveTransport(Request):
    """``transport-recv-connect``."""

    dtls_parameters: dict[str, Any]
    server_consumer_transport_id: Id


class Produce(Request):
    """``transport-produce``: without ``transportId`` the one send transport is meant."""

    kind: Literal["audio", "video"]
    rtp_parameters: dict[str, Any]
    app_data: AppData = Field(default_factory=dict)
    transport_id: Id | None = None
    paused: bool = False


class Consume(Request):
    """``consume``."""

    rtp_capabilities: dict[str, Any]
    remote_producer_id: Id
    server_consumer_transport_id: Id
    app_data: AppData = Field(default_factory=dict)


class OfProducer(Request):
    """``producer-pause``, ``producer-resume``, ``producer-close``, ``peer-mute``."""

    producer_id: Id


class OfConsumer(Request):
    """``consumer-resume``, ``consumer-pause``, ``consumer-close``, ``consumer-request-key-frame``."""

    consumer_id: Id = Field(validation_alias=AliasChoices("consumerId", "serverConsumerId"))


class SetPreferredLayers(OfConsumer):
    """``consumer-set-preferred-layers``."""

    spatial_layer: Layer
    temporal_layer: Layer | None = None


class SetShownSize(OfConsumer):
    """``consumer-set-shown-size``: physical pixels; 0 by 0 while nobody looks at it."""

    width: Length
    height: Length


class SetPriority(OfConsumer):
    """``consumer-set-priority``: mediasoup's range."""

    priority: Annotated[int, Field(ge=1, le=255)]


class OfTransport(Request):
    """``restart-ice``."""

    transport_id: Id


class GetStats(Request):
    """``get-stats``: of one object, or of all the peer's transports."""

    transport_id: Id | None = None
    producer_id: Id | None = None
    consumer_id: Id | None = None


class LockRoom(Request):
    """``room-lock``."""

    locked: bool


class OfPeer(Request):
    """``peer-remove``."""

    peer_id: Id


class ChatSend(Request):
    """``chat-send``."""

    text: Annotated[str, AfterValidator(_chat_text)]


class SetDisplayName(Request):
    """``set-display-name``."""

    display_name: DisplayName


class RaiseHand(Request):
    """``raise-hand``."""

    raised: bool


class React(Request):
    """``react``: one of a fixed list."""

    reaction: Literal["thumbs-up", "heart", "clap", "laugh", "wow", "party"]


AnyRequest = TypeVar("AnyRequest", bound=Request)


def parse(model: type[AnyRequest], arguments: list[Any], limits: Limits) -> AnyRequest:
    """The one argument of an event as ``model``. Raises ``Refusal`` naming the field."""
    if len(arguments) > 1:
        raise Refusal(Code.BAD_REQUEST, f"one argument expected, got {len(arguments)}")
    payload = arguments[0] if arguments else None
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        if model is not Nothing:
            raise Refusal(Code.BAD_REQUEST, "the argument must be an object")
        payload = {}
    check_tree(payload, limits.nesting)
    present = {key: value for key, value in payload.items() if value is not None}
    try:
        return model.model_validate(present, context=limits)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        texts = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:3]]
        raise Refusal(Code.BAD_REQUEST, "; ".join(texts)) from None


def check_tree(payload: dict[str, Any], deepest: int) -> None:
    """Refuses numbers that are not finite and more than ``deepest`` levels, naming the path to the first."""
    waiting: list[tuple[str, Any, int]] = [("", payload, 1)]
    while waiting:
        path, value, level = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value):
            raise Refusal(Code.BAD_REQUEST, f"{_shown(path)}: not a finite number")
        if isinstance(value, dict | list):
            if level > deepest:
                raise Refusal(Code.BAD_REQUEST, f"{_shown(path)}: nested deeper than {deepest} levels")
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            prefix = f"{path[:PATH_SHOWN]}." if path else ""
            waiting.extend((f"{prefix}{key}"[:PATH_SHOWN], item, level + 1) for key, item in pairs)


def answer(**fields: Any) -> dict[str, Any]:
    """An answer or push: keys given in camelCase, those that are ``None`` dropped: mediasoup-client chokes on
    some null.
    """
    return {key: value for key, value in fields.items() if value is not None}


def _shown(path: str) -> str:
    """A path fit for an error text: printable and short, as its parts were chosen by the client."""
    return "".join(char if char.isprintable() else "?" for char in path)
