"""Signed tokens: who may enter which room, under which name, and what they may do there.

A token is a JWT (RFC 7519) signed with HS256 under one of ``token_secrets``. The first secret signs, all of
them verify, so a secret is replaced by putting the new one in front and taking the old one out when its last
token has expired. Claims: ``room``, ``exp`` (both required), ``nbf``, ``name`` (the display name, which its
holder then cannot change) and ``grants``, an object of ``publish``, ``subscribe`` and ``moderate``; a grant
that is not named has the default of ``Grants``.

Without secrets everybody may enter every room, and nobody moderates. A token is looked at when somebody
enters: who is in stays in when it expires, and resumes with the resume token alone.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .messages import DisplayName, RoomName
from .refusal import Code, Refusal
from .settings import Limits

ALGORITHM = "HS256"
LEEWAY_S = 5.0
"""Between the clock of who made the token and ours."""


class Grants(BaseModel):
    """What a peer may do."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    publish: bool = True
    subscribe: bool = True
    moderate: bool = False


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a peer came in with."""

    grants: Grants = field(default_factory=Grants)
    name: str | None = None
    """The display name that the token fixes."""
    fingerprint: str | None = None
    """Tells tokens apart without keeping them."""

    def need(self, grant: str) -> None:
        """Refuses ``forbidden`` unless the grant of that name is given."""
        if not getattr(self.grants, grant):
            raise Refusal(Code.FORBIDDEN, f"the token does not grant: {grant}")


class Doorkeeper:
    """Looks at tokens. ``secrets`` are those of the settings, maybe none."""

    def __init__(self, secrets: Sequence[str], limits: Limits) -> None:
        self._secrets = tuple(secrets)
        self._limits = limits

    def admit(self, room_name: str, token: str | None) -> Ticket:
        """The ticket for that room. Refuses ``token_invalid``, with one sentence that says why."""
        if not self._secrets:
            return Ticket()
        if token is None:
            raise Refusal(Code.TOKEN_INVALID, "this server admits holders of a token only")
        claims = self._claims(token)
        if claims.room != room_name:
            raise Refusal(Code.TOKEN_INVALID, "the token is for another room")
        # Of what is signed: a signature can be written in several ways, all of which are right.
        signed = token.rpartition(".")[0]
        return Ticket(claims.grants, claims.name, hashlib.sha256(signed.encode()).hexdigest())

    def _claims(self, token: str) -> "_Claims":
        try:
            return _Claims.model_validate(self._verified(token), context=self._limits)
        except jwt.ExpiredSignatureError:
            why = "the token has expired"
        except jwt.ImmatureSignatureError:
            why = "the token is not valid yet"
        except ValidationError as error:
            why = "the token's claim is wrong: " + ".".join(str(part) for part in error.errors()[0]["loc"])
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError):
            # Only the header is the sender's own; PyJWT lets a few errors of its parsing through.
            why = "the token is not valid"
        raise Refusal(Code.TOKEN_INVALID, why)

    def _verified(self, token: str) -> dict[str, Any]:
        for secret in self._secrets[:-1]:
            try:
                return _decode(token, secret)
            except jwt.InvalidSignatureError:
                continue
        return _decode(token, self._secrets[-1])


def make_token(
    secret: str,
    room: str,
    *,
    expires_at: int,
    name: str | None = None,
    grants: Grants | None = None,
    not_before: int | None = None,
    limits: Limits | None = None,
) -> str:
    """A token; times are seconds since 1970. Raises ``ValueError`` naming the claim that nobody could use."""
    claims: dict[str, Any] = {"room": room, "exp": expires_at, "grants": (grants or Grants()).model_dump()}
    if name is not None:
        claims["name"] = name
    if not_before is not None:
        claims["nbf"] = not_before
    try:
        _Claims.model_validate(claims, context=limits or Limits())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return jwt.encode(claims, secret, ALGORITHM)


class _Claims(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    room: RoomName
    name: DisplayName | None = None
    grants: Grants = Field(default_factory=Grants)


def _decode(token: str, secret: str) -> dict[str, Any]:
    options: Any = {"require": ["exp", "room"], "verify_aud": False, "verify_iss": False}
    return jwt.decode(token, secret, [ALGORITHM], options=options, leeway=LEEWAY_S)
