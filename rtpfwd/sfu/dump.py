"""Maps as mediasoup 3.27 dumps them: lists of ``{key, value}`` or ``{key, values}``, because JSON has
string keys only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from rtpfwd.ortc.json_values import JsonObject

Key = TypeVar("Key", int, str)


def pairs(table: Mapping[Key, str]) -> list[JsonObject]:
    """``[{key, value}, ...]``."""
    return [{"key": key, "value": value} for key, value in table.items()]


def groups(table: Mapping[Key, Iterable[str]]) -> list[JsonObject]:
    """``[{key, values}, ...]``."""
    return [{"key": key, "values": list(values)} for key, values in table.items()]
