"""Sparkplug B payloads as protobuf bytes, both ways: only the fields this project uses. Pure.

Rule: any bytes give a payload or a WireError; fields we do not know are skipped, as protobuf demands. Written here
because the libraries pin old versions: pysparkplug needs paho-mqtt below 2, tahu protobuf 3.19, and neither can be
installed beside what the MQTT sink needs. Spec: Sparkplug 3.0.0 §6.4 and its sparkplug_b.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NoReturn

from caiso_ads.errors import WireError

Value = int | float | bool | str | None


class DataType(IntEnum):
    """Types of a metric's or property's value. Spec: §6.4.16."""

    INT32 = 3
    INT64 = 4
    UINT32 = 7
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a metric, such as its quality or its unit."""

    key: str
    kind: DataType
    value: int | str


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric. ``value`` None is sent as is_null; times are ms since 1970; ``kind`` is None where only data is sent."""

    name: str | None
    value: Value
    kind: int | None
    alias: int | None = None
    timestamp: int | None = None
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload. ``seq`` is None in NDEATH and in commands; ``timestamp`` is in ms since 1970."""

    timestamp: int | None
    metrics: tuple[Metric, ...]
    seq: int | None = None


_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TIMESTAMP, _METRICS, _SEQ = 1, 2, 3
_NAME, _ALIAS, _AT, _KIND, _IS_NULL, _PROPERTIES = 1, 2, 3, 4, 7, 9
_INT, _LONG, _FLOAT, _DOUBLE, _BOOLEAN, _STRING = 10, 11, 12, 13, 14, 15
_PROPERTY_TYPE, _PROPERTY_INT, _PROPERTY_LONG, _PROPERTY_STRING = 1, 3, 4, 8
_WORD, _LONG_WORD = 2**32, 2**64
_LONGEST_VARINT = 10
_INT_TYPES = frozenset({1, 2, 3, 5, 6, 7})
_SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}


def encode(payload: Payload) -> bytes:
    """Return the payload's bytes."""
    parts = [] if payload.timestamp is None else [_number(_TIMESTAMP, payload.timestamp)]
    parts += [_part(_METRICS, encode_metric(metric)) for metric in payload.metrics]
    if payload.seq is not None:
        parts.append(_number(_SEQ, payload.seq))
    return b"".join(parts)


def encode_metric(metric: Metric) -> bytes:
    """Return one metric's bytes, without the length before it."""
    parts = [] if metric.name is None else [_part(_NAME, metric.name.encode())]
    for field, number in ((_ALIAS, metric.alias), (_AT, metric.timestamp), (_KIND, metric.kind)):
        if number is not None:
            parts.append(_number(field, number))
    if metric.value is None:
        parts.append(_number(_IS_NULL, 1))
    if metric.properties:
        parts.append(_part(_PROPERTIES, _properties(metric.properties)))
    parts.append(_value(metric.kind, metric.value))
    return b"".join(parts)


def _value(kind: int | None, value: Value) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bool):
        return _number(_BOOLEAN, int(value))
    if isinstance(value, str):
        return _part(_STRING, value.encode())
    if isinstance(value, float):
        return _key(_DOUBLE, _FIXED64) + struct.pack("<d", value)
    if kind in _INT_TYPES:
        return _number(_INT, value % _WORD)
    return _number(_LONG, value % _LONG_WORD)


def _properties(properties: Sequence[Property]) -> bytes:
    keys = [_part(1, one.key.encode()) for one in properties]
    values = [_part(2, _number(_PROPERTY_TYPE, one.kind) + _property(one.value)) for one in properties]
    return b"".join(keys + values)


def _property(value: int | str) -> bytes:
    if isinstance(value, str):
        return _part(_PROPERTY_STRING, value.encode())
    return _number(_PROPERTY_INT, value % _WORD)


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _number(field: int, value: int) -> bytes:
    return _key(field, _VARINT) + _varint(value)


