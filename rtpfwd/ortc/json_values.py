"""JSON values from a client: a bounded, checked copy, and the tests JavaScript applies to them.

The ORTC dictionaries come straight from a stranger's Socket.IO message, while their meaning is defined by
mediasoup's JavaScript. So this file holds the two things Python lacks: a copy that cannot be made expensive,
and JavaScript's ideas of "is a number" (booleans are not) and "is truthy" (empty lists are).

mediasoup bounds nothing here. Every refusal in this file is ours, against input that would cost memory or
time, or that would be reflected into another participant's SDP (control characters; reliability requirement
A12). The limits are far above what any browser sends.
"""

import math
import re
from typing import Any, TypeAlias

from rtpfwd.errors import InvalidParameters

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object with string keys, as ``json.loads`` gives it."""

MAX_ITEMS = 128  # entries of one list; there are 128 payload types
MAX_KEYS = 64  # members of one object; Chrome's longest fmtp line has under ten
MAX_STRING = 1024  # characters; the longest URI in use has 88, sprop-parameter-sets a few hundred
MAX_KEY = 128  # characters of one member name
MAX_DEPTH = 6  # params > codecs > codec > rtcpFeedback > entry > value
MAX_VALUES = 4096  # values in one message; the capabilities of a browser have about 1,000
MAX_SAFE_INTEGER = 2**53 - 1  # what a JavaScript number holds exactly


def copy_untrusted(value: Any, name: str) -> Any:
    """Copy a client's JSON value, within limits; ``name`` is what errors call it.

    Members whose value is ``null`` are left out (mediasoup treats them as absent), except below
    ``parameters``, where mediasoup refuses them and so must see them. Floats without a fraction become
    integers, as they are in JavaScript. Raises ``InvalidParameters`` naming the member for anything over a
    limit or not JSON.
    """
    return _copy(value, name, 0, [MAX_VALUES])


def copy_trusted(value: Any) -> Any:
    """A deep copy of a JSON value that this package made or checked itself."""
    if isinstance(value, dict):
        return {key: copy_trusted(member) for key, member in value.items()}
    if isinstance(value, list):
        return [copy_trusted(item) for item in value]
    return value


def is_number(value: Any) -> bool:
    """Whether JavaScript's ``typeof`` says ``number``."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_truthy(value: Any) -> bool:
    """Whether JavaScript takes ``value`` for true in a condition."""
    return isinstance(value, dict | list) or bool(value)


def check_integer(value: Any, field: str, lowest: int, highest: int) -> int:
    """``value`` if it is an integer in this range; else ``InvalidParameters`` naming ``field``."""
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise InvalidParameters(f"invalid {field} {show(value)}: need an integer from {lowest} to {highest}")
    return value


def show(value: Any) -> str:
    """``value`` as JavaScript's string conversion writes it, shortened to 64 characters for error texts."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER:
        return "(a huge integer)"  # str() of 5,000 digits raises
    if isinstance(value, dict):
        return "[object Object]"
    if isinstance(value, list):
        return ",".join("" if item is None else show(item) for item in value[:8])[:64]
    text = str(value)
    return text if len(text) <= 64 else text[:64] + "…"


# Control characters would end a line of SDP, lone surrogates cannot be sent as UTF-8, and the two separators
# end lines for JavaScript's regular expressions.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")


def _is_plain(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or _FORBIDDEN.search(text) is None


def _copy(value: Any, name: str, depth: int, budget: list[int]) -> Any:
    budget[0] -= 1
    if budget[0] < 0:
        raise InvalidParameters(f"{name}: more than {MAX_VALUES} values in one message")
    if isinstance(value, str):
        if len(value) > MAX_STRING:
            raise InvalidParameters(f"{name} has {len(value)} characters, at most {MAX_STRING} are accepted")
        if not _is_plain(value):
            raise InvalidParameters(f"{name} has control characters or lone surrogates")
        return value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise InvalidParameters(f"{name} is a number beyond 2^53")
        return value
    if isinstance(value, float):
        if not math.isfinite(value) or abs(value) > MAX_SAFE_INTEGER:
            raise InvalidParameters(f"{name} is not a finite number below 2^53")
        return int(value) if value.is_integer() else value
    if depth >= MAX_DEPTH:
        raise InvalidParameters(f"{name} is nested too deeply")
    if isinstance(value, list):
        if len(value) > MAX_ITEMS:
            raise InvalidParameters(f"{name} has {len(value)} entries, at most {MAX_ITEMS} are accepted")
        return [_copy(item, name, depth + 1, budget) for item in value]
    if isinstance(value, dict):
        return _copy_object(value, name, depth, budget)
    raise InvalidParameters(f"{name} is not a JSON value but {type(value).__name__}")


def _copy_object(value: dict[Any, Any], name: str, depth: int, budget: list[int]) -> JsonObject:
    if len(value) > MAX_KEYS:
        raise InvalidParameters(f"{name} has {len(value)} members, at most {MAX_KEYS} are accepted")
    keep_null = name.endswith(".parameters")
    copied: JsonObject = {}
    for key, member in value.items():
        if not isinstance(key, str) or len(key) > MAX_KEY or not _is_plain(key):
            raise InvalidParameters(f"{name} has a member with an unacceptable name")
        if member is None and not keep_null:
            continue
        copied[key] = _copy(member, f"{name}.{key}", depth + 1, budget)
    return copied
