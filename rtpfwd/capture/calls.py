"""Calls across the seam as JSON, and back: what a capture keeps besides packets.

A call is a record of kind ``seam.`` and the method's name; its value is the list of arguments without
``now``, which is the record's time. Keys stay out: of ``set_keys`` only the profile is kept, since sizes
depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast

from rtpfwd.dataplane.interface import (
    Layers,
    ProbatorSpec,
    Probe,
    ReceiveStreamSpec,
    SendStreamSpec,
)
from rtpfwd.errors import MalformedPacket
from rtpfwd.protocols.srtp import Profile, SrtpKeys
from rtpfwd.wire.captures.items import JsonValue
from rtpfwd.wire.datagram import Address, Path

PREFIX = "seam."
NOW = object()
"""Stands in ``decode_call``'s result where the method takes the time."""

Arguments = tuple[Any, ...]
Reader = Callable[[Any], Any]


def encode_call(method: str, arguments: Arguments) -> JsonValue:
    """The arguments of a call, without ``now``, as JSON; ``method`` is one of ``METHODS``."""
    return [_encode(one) for one in arguments]


def decode_call(method: str, value: JsonValue) -> Arguments:
    """The arguments again, ``NOW`` among them. Raises ``MalformedPacket`` for another method or value."""
    readers = METHODS.get(method)
    if readers is None:
        raise MalformedPacket(f"record {PREFIX}{method}: no such call")
    values = list(value) if isinstance(value, list) else None
    wanted = sum(reader is not None for reader in readers)
    if values is None or len(values) != wanted:
        raise MalformedPacket(f"record {PREFIX}{method}: need a list of {wanted}")
    try:
        return tuple(NOW if read is None else read(values.pop(0)) for read in readers)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise MalformedPacket(f"record {PREFIX}{method}: {type(error).__name__} {error}") from None


def plain_address(address: Address) -> Address:
    """An address as captures know it: without flow label and scope."""
    return address[0].partition("%")[0], address[1]


def _encode(value: Any) -> JsonValue:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, SrtpKeys):
        return value.profile.name
    if is_dataclass(value):
        return {one.name: _encode(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _encode(inner) for key, inner in value.items()}
    if isinstance(value, frozenset):
        return cast(JsonValue, sorted(value))
    return [_encode(one) for one in value]


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 64:
        raise ValueError(f"{value!r} is no number")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError(f"{value!r} is no text")
    return value


def _numbers(value: Any) -> list[int]:
    if type(value) is not list:
        raise ValueError(f"{value!r} is no list")
    return [_number(one) for one in value]


def _ids(value: Any) -> dict[str, int]:
    return {_text(key): _number(one) for key, one in value.items()}


def _types(value: Any) -> dict[int, int]:
    return {int(key): _number(one) for key, one in value.items()}


def _path(value: Any) -> Path:
    local, (host, port, *_) = value
    return _number(local), plain_address((_text(host), _number(port)))


def _maybe(reader: Reader) -> Reader:
    return lambda value: None if value is None else reader(value)


def _keys(value: Any) -> Profile:
    return Profile[_text(value)]


def _of(kind: Any, **readers: Reader) -> Reader:
    """A reader of a record: ``readers`` for the fields that are no plain number."""

    def read(value: Any) -> Any:
        unknown = set(value) - {one.name for one in fields(kind)}
        if unknown:
            raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
        taken: dict[str, Any] = {}
        for name, inner in value.items():
            reader: Reader = readers.get(name, _number)
            taken[name] = reader(inner)
        return kind(**taken)

    return read


_receive_spec = _of(
    ReceiveStreamSpec,
    payload_types=_types,
    rtx_ssrc=_maybe(_number),
    rtx_payload_types=_types,
    mime_type=_text,
    extension_ids=_ids,
    mapped_extension_ids=_ids,
    use_nack=_flag,
    paused=_flag,
)
_send_spec = _of(
    SendStreamSpec,
    rtx_ssrc=_maybe(_number),
    rtx_payload_types=_types,
    payload_types=lambda value: frozenset(_numbers(value)),
    mime_type=_text,
    mid=bytes.fromhex,
    extension_ids=_ids,
    needs_key_frame=_flag,
    keep_ciphertext=_flag,
    paused=_flag,
    ignore_dtx=_flag,
)
_probator = _of(ProbatorSpec, mid=bytes.fromhex, extension_ids=_ids)

METHODS: dict[str, tuple[Reader | None, ...]] = {
    "add_transport": (_number,),
    "set_keys": (_number, _keys),
    "set_receive_extensions": (_number, _ids),
    "add_path": (_number, _path),
    "remove_path": (_path,),
    "select_path": (_number, _maybe(_path)),
    "add_receive_stream": (_number, _receive_spec),
    "add_rtx_ssrc": (_number, _number),
    "set_receive_paused": (_number, _flag),
    "add_send_stream": (_number, _send_spec),
    "set_source": (_number, _maybe(_number), None, _of(Layers)),
    "set_send_paused": (_number, _flag),
    "set_pacing_rate": (_number, _number),
    "set_probator": (_number, _maybe(_probator)),
    "probe": (_number, _of(Probe), None),
    "remove_transport": (_number,),
    "remove_receive_stream": (_number,),
    "remove_send_stream": (_number,),
    "retry_unknown": (_number,),
    "due_nacks": (_number, _number, None),
    "retransmit": (_number, _numbers, _number, None),
    "handle_timeout": (None,),
}
"""For each call how its arguments are read; None where it takes the time."""
