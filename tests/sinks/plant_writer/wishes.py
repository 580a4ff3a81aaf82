"""Wishes, rules and snapshots for the tests of this folder."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from caiso_ads.core.points import GATEWAY_POINTS, Snapshot
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks.plant_writer.permit import Stand, Wish
from caiso_ads.sinks.plant_writer.registers import Register
from caiso_ads.sinks.plant_writer.rules import Rules
from tests.sinks.modbus.snapshots import AT, resource, values

ID = "ALPHA_1_UNIT"
TENTH = Register(100, "int16", scale=0.1)
ENVIRONMENTS = {"production": 0, "market-sim": 1, "simulator": 2}
EPOCH = datetime(2026, 7, 1, tzinfo=UTC)


def rules(**changes: Any) -> Rules:
    """Return rules of a live plant with an int16 register of 0.1 MW, 60 MW/min and 1 s."""
    known: dict[str, Any] = {"quantised": TENTH.quantised, "rate_mw_per_min": 60.0, "tolerance_mw": 0.2, "live": True}
    return Rules(**(known | changes))


def act(target_mw: float = 50.0, aim: object = 1, pmin_mw: float = 20.0, pmax_mw: float = 100.0) -> Wish:
    return Wish(Stand.ACT, "FOLLOW", Directive.FOLLOW, target_mw, pmin_mw, pmax_mw, aim)


def none(why: str = "RELEASE") -> Wish:
    return Wish(Stand.NONE, why, Directive.RELEASE, None, 20.0, 100.0)


def hold() -> Wish:
    return Wish(Stand.HOLD, "HOLD, LINK_AGING", Directive.HOLD, 50.0, 20.0, 100.0)


def snapshot(generation: int = 1, environment: str = "production", at: datetime = AT, **changes: Any) -> Snapshot:
    """Return a snapshot of one resource that may be followed: 50 MW between 20 and 100."""
    gateway = values(GATEWAY_POINTS, {"utc_time": AT, "environment": ENVIRONMENTS[environment]}, Quality.GOOD)
    test = {} if environment == "production" else {"directive": Directive.TEST, "reasons": 1 << 12}
    known = {"setpoint_mw": 50.0, "pmin_mw": 20.0, "pmax_mw": 100.0, **test, **changes}
    quality = known.pop("quality", Quality.GOOD)
    return Snapshot(generation, at, gateway, {ID: resource(quality, **known)})
