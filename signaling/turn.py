"""The ``iceServers`` that clients are handed: STUN, and TURN with credentials that expire.

TURN credentials follow coturn's ``use-auth-secret`` (draft-uberti-behave-turn-rest-00): the user name is
``expiry:user`` with the expiry in seconds since 1970, the password is the base64 of HMAC-SHA1 over the user
name under the secret that the TURN server knows too. So a password that leaks is worth nothing soon, and the
TURN server asks nobody.

A TURN server looks at the expiry again when a client makes a new allocation, an ICE restart for one: the
lifetime should be longer than a call.
"""

import base64
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .settings import Settings


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of one client, as RTCIceServer names them."""

    username: str
    credential: str


def turn_credentials(secret: str, user: str, expires_at: int) -> Credentials:
    """Credentials of ``user`` until ``expires_at``, seconds since 1970."""
    username = f"{expires_at}:{user}"
    digest = hmac.digest(secret.encode(), username.encode(), "sha1")
    return Credentials(username, base64.b64encode(digest).decode())


class IceServers:
    """Hands them out. ``clock`` is seconds since 1970."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock

    def of(self, user: str) -> list[dict[str, Any]]:
        """RTCIceServer dictionaries for one peer, those of the setting ``ice_servers`` first."""
        settings = self._settings
        servers = list(settings.ice_servers)
        if settings.stun_urls:
            servers.append({"urls": list(settings.stun_urls)})
        if settings.turn_urls and settings.turn_secret is not None:
            expires_at = int(self._clock() + settings.turn_ttl_s)
            made = turn_credentials(settings.turn_secret, user, expires_at)
            servers.append(
                {
                    "urls": list(settings.turn_urls),
                    "username": made.username,
                    "credential": made.credential,
                }
            )
        return servers
