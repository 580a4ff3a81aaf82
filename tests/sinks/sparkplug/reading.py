"""A Sparkplug reader written from sparkplug_b.proto alone, and a host that keeps what an edge node has told it."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from tests.sinks.mqtt.mosquitto import Heard

PAYLOAD = {1: "timestamp", 2: ("metrics", "metric"), 3: "seq"}
SCHEMA: dict[str, dict[int, Any]] = {
    "payload": PAYLOAD,
    "metric": {
        1: "name:s", 2: "alias", 3: "timestamp", 4: "datatype", 7: "is_null", 9: ("properties", "set"), 10: "int_value",
        11: "long_value", 12: "float_value:f", 13: "double_value:d", 14: "boolean_value", 15: "string_value:s",
    },
    "set": {1: "keys:s", 2: ("values", "value")},
    "value": {1: "type", 2: "is_null", 3: "int_value", 4: "long_value", 8: "string_value:s"},
}  # fmt: skip
_FORMS = {"f": "<f", "d": "<d"}


def read(data: bytes, message: str = "payload") -> dict[str, Any]:
    """Return a message as a dict; a field that may come often is a list."""
    found: dict[str, Any] = {}
    while data:
        key, data = varint(data)
        spec = SCHEMA[message][key >> 3]
        if key & 7 == 0:
            found[spec], data = varint(data)
            continue
        size, data = (8, data) if key & 7 == 1 else (4, data) if key & 7 == 5 else varint(data)
        raw, data = data[:size], data[size:]
        assert len(raw) == size
        if isinstance(spec, tuple):
            name, inner = spec
            made = read(raw, inner)
            if name == "properties":
                found[name] = made
            else:
                found.setdefault(name, []).append(made)
        else:
            name, _, form = spec.partition(":")
            value = raw.decode() if form == "s" else struct.unpack(_FORMS[form], raw)[0]
            if name == "keys":
                found.setdefault(name, []).append(value)
            else:
                found[name] = value
    return found


def varint(data: bytes) -> tuple[int, bytes]:
    value = 0
    for place, byte in enumerate(data):
        value += (byte % 128) * 128**place
        if byte < 128:
            return value, data[place + 1 :]
    raise AssertionError("a varint without an end")


def value(metric: dict[str, Any]) -> Any:
    if metric.get("is_null"):
        return None
    return next(metric[key] for key in metric if key.endswith("_value"))


def quality(metric: dict[str, Any]) -> int:
    properties = metric["properties"]
    return int(properties["values"][properties["keys"].index("Quality")]["int_value"])


class Host:
    """What a host application knows after these messages; AssertionError where an edge node broke a rule."""

    def __init__(self) -> None:
        self.online = False
        self.seq = -1
        self.bd_seq: int | None = None
        self.names: dict[int, tuple[str, str]] = {}
        self.values: dict[tuple[str, str], Any] = {}
        self.qualities: dict[tuple[str, str], int] = {}

    def take(self, heard: Iterable[Heard]) -> Host:
        for one in heard:
            kind, _, rest = one.topic.split("/", 2)[2].partition("/")
            if kind[0] in "ND" and kind != "NCMD":
                assert not one.retained
                self._message(kind, rest.partition("/")[2], read(one.payload))
        return self

    def _message(self, kind: str, device: str, payload: dict[str, Any]) -> None:
        if kind == "NDEATH":
            assert "seq" not in payload
            self.online = self.online and value(payload["metrics"][0]) != self.bd_seq
            return
        if kind == "NBIRTH":
            assert payload["seq"] == 0
            self.online, self.names = True, {}
            self.bd_seq = next(value(one) for one in payload["metrics"] if one["name"] == "bdSeq")
        else:
            assert self.online, f"{kind} before NBIRTH"
            assert payload["seq"] == (self.seq + 1) % 256
        self.seq = payload["seq"]
        for metric in payload["metrics"]:
            self._metric(kind, device, metric)

    def _metric(self, kind: str, device: str, metric: dict[str, Any]) -> None:
        if kind in {"NBIRTH", "DBIRTH"}:
            key = (device, metric["name"])
            assert "datatype" in metric
            if "alias" in metric:
                assert metric["alias"] not in self.names, "an alias stands for two metrics"
                self.names[metric["alias"]] = key
        else:
            assert "name" not in metric
            key = self.names[metric["alias"]]
        self.values[key] = value(metric)
        if "properties" in metric:
            self.qualities[key] = quality(metric)
