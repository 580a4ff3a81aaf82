"""The keys of ``[[sinks.plant_writer.plant]]``: one plant controller each. Rule: what cannot work is refused at start."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from caiso_ads.errors import ConfigError
from caiso_ads.sinks.plant_writer.plant import Coded, Points
from caiso_ads.sinks.plant_writer.registers import Order, Register, Type, Unit
from caiso_ads.sinks.plant_writer.rules import Item, OnRelease, Rules

TABLE = "sinks.plant_writer.plant"

_Address = Annotated[int, Meta(ge=0, le=65_535, description="register, counted from 0 as on the wire")]
_Value = Annotated[int, Meta(ge=0, le=65_535)]


class PowerKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A register that holds a power: ``{ address = 100, type = "int16", scale = 0.1, unit = "MW" }``."""

    address: _Address
    type: Type = "float32"
    word_order: Order = "ABCD"
    scale: Annotated[float, Meta(gt=0)] = 1.0
    unit: Unit = "MW"
    table: Literal["holding", "input"] = "holding"

    def register(self) -> Register:
        """Return the register."""
        function = 4 if self.table == "input" else 3
        return Register(self.address, self.type, self.word_order, self.scale, self.unit, function=function)


class EnableKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The register that puts the setpoint in force: ``{ address = 110, on = 1, off = 0 }``."""

    address: _Address
    on: _Value = 1
    off: _Value = 0


class ValueKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A register that must hold a value: ``{ address = 111, value = 2 }``."""

    address: _Address
    value: _Value


class CounterKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A register that counts: ``{ address = 112 }``."""

    address: _Address


class PlantKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One plant controller. ConfigError names the key of what cannot work."""

    resource: Annotated[str, Meta(min_length=1, description="id of the [[resource]] whose setpoint is written")]
    host: Annotated[str, Meta(min_length=1, description="address of the controller")]
    rate_mw_per_min: Annotated[float, Meta(gt=0, description="the setpoint is never moved faster, MW/min")]
    readback_tolerance: Annotated[
        float, Meta(gt=0, description="what is read back may differ so far from what was written, MW")
    ]
    port: Annotated[int, Meta(ge=1, le=65_535, description="TCP port of the controller")] = 502
    unit_id: Annotated[int, Meta(ge=0, le=255, description="its unit ID")] = 1
    simulator: Annotated[
        bool, Meta(description="this is no plant: it may be written to from test data, and only from that")
    ] = False
    profile: Annotated[
        Literal["registers", "sunspec-704"],
        Meta(description="the registers named below, or those of SunSpec model 704, found by a scan"),
    ] = "registers"
    setpoint: Annotated[
        PowerKeys | None,
        Meta(description='power register: address, type, word_order, scale, unit ("percent": of pmax_mw)'),
    ] = None
    high_limit: Annotated[PowerKeys | None, Meta(description="power register that is to hold pmax_mw")] = None
    low_limit: Annotated[PowerKeys | None, Meta(description="power register that is to hold pmin_mw")] = None
    actual: Annotated[
        PowerKeys | None,
        Meta(description="power register read only: measured power, where a disabled plant is taken over"),
    ] = None
    enable: Annotated[
        EnableKeys | None, Meta(description="register that puts the setpoint in force: address, on, off")
    ] = None
    mode: Annotated[ValueKeys | None, Meta(description="register that must hold a value first: address, value")] = None
    permit: Annotated[
        ValueKeys | None,
        Meta(description="register read only: nothing is written unless it reads value (remote control)"),
    ] = None
    heartbeat: Annotated[CounterKeys | None, Meta(description="register that counts while all is well: address")] = None
    single_write: Annotated[bool, Meta(description="write a single register with function 6, not 16")] = False
    interval_s: Annotated[float, Meta(ge=0.1, le=60, description="time between two rounds of reading and writing")] = (
        1.0
    )
    timeout_s: Annotated[float, Meta(ge=0.05, le=30, description="time for connecting, and for each request")] = 2.0
    deadband_mw: Annotated[float, Meta(ge=0, description="a smaller change is not written")] = 0.0
    on_hold: Annotated[
        Literal["release", "keep"],
        Meta(description="while the directive is HOLD: let the plant go, or write nothing but the heartbeat"),
    ] = "release"
    on_release: Annotated[
        Literal["hold", "disable", "value"],
        Meta(description="letting go: leave the setpoint, write off to enable, or go to release_mw"),
    ] = "hold"
    release_mw: Annotated[float | None, Meta(description='where to go with on_release = "value", MW')] = None
    release_limit_s: Annotated[float, Meta(ge=0.1, le=60, description="time for letting go when the gateway stops")] = (
        5.0
    )
    backoff_max_s: Annotated[float, Meta(ge=1, le=3600, description="longest wait after trouble")] = 60.0
    tls_ca_file: Annotated[
        Path | None, Meta(description="TLS: authorities that may sign the controller; none is no TLS")
    ] = None
    tls_certificate: Annotated[
        Path | None, Meta(description="TLS: our certificate, where the controller asks for one")
    ] = None
    tls_key: Annotated[Path | None, Meta(description="TLS: its private key; by default in the certificate file")] = None

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        named = (self.setpoint, self.high_limit, self.low_limit, self.enable, self.mode)
        if self.profile == "sunspec-704" and any(named):
            raise _wrong("profile", 'stands without setpoint, limits, enable and mode: "sunspec-704" finds its own')
        if self.profile == "registers" and self.setpoint is None:
            raise _wrong("setpoint", 'must be given, or profile = "sunspec-704"')
        if self.on_release == "disable" and self.profile == "registers" and self.enable is None:
            raise _wrong("on_release", '"disable" needs enable')
        if (self.release_mw is None) == (self.on_release == "value"):
            raise _wrong("release_mw", 'goes together with on_release = "value"')
        if self.enable is not None and self.enable.on == self.enable.off:
            raise _wrong("enable", "on and off are the same")
        if (self.tls_certificate or self.tls_key) and not self.tls_ca_file:
            raise _wrong("tls_ca_file", "must be given with a certificate of ours")
        self._refuse_overlap()

    def _refuse_overlap(self) -> None:
        taken: dict[int, Item] = {}
        points = self.points()
        for item, register in points.powers.items():
            if register.function == 4 and item is not Item.ACTUAL:
                raise _wrong(item.name.lower(), "an input register cannot be written")
            if register.function == 4:
                continue
            for address in range(register.address, register.address + register.count):
                _take(taken, address, item)
        for item, coded in points.coded.items():
            _take(taken, coded.address, item)

    def points(self) -> Points:
        """Return where everything stands; of SunSpec only what is not found by the scan."""
        powers = {
            Item.SETPOINT: self.setpoint, Item.HIGH: self.high_limit, Item.LOW: self.low_limit, Item.ACTUAL: self.actual,
        }  # fmt: skip
        coded = {
            Item.ENABLE: self.enable, Item.MODE: self.mode, Item.PERMIT: self.permit, Item.HEARTBEAT: self.heartbeat,
        }  # fmt: skip
        return Points(
            {item: keys.register() for item, keys in powers.items() if keys is not None},
            {item: Coded(keys.address) for item, keys in coded.items() if keys is not None},
            single=self.single_write,
            sunspec=self.profile == "sunspec-704",
        )

    def rules(self, points: Points, *, live: bool) -> Rules:
        """Return the rules of the machine."""
        sunspec = self.profile == "sunspec-704"
        enable = EnableKeys(address=0) if sunspec else self.enable
        fixed = {Item.MODE: 1 if sunspec else self.mode.value if self.mode else 0} if sunspec or self.mode else {}
        return Rules(
            quantised=points.quantised,
            rate_mw_per_min=self.rate_mw_per_min,
            tolerance_mw=self.readback_tolerance,
            interval_s=self.interval_s,
            deadband_mw=self.deadband_mw,
            live=live,
            keep_on_hold=self.on_hold == "keep",
            on_release=OnRelease(self.on_release),
            release_mw=self.release_mw,
            fixed=fixed,
            limits=frozenset(item for item in (Item.HIGH, Item.LOW) if item in points.powers),
            on=enable.on if enable else None,
            off=enable.off if enable else None,
            permit=self.permit.value if self.permit else None,
            heartbeat=self.heartbeat is not None,
            settle_s=self.timeout_s,
            backoff_max_s=self.backoff_max_s,
        )

    def tls(self) -> ssl.SSLContext | None:
        """Return the context of TLS, None without; reads files. Raises ConfigError naming the key."""
        if self.tls_ca_file is None:
            return None
        try:
            context = ssl.create_default_context(cafile=str(self.tls_ca_file))
            if self.tls_certificate is not None:
                context.load_cert_chain(self.tls_certificate, self.tls_key)
        except OSError as error:  # ssl.SSLError is one
            raise _wrong("tls_ca_file", f"or the certificate beside it cannot be read: {error}") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def _take(taken: dict[int, Item], address: int, item: Item) -> None:
    if address > 65_535:
        raise _wrong(item.name.lower(), "goes beyond the last register")
    other = taken.setdefault(address, item)
    if other is not item:
        raise _wrong(item.name.lower(), f"register {address} is that of the {other.value} too")


def _wrong(key: str, problem: str) -> ConfigError:
    return ConfigError(problem, table=TABLE, key=key)
