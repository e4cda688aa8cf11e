"""What a client is told when a request cannot be done: a code from a fixed list and a sentence.

A refusal never says whether an id that is not the asker's exists.
"""

from enum import StrEnum
from typing import Any

from rtpfwd.errors import (
    CallerError,
    InvalidParameters,
    InvalidState,
    LimitExceeded,
    NotFoundError,
    UnsupportedError,
)


class Code(StrEnum):
    """Every ``code`` that an answer can carry."""

    BAD_REQUEST = "bad_request"  # the message does not fit its schema; the text names the field
    BAD_RTP_PARAMETERS = "bad_rtp_parameters"  # rtpParameters or rtpCapabilities are not acceptable
    NOT_FOUND = "not_found"  # no such id, or not yours: the two are told alike
    FORBIDDEN = "forbidden"  # the token does not grant it, or a moderator removed its holder
    INVALID_STATE = "invalid_state"  # not joined, joined already, connected already, closed ...
    LIMIT_EXCEEDED = "limit_exceeded"  # the text names the limit
    ROOM_FULL = "room_full"
    ROOM_LOCKED = "room_locked"  # a moderator locked it
    DRAINING = "draining"  # the server is about to stop and takes nobody new
    TOKEN_INVALID = "token_invalid"  # of a token: missing, forged, expired or of another room
    UNSUPPORTED = "unsupported"  # unknown event, or codecs that this server or the client cannot handle
    INTERNAL = "internal"  # our fault; the log has more


class Refusal(Exception):
    """A request is refused. ``message`` is for people and holds nothing that other clients typed."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def from_caller_error(error: CallerError, *, rtp: bool = False) -> Refusal:
    """What rtpfwd refused, in the contract's words. ``rtp`` says that the request carried RTP parameters."""
    match error:
        case InvalidParameters():
            code = Code.BAD_RTP_PARAMETERS if rtp else Code.BAD_REQUEST
        case UnsupportedError():
            code = Code.UNSUPPORTED
        case NotFoundError():
            return Refusal(Code.NOT_FOUND, "no such id")
        case LimitExceeded():
            code = Code.LIMIT_EXCEEDED
        case InvalidState():
            code = Code.INVALID_STATE
        case _:
            code = Code.BAD_REQUEST
    return Refusal(code, str(error)[:300])


def as_text(refusal: Refusal) -> dict[str, Any]:
    """Part 1's shape."""
    return {"error": refusal.message, "code": refusal.code.value}


def as_params(refusal: Refusal) -> dict[str, Any]:
    """Part 1's shape where answers are wrapped."""
    return {"params": as_text(refusal)}


def as_object(refusal: Refusal) -> dict[str, Any]:
    """Part 2's shape."""
    return {"error": {"code": refusal.code.value, "message": refusal.message}}
