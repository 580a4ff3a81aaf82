"""Modbus TCP: the register map of every point, read-only by construction.

Rule: registers are rendered from the newest snapshot when they are read; there is no second copy to fall behind.
Read ``layout`` for the map, ``image``, ``blocks`` and ``encode`` for what the registers hold, ``scaled`` for whole
numbers in place of floats, ``sunspec`` for SunSpec's models, ``custom`` for a plant's own addresses, ``frames`` for the
protocol, ``server`` for the connections, ``admission`` for who gets one, ``security`` and ``handshake`` for Modbus/TCP
Security.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal, cast

import msgspec
from msgspec import Meta

from caiso_ads import __version__
from caiso_ads.errors import ConfigError
from caiso_ads.ports import Sink, SinkContext
from caiso_ads.sinks._allow import ALLOW_FORMS, AllowList
from caiso_ads.sinks._listener_keys import check as check_keys
from caiso_ads.sinks._listener_keys import wrong
from caiso_ads.sinks.modbus import custom, layout, scaled, sunspec
from caiso_ads.sinks.modbus._fits import check
from caiso_ads.sinks.modbus.admission import Places
from caiso_ads.sinks.modbus.layout import Plan
from caiso_ads.sinks.modbus.security import Tls
from caiso_ads.sinks.modbus.server import ModbusSink, Settings

_TEXT_LIMIT = 64  # so that each identity object fits a reply, whatever the others are
_TEXTS = ("vendor_name", "product_code", "revision", "product_name", "application_name")
_IDENTITY = Meta(description="text a scan of the device identity (function 43) learns; nothing else is told")


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``[sinks.modbus]``. Times are in seconds; ConfigError names the key of a value that cannot work."""

    only_read: ClassVar[tuple[str, ...]] = (
        "custom_map", "tls_certificate", "tls_key", "tls_passphrase_file", "tls_client_ca",
    )  # fmt: skip

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
    custom_map: Annotated[
        Path | None, Meta(description="CSV file of points at addresses of the plant's own, beside the native map")
    ] = None
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
    # who may connect
    allow: Annotated[
        tuple[str, ...], Meta(description=f"{ALLOW_FORMS} that may connect; empty is any that reaches the port")
    ] = ()
    reserved: Annotated[
        tuple[str, ...], Meta(description=f"{ALLOW_FORMS} of masters for whom places are kept among max_connections")
    ] = ()
    reserved_connections: Annotated[
        int, Meta(ge=1, le=10_000, description="how many places are kept, where reserved lists anybody")
    ] = 8
    # Modbus/TCP Security; all three files together, or none
    tls_certificate: Annotated[
        Path | None,
        Meta(description="our certificate, PEM with its chain: serve Modbus/TCP Security, and nothing plain"),
    ] = None
    tls_key: Annotated[Path | None, Meta(description="the private key of tls_certificate, PEM")] = None
    tls_passphrase_file: Annotated[
        Path | None, Meta(description="file whose first line is the passphrase of tls_key")
    ] = None
    tls_client_ca: Annotated[
        Path | None, Meta(description="PEM authorities that sign the masters' certificates; one is always required")
    ] = None
    tls_roles: Annotated[
        tuple[str, ...], Meta(description="roles that may read; a certificate with another or none gets exception 01")
    ] = ()
    tls_handshake_timeout_s: Annotated[float, Meta(ge=0.01, le=60, description="time for a TLS handshake")] = 5.0

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        self.places()
        self.tls()
        check_keys(self, "sinks.modbus")
        for key in ("native_base", "price_base", "scaled_base", "scaled_price_base"):
            if getattr(self, key) % 2:
                raise wrong("sinks.modbus", key, getattr(self, key), "even, so that 32-bit values stay aligned")
        for key in _TEXTS:
            text = getattr(self, key)
            if not (text.isascii() and text.isprintable() and len(text) <= _TEXT_LIMIT):
                raise wrong("sinks.modbus", key, text, f"at most {_TEXT_LIMIT} printable ASCII characters")

    def plan(self, resource_ids: tuple[str, ...], node_ids: tuple[str, ...] = ()) -> Plan:
        """Return the map for these resources and nodes; ConfigError when their registers or units do not fit.

        Reads ``custom_map``, once; ConfigError also names the line and column that is wrong there.
        """
        native = self.native_plan(resource_ids, node_ids)
        return native if self.custom_map is None else custom.load(self.custom_map, native)

    def native_plan(self, resource_ids: tuple[str, ...], node_ids: tuple[str, ...] = ()) -> Plan:
        """Return the map without the custom one; ConfigError as above."""
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
            places=self.places(),
            idle_timeout_s=self.idle_timeout_s,
            half_frame_timeout_s=self.half_frame_timeout_s,
            stall_limit_s=self.stall_limit_s,
            tls=self.tls(),
        )

    def places(self) -> Places:
        """Return who may have how many connections; ConfigError names the key that cannot work."""
        allow = AllowList(self.allow, table="sinks.modbus")
        reserved = AllowList(self.reserved, table="sinks.modbus", key="reserved")
        for text in self.reserved:
            first = re.split(r"[-/]", text)[0].strip()
            if not allow.admits(first):
                raise ConfigError(f"{text!r} is not in allow", table="sinks.modbus", key="reserved")
        if reserved and self.reserved_connections > self.max_connections:
            raise wrong(
                "sinks.modbus", "reserved_connections", self.reserved_connections, f"at most {self.max_connections}"
            )
        return Places(allow, reserved, self.max_connections, self.max_per_address, self.reserved_connections)

    def tls(self) -> Tls | None:
        """Return how connections are secured; None where no tls key is given. ConfigError names what is missing."""
        files = {"tls_certificate": self.tls_certificate, "tls_key": self.tls_key, "tls_client_ca": self.tls_client_ca}
        if not (any(files.values()) or self.tls_passphrase_file or self.tls_roles):
            return None
        for key, path in files.items():
            if path is None:
                cure = "give tls_certificate, tls_key and tls_client_ca, or no tls key at all"
                raise ConfigError("is missing beside the other tls keys", table="sinks.modbus", key=key, cure=cure)
        if not all(self.tls_roles) or not self.tls_roles:
            raise ConfigError("must name a role", table="sinks.modbus", key="tls_roles", cure='tls_roles = ["reader"]')
        certificate, key_file, client_ca = (cast("Path", path) for path in files.values())
        roles, passphrase = frozenset(self.tls_roles), self.tls_passphrase_file
        return Tls(certificate, key_file, client_ca, passphrase, roles, self.tls_handshake_timeout_s)

    def build(self, context: SinkContext) -> Sink:
        """Return the sink; ConfigError when the resources or nodes do not fit."""
        return ModbusSink(self.plan(context.resource_ids, context.nodes), self.settings(), context.evidence)
