"""May the plant be written to now, and with what? One pure function of a snapshot.

Rule: exactly three cases say yes: FOLLOW of production data; the configured fallback of the policy while it applies;
and, for a target marked as a simulator, TEST of data that is not production's. Whatever else is or is missing says no.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from caiso_ads.core.points import Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.core.resource import LIMIT_TOLERANCE_MW

_PRODUCTION_CODE = 0
_NEVER = Reason.OPERATOR_OVERRIDE | Reason.SHUTTING_DOWN | Reason.STANDBY


class Stand(StrEnum):
    """What the writer is to do: act, leave the plant where it is (HOLD), or let it go."""

    ACT = "act"
    HOLD = "hold"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Target:
    """One plant: its resource, the fallback of its policy (MW, None without), and what the data and the plant are.

    ``release_mw`` is where the plant goes when it is let go, None where it stays.
    """

    resource: str
    production: bool
    simulator: bool = False
    fallback_mw: float | None = None
    release_mw: float | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of the plant. ``why`` is from a small set of texts; powers in MW, None where not known.

    ``aim`` changes when the plant is sent somewhere else, and not while a ramp goes on. ``refused`` marks a setpoint
    that may not be written although the directive allows it.
    """

    stand: Stand
    why: str
    directive: Directive = Directive.NO_DATA
    target_mw: float | None = None
    pmin_mw: float | None = None
    pmax_mw: float | None = None
    aim: object = None
    refused: bool = False


def wish_of(snapshot: Snapshot, target: Target, *, stalled: bool) -> Wish:
    """Return what the snapshot allows; ``stalled``: the control loop has stopped, so nothing it said still holds."""
    if target.resource not in snapshot.resources:
        return Wish(Stand.NONE, "the resource is not served")
    stand, why = _stand(snapshot, target, stalled=stalled)
    wish = Wish(
        stand,
        why,
        _directive(snapshot, target.resource),
        _setpoint(snapshot, target.resource),
        _number(snapshot, target.resource, "pmin_mw"),
        _number(snapshot, target.resource, "pmax_mw"),
        tuple(snapshot.value(target.resource, key).value for key in ("directive", "dot_mw", "dot_target_time")),
    )
    problem = _problem(wish, target.release_mw) if stand is Stand.ACT else ""
    if problem:
        return Wish(
            Stand.NONE, problem, wish.directive, wish.target_mw, wish.pmin_mw, wish.pmax_mw, wish.aim, refused=True
        )
    return wish


def _stand(snapshot: Snapshot, target: Target, *, stalled: bool) -> tuple[Stand, str]:
    reasons = snapshot.value(target.resource, "reasons").value
    if stalled:
        return Stand.NONE, "the control loop stands still"
    if not isinstance(reasons, int) or reasons & _NEVER:
        return Stand.NONE, f"{_directive(snapshot, target.resource).name}, {_words(reasons)}"
    production = snapshot.gateway_value("environment").value == _PRODUCTION_CODE
    if production != target.production:
        return Stand.NONE, "the environment is another than configured"
    if production == target.simulator:
        return Stand.NONE, "production data, and a simulator" if production else "test data, and no simulator"
    return _by_directive(snapshot, target, Reason(reasons))


def _by_directive(snapshot: Snapshot, target: Target, reasons: Reason) -> tuple[Stand, str]:
    directive, quality = _directive(snapshot, target.resource), snapshot.value(target.resource, "quality").value
    setpoint = snapshot.value(target.resource, "setpoint_mw")
    good = quality == Quality.GOOD and setpoint.quality is Quality.GOOD
    wanted = Directive.FOLLOW if target.production else Directive.TEST
    if directive is wanted and good and bool(reasons & Reason.TEST_ENVIRONMENT) != target.production:
        return Stand.ACT, directive.name
    if directive is Directive.RELEASE and reasons & Reason.FALLBACK and quality == Quality.BAD_COMM:
        if target.fallback_mw is not None and setpoint.value == target.fallback_mw:
            return Stand.ACT, "fallback"
        return Stand.NONE, "RELEASE, FALLBACK without a value"
    stand = Stand.HOLD if directive is Directive.HOLD else Stand.NONE
    return stand, f"{directive.name}, {_words(reasons)}"


def _problem(wish: Wish, release_mw: float | None) -> str:
    if wish.pmin_mw is None or wish.pmax_mw is None or wish.pmin_mw > wish.pmax_mw:
        return "refused: pmin_mw and pmax_mw are not known"
    if wish.target_mw is None:
        return "refused: the setpoint is no number"
    if not wish.pmin_mw <= wish.target_mw <= wish.pmax_mw:
        return "refused: the setpoint is outside pmin_mw and pmax_mw"
    if release_mw is not None and not wish.pmin_mw <= release_mw <= wish.pmax_mw:
        return "refused: release_mw is outside pmin_mw and pmax_mw"
    return ""


def _directive(snapshot: Snapshot, resource: str) -> Directive:
    value = snapshot.value(resource, "directive").value
    return Directive(value) if isinstance(value, int) and value in list(Directive) else Directive.NO_DATA


def _number(snapshot: Snapshot, resource: str, key: str) -> float | None:
    value = snapshot.value(resource, key).value
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _setpoint(snapshot: Snapshot, resource: str) -> float | None:
    """Return the setpoint; what is outside a limit by no more than the gateway allows everywhere is at the limit."""
    mw = _number(snapshot, resource, "setpoint_mw")
    for key in ("pmin_mw", "pmax_mw"):
        limit_mw = _number(snapshot, resource, key)
        if mw is not None and limit_mw is not None and abs(mw - limit_mw) <= LIMIT_TOLERANCE_MW:
            return limit_mw
    return mw


def _words(reasons: object) -> str:
    if not isinstance(reasons, int):
        return "reasons not known"
    return " ".join(str(reason.name) for reason in Reason if reason and reason & reasons) or "no reason given"