def _part(field: int, content: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def decode(data: bytes) -> Payload:
    """Return the payload in these bytes. Raises WireError for bytes that are none."""
    timestamp: int | None = None
    seq: int | None = None
    metrics = []
    for field, value in _fields(data):
        if field == _METRICS:
            metrics.append(_metric(_as_bytes(value)))
        elif field == _TIMESTAMP:
            timestamp = _as_int(value)
        elif field == _SEQ:
            seq = _as_int(value)
    return Payload(timestamp, tuple(metrics), seq)


def _metric(data: bytes) -> Metric:
    found: dict[int, int | bytes] = dict(_fields(data))
    kind = _optional(found, _KIND)
    name = _as_text(found[_NAME]) if _NAME in found else None
    properties = _read_properties(_as_bytes(found[_PROPERTIES])) if _PROPERTIES in found else ()
    value = None if found.get(_IS_NULL) else _read_value(kind, found)
    return Metric(name, value, kind, _optional(found, _ALIAS), _optional(found, _AT), properties)


def _optional(found: dict[int, int | bytes], field: int) -> int | None:
    return _as_int(found[field]) if field in found else None


def _read_value(kind: int | None, found: dict[int, int | bytes]) -> Value:
    for field in (_INT, _LONG):
        if field in found:
            bits = _SIGNED.get(kind or 0)
            number = _as_int(found[field])
            return number if bits is None else (number + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
    if _BOOLEAN in found:
        return bool(_as_int(found[_BOOLEAN]))
    if _STRING in found:
        return _as_text(found[_STRING])
    for field, form in ((_FLOAT, "<f"), (_DOUBLE, "<d")):
        if field in found:
            content = _as_bytes(found[field])
            if len(content) != struct.calcsize(form):
                _refuse("a number of the wrong length")
            return float(struct.unpack(form, content)[0])
    return None


def _read_properties(data: bytes) -> tuple[Property, ...]:
    fields = list(_fields(data))
    keys = [_as_text(value) for field, value in fields if field == 1]
    values = [dict(_fields(_as_bytes(value))) for field, value in fields if field == 2]
    if len(keys) != len(values):
        _refuse("properties whose keys and values do not pair")
    return tuple(
        Property(key, kind, value)
        for key, found in zip(keys, values, strict=True)
        if (kind := _known(found.get(_PROPERTY_TYPE))) is not None
        and (value := _read_property(kind, found)) is not None
    )


def _known(kind: int | bytes | None) -> DataType | None:
    return DataType(kind) if isinstance(kind, int) and kind in DataType.__members__.values() else None


def _read_property(kind: DataType, found: dict[int, int | bytes]) -> int | str | None:
    if _PROPERTY_STRING in found:
        return _as_text(found[_PROPERTY_STRING])
    for field in (_PROPERTY_INT, _PROPERTY_LONG):
        if field in found:
            number, bits = _as_int(found[field]), _SIGNED.get(kind)
            return number if bits is None else (number + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
    return None


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield field number and value: an int for a varint, else the bytes."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _read_varint(data, at)
            yield field, value
            continue
        if wire == _BYTES:
            size, at = _read_varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            _refuse(f"wire type {wire}")
        if at + size > len(data):
            _refuse("a field that is cut off")
        yield field, data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value % _LONG_WORD, at + place + 1
    return _refuse("a number without an end")


def _as_int(value: int | bytes) -> int:
    return value if isinstance(value, int) else _refuse("bytes where a number should be")


def _as_bytes(value: int | bytes) -> bytes:
    return value if isinstance(value, bytes) else _refuse("a number where bytes should be")


def _as_text(value: int | bytes) -> str:
    try:
        return _as_bytes(value).decode()
    except UnicodeDecodeError:
        _refuse("text that is not UTF-8")


def _refuse(what: str) -> NoReturn:
    raise WireError(f"no Sparkplug payload: {what}")
