"""Modbus TCP: the register map of every point, read-only by construction.

Rule: registers are rendered from the newest snapshot when they are read; there is no second copy to fall behind.
Read ``layout`` for the map, ``image``, ``blocks`` and ``encode`` for what the registers hold, ``scaled`` for whole
numbers in place of floats, ``sunspec`` for SunSpec's models, ``frames`` for the protocol, ``server`` for the connections.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, get_type_hints

import msgspec
from msgspec import Meta

from caiso_ads import __version__
from caiso_ads.errors import ConfigError
from caiso_ads.ports import Sink, SinkContext
from caiso_ads.sinks.modbus import layout, scaled, sunspec
from caiso_ads.sinks.modbus._fits import check
from caiso_ads.sinks.modbus.layout import Plan
from caiso_ads.sinks.modbus.server import ModbusSink, Settings

_TEXT_LIMIT = 64  # so that each identity object fits a reply, whatever the others are
_IDENTITY = Meta(description="text a scan of the device identity (function 43) learns; nothing else is told")


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``[sinks.modbus]``. Times are in seconds; ConfigError names the key of a value that cannot work."""

    host: Annotated[str, Meta(description="address to listen on; 0.0.0.0 is every network of this machine")] = (
        "127.0.0.1"
    )
    port: Annotated[
        int,
        Meta(ge=0, le=65_535, description="TCP port; Modbus' own is 502, which needs privileges; 0 is any free one"),
    ] = 5020
    unit_id: Annotated[
        int, Meta(ge=0, le=255, description="the unit ID masters must ask for; it has the whole map")
    ] = 1
    units: Annotated[
        Literal["one", "per-resource"],
        Meta(description="per-resource: each resource is also a unit of its own, at the addresses of the first one"),
    ] = "one"
    first_unit: Annotated[
        int, Meta(ge=0, le=247, description="unit ID of the first resource, the next ones follow; 0 is unit_id + 1")
    ] = 0
    word_order: Annotated[
        Literal["ABCD", "CDAB", "BADC", "DCBA"],
        Meta(description="order of the bytes in all 32-bit values but those of the legacy map; A is the highest"),
    ] = "ABCD"
    required: Annotated[bool, Meta(description="acknowledge to the ISO only while this sink serves")] = True
    foreign_unit: Annotated[
        Literal["refuse", "ignore"],
        Meta(description="a request for another unit ID: exception 0x0B, or no answer"),
    ] = "refuse"
    native_base: Annotated[
        int,
        Meta(
            ge=layout.LEGACY_REGISTERS, le=65_000, description="first register of the native map, even, counted from 0"
        ),
    ] = 1000
    price_base: Annotated[
        int, Meta(ge=layout.LEGACY_REGISTERS, le=65_000, description="first register of the pricing nodes, even")
    ] = 30_000
    scaled_base: Annotated[
        int,
        Meta(ge=0, le=65_000, description="first register of the values as scaled whole numbers, even; 0 does without"),
    ] = 0
    scaled_price_base: Annotated[
        int, Meta(ge=0, le=65_000, description="the same of the pricing nodes, even; 0 does without")
    ] = 0
    int16_mw_scale: Annotated[
        int, Meta(ge=-3, le=1, description="scale of MW as int16: -1 is 0.1 MW up to 3,276.7 MW, -2 is 0.01 MW")
    ] = -1
    legacy_map: Annotated[
        bool, Meta(description="also serve the registers of the 2018 scripts, at 40001 and 10001")
    ] = True
    sunspec: Annotated[
        bool, Meta(description="also serve SunSpec models 1, 704 and 715 at register 40000 (counted from 0), read-only")
    ] = False
    sunspec_resource: Annotated[
        str,
        Meta(description="the resource of the SunSpec image in the unit that has everything; empty: the only one"),
    ] = ""
    max_connections: Annotated[int, Meta(ge=1, le=10_000, description="masters at one time")] = 64
    max_per_address: Annotated[int, Meta(ge=1, le=10_000, description="masters at one time from one address")] = 8
    idle_timeout_s: Annotated[
        float, Meta(ge=0.01, le=86_400, description="a master without a whole request for so long is dropped")
    ] = 60.0
    half_frame_timeout_s: Annotated[
        float, Meta(ge=0.01, le=600, description="time for the rest of a request, and for taking the replies")
    ] = 5.0
    stall_limit_s: Annotated[
        float, Meta(ge=2, le=60, description="without a new snapshot for so long nothing is served as good")
    ] = 5.0
    vendor_name: Annotated[str, _IDENTITY] = "caiso-ads"
    product_code: Annotated[str, _IDENTITY] = "gateway"
    revision: Annotated[str, _IDENTITY] = __version__
    product_name: Annotated[str, _IDENTITY] = "CAISO ADS gateway"
    application_name: Annotated[str, _IDENTITY] = ""

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        if not self.host.strip():
            raise _wrong("host", self.host, "an address such as 127.0.0.1 or 0.0.0.0")
        for key in ("native_base", "price_base", "scaled_base", "scaled_price_base"):
            if getattr(self, key) % 2:
                raise _wrong(key, getattr(self, key), "even, so that 32-bit values stay aligned")
        for key, hint in get_type_hints(Config, include_extras=True).items():
            value, meta = getattr(self, key), hint.__metadata__[0]
            if meta.ge is not None and not meta.ge <= value <= meta.le:
                raise _wrong(key, value, f"from {meta.ge} to {meta.le}")
            if meta is _IDENTITY and not (value.isascii() and value.isprintable() and len(value) <= _TEXT_LIMIT):
                raise _wrong(key, value, f"at most {_TEXT_LIMIT} printable ASCII characters")

    def plan(self, resource_ids: tuple[str, ...], node_ids: tuple[str, ...] = ()) -> Plan:
        """Return the map for these resources and nodes; ConfigError when their registers or units do not fit."""
        plan = Plan(
            resource_ids,
            self.native_base,
            self.legacy_map,
            node_ids,
            self.price_base,
            word_order=self.word_order,
            unit_id=self.unit_id,
            first_unit=(self.first_unit or self.unit_id + 1) if self.units == "per-resource" else None,
        )
        exponents = scaled.Exponents(int16_mw=self.int16_mw_scale)
        extras = scaled.twins(plan, self.scaled_base, self.scaled_price_base, exponents)
        extras += sunspec.images(plan, self.sunspec_resource) if self.sunspec else ()
        whole = replace(plan, extras=extras)
        check(whole, self.scaled_base, self.scaled_price_base)
        return whole

    def settings(self) -> Settings:
        """Return what the server needs of this configuration."""
        texts = (self.vendor_name, self.product_code, self.revision, "", self.product_name, "", self.application_name)
        return Settings(
            host=self.host,
            port=self.port,
            identity={number: text.encode("ascii") for number, text in enumerate(texts) if text or number <= 2},
            answer_foreign_units=self.foreign_unit == "refuse",
            max_connections=self.max_connections,
            max_per_address=self.max_per_address,
            idle_timeout_s=self.idle_timeout_s,
            half_frame_timeout_s=self.half_frame_timeout_s,
            stall_limit_s=self.stall_limit_s,
        )

    def build(self, context: SinkContext) -> Sink:
        """Return the sink; ConfigError when the resources or nodes do not fit."""
        return ModbusSink(self.plan(context.resource_ids, context.nodes), self.settings(), context.evidence)


def _wrong(key: str, value: object, wanted: str) -> ConfigError:
    return ConfigError(f"{value!r} is not {wanted}", table="sinks.modbus", key=key)
