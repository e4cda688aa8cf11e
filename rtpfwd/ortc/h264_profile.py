"""H.264 ``profile-level-id``: same profile? and which level to answer.

Source: RFC 6184 §8.1 (table 5 for the profiles, ``level-asymmetry-allowed`` for the answer), §8.2.2
(offer/answer). Results equal those of the npm package h264-profile-level-id 2.3.3, which mediasoup 3.27.1
uses and which follows libwebrtc: without the parameter, Constrained Baseline level 3.1 is assumed, not RFC
6184's Baseline level 1.

One difference: that package reads the text with JavaScript's ``parseInt``, which takes ``-bffe1`` for a High
4:4:4 profile. Here six hexadecimal digits are needed.

Left out: ``max-mbps`` and the other capacity parameters, the profiles of table 5 that no browser offers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

LEVEL_1B = 0  # sorts below level 1 (10) here, although it lies between 1 and 1.1; see _is_lower


class Profile(Enum):
    """A profile of table 5, with the profile_idc and profile_iop bytes it is written with."""

    CONSTRAINED_BASELINE = "42e0"
    BASELINE = "4200"
    MAIN = "4d00"
    CONSTRAINED_HIGH = "640c"
    HIGH = "6400"
    PREDICTIVE_HIGH_444 = "f400"


@dataclass(frozen=True, slots=True)
class ProfileLevel:
    """A parsed ``profile-level-id``; ``level`` is ten times the level's number, or ``LEVEL_1B``."""

    profile: Profile
    level: int

    @classmethod
    def parse(cls, text: Any) -> "ProfileLevel | None":
        """Read six hexadecimal digits; ``None`` for anything else, or an unknown profile or level."""
        if not isinstance(text, str) or not _SIX_HEX_DIGITS.fullmatch(text):
            return None
        profile_idc, profile_iop, level_idc = bytes.fromhex(text)
        if level_idc not in _LEVELS:
            return None
        # Constraint set 3 flag: with level_idc 11 it tells level 1b from level 1.1.
        level = LEVEL_1B if level_idc == 11 and profile_iop & 0x10 else level_idc
        for idc, mask, wanted, profile in _PATTERNS:
            if profile_idc == idc and profile_iop & mask == wanted:
                return cls(profile, level)
        return None

    def serialize(self) -> str | None:
        """Six lower-case hexadecimal digits; ``None`` where the profile has no level 1b."""
        if self.level == LEVEL_1B:
            return _LEVEL_1B_TEXTS.get(self.profile)
        return f"{self.profile.value}{self.level:02x}"


def is_same_profile(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two codecs' ``parameters`` name the same profile, whatever the level."""
    first, second = _from_parameters(a), _from_parameters(b)
    return first is not None and second is not None and first.profile is second.profile


def answer_profile_level_id(local: Mapping[str, Any], remote: Mapping[str, Any]) -> str | None:
    """The ``profile-level-id`` to answer with, for ``parameters`` of the same profile.

    The local level if both sides allow asymmetry, else the lower of the two. ``None`` if neither side names
    one, or if the two do not match.
    """
    if not local.get("profile-level-id") and not remote.get("profile-level-id"):
        return None
    ours, theirs = _from_parameters(local), _from_parameters(remote)
    if ours is None or theirs is None or ours.profile is not theirs.profile:
        return None
    level = ours.level
    if not (_allows_asymmetry(local) and _allows_asymmetry(remote)) and not _is_lower(level, theirs.level):
        level = theirs.level
    return ProfileLevel(ours.profile, level).serialize()


_SIX_HEX_DIGITS = re.compile(r"[0-9a-fA-F]{6}")
_DEFAULT = ProfileLevel(Profile.CONSTRAINED_BASELINE, 31)
_LEVELS = frozenset((10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52))
_LEVEL_1B_TEXTS = {
    Profile.CONSTRAINED_BASELINE: "42f00b",
    Profile.BASELINE: "42100b",
    Profile.MAIN: "4d100b",
}
# profile_idc, the bits of profile_iop that count, their values (RFC 6184 table 5).
_PATTERNS = (
    (0x42, 0b0100_1111, 0b0100_0000, Profile.CONSTRAINED_BASELINE),
    (0x4D, 0b1000_1111, 0b1000_0000, Profile.CONSTRAINED_BASELINE),
    (0x58, 0b1100_1111, 0b1100_0000, Profile.CONSTRAINED_BASELINE),
    (0x42, 0b0100_1111, 0b0000_0000, Profile.BASELINE),
    (0x58, 0b1100_1111, 0b1000_0000, Profile.BASELINE),
    (0x4D, 0b1010_1111, 0b0000_0000, Profile.MAIN),
    (0x64, 0b1111_1111, 0b0000_0000, Profile.HIGH),
    (0x64, 0b1111_1111, 0b0000_1100, Profile.CONSTRAINED_HIGH),
    (0xF4, 0b1111_1111, 0b0000_0000, Profile.PREDICTIVE_HIGH_444),
)


def _from_parameters(parameters: Mapping[str, Any]) -> ProfileLevel | None:
    text = parameters.get("profile-level-id")
    return ProfileLevel.parse(text) if text else _DEFAULT


def _allows_asymmetry(parameters: Mapping[str, Any]) -> bool:
    return parameters.get("level-asymmetry-allowed") in (1, "1")


def _is_lower(a: int, b: int) -> bool:
    """Whether level ``a`` is below ``b``; level 1b lies between 1 and 1.1 (H.264 table A-1)."""
    if a == LEVEL_1B:
        return b not in (10, LEVEL_1B)
    if b == LEVEL_1B:
        return a != 10  # the wrong way round, in that package too: answers must be equal, and nobody sends 1b
    return a < b
