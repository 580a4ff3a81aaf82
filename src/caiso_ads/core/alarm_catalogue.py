"""The one catalogue of alarms: what can be wrong, what it leads to, what to do, and which cause explains which others.

Rule: an alarm that is not here does not exist; the page, the command line and ``docs/alarms.md`` derive from it. A root
stands before what follows from it.
"""

from __future__ import annotations

from caiso_ads.core.alarm_kinds import AlarmKind, Priority, Scope
from caiso_ads.core.events import Notice
from caiso_ads.core.quality import Reason

SETTLE_S = 30.0
"""How long a difference or a rate must have crossed its limit (s)."""
FLOOD, TEST = "flood", "test"
"""Kinds that are raised by the alarms themselves and by a person."""
_SILENCE = ("link", "certificate_refused", "market_silent")
_OURS = (*_SILENCE, "clock", "store")
"""Causes that take the targets of every resource with them."""
_GATEWAY, _RESOURCE, _CERTIFICATE = Scope.GATEWAY, Scope.RESOURCE, Scope.CERTIFICATE
_CRITICAL, _HIGH, _MEDIUM, _LOW = Priority


def _expiry(days: int, priority: Priority, *nearer: int) -> AlarmKind:
    return AlarmKind(
        f"certificate_{days}d", _CERTIFICATE, priority,
        f"certificate {{subject}} expires within {days} day{'s' if days > 1 else ''}, or has expired",
        f"certificate {{subject}} no longer expires within {days} day{'s' if days > 1 else ''}",
        "the validity of our client certificate ends",
        "the ISO refuses us from that moment on: no targets, no answers",
        "order a new one from the ISO, then: caiso-ads cert import",
        roots=tuple(f"certificate_{one}d" for one in nearer),
    )  # fmt: skip


CATALOGUE: tuple[AlarmKind, ...] = (
    AlarmKind(
        "certificate_refused", _GATEWAY, _CRITICAL,
        "the ISO refuses our certificate", "the ISO takes our certificate again",
        "expired, revoked, or not registered for this environment",
        "no contact with ADS: targets are held and then the fallback applies",
        "look with: caiso-ads cert show; call the ISO's certificate desk",
        bit=Reason.CERTIFICATE, logged=False,
    ),
    AlarmKind(
        "link", _GATEWAY, _CRITICAL, "no contact with ADS", "ADS answers again",
        "network, firewall, DNS, the ISO's maintenance, or our certificate",
        "targets grow old: HOLD, and after the hold time the fallback of each resource",
        "check the way to the ISO and its notices; call its generation dispatch desk for instructions",
        on_delay_s=SETTLE_S, roots=("certificate_refused",), logged=False,
    ),
    AlarmKind(
        "store", _GATEWAY, _CRITICAL, "the store cannot write", "the store takes writes again",
        "disk full, read-only or failing", "nothing new is shown or acknowledged: HOLD",
        "free space or mend the disk; the gateway goes on by itself",
        logged=False,
    ),
    AlarmKind(
        "clock", _GATEWAY, _HIGH, "our clock is not trusted, targets are frozen", "our clock is trusted again",
        "the clock of this machine differs from the ISO's, or jumped", "HOLD for every resource",
        "set the clock right (NTP)",
        logged=False,
    ),
    AlarmKind(
        "market_silent", _GATEWAY, _HIGH,
        "market silent: no new 5-minute batch comes", "5-minute batches come again",
        "the ISO's market did not run, or does not send us its results", "HOLD without end, as the ISO asks for",
        "look at the ISO's notices (AWE, market messages)",
        bit=Reason.MARKET_SILENT, roots=("link", "certificate_refused"),
    ),
    AlarmKind(
        "unreadable", _GATEWAY, _HIGH,
        "a batch came that cannot be read", "what cannot be read no longer stands in the way",
        "the ISO sent something this version does not understand",
        "HOLD until a later 5-minute batch was read; that batch is not acknowledged",
        "look at the ISO's own page; update, then: caiso-ads replay --decode",
        bit=Reason.BATCH_UNREADABLE, roots=("link", "certificate_refused"), logged=False,
    ),
    AlarmKind(
        "role", _GATEWAY, _HIGH, "the ISO does not let our certificate answer",
        "the ISO takes answers of our certificate again",
        "the certificate has no role for responses (result 5)", "hourly instructions cannot be answered from here",
        "answer in the ISO's own page; ask the ISO for the role, or see [responses]",
        logged=False,
    ),
    AlarmKind(
        "login", _GATEWAY, _HIGH, "somebody is guessing passwords of the page", "no more passwords are guessed",
        "repeated wrong passwords", "a weak password would be found",
        "look where it comes from (evidence); take the account or the network off",
    ),
    AlarmKind(
        FLOOD, _GATEWAY, _HIGH, "many alarms at once: those of lower priority are gathered here", "the flood of alarms is over",
        "more than 10 alarms within 10 minutes", "single alarms would be overlooked",
        "look for the common cause first",
        off_delay_s=0.0,
    ),
    _expiry(1, _CRITICAL),
    _expiry(7, _HIGH, 1),
    _expiry(14, _MEDIUM, 7, 1),
    _expiry(30, _MEDIUM, 14, 7, 1),
    _expiry(60, _LOW, 30, 14, 7, 1),
    AlarmKind(
        "sink_required_failed", Scope.SINK, _HIGH, "the required sink {subject} does not serve",
        "the required sink {subject} serves again",
        "its port is taken, or its library failed", "the plant cannot read by it; nothing is acknowledged to the ISO",
        "look at the log; free the port",
        on_delay_s=10.0, logged=False,
    ),
    AlarmKind(
        "receipts", _GATEWAY, _MEDIUM, "receipts are not confirmed to the ISO for 10 minutes",
        "all receipts are confirmed",
        "a required sink does not serve, or the ISO does not take the confirmation",
        "the ISO sees batches as not received", "look at the sinks and at the log of the outbox",
        on_delay_s=600.0, roots=("certificate_refused", "link", "store", "sink_required_failed"),
    ),
    AlarmKind(
        "sink_failed", Scope.SINK, _MEDIUM, "the sink {subject} does not serve", "the sink {subject} serves again",
        "its port is taken, or its library failed", "who reads by it sees nothing new",
        "look at the log; free the port",
        on_delay_s=10.0, logged=False,
    ),
    AlarmKind(
        "contingency", _RESOURCE, _HIGH,
        "contingency dispatch; target {dot_mw} MW, next {next_dot_mw} MW", "contingency dispatch is over",
        "the ISO runs its contingency dispatch", "targets move more and faster than usual",
        "follow; keep the unit able to ramp",
        bit=Notice.CONTINGENCY,
    ),
    AlarmKind(
        "exceptional", _RESOURCE, _HIGH,
        "exceptional dispatch; target {dot_mw} MW", "exceptional dispatch is over",
        "the ISO's operators instruct outside the market", "the target does not follow from prices",
        "follow; expect a call of the ISO",
        bit=Notice.EXCEPTIONAL_DISPATCH,
    ),
    AlarmKind(
        "value_refused", _RESOURCE, _HIGH,
        "a value was refused, outside the limits or beyond the ramp rate; {setpoint_mw} MW is kept",
        "a usable value took the place of the one refused",
        "the ISO's target does not fit the configured limits", "HOLD with the last value",
        "compare pmin, pmax and ramp rate with the ISO's master file; report an outage where the unit is derated",
        bit=Reason.VALUE_REFUSED,
    ),
    AlarmKind(
        "conflict", _RESOURCE, _HIGH,
        "two contents of one revision; the last received is used, UNCERTAIN until it is read again; target {dot_mw} MW",
        "two contents of one revision: read again, or no longer shown; target {dot_mw} MW",
        "the ISO sent one revision with two contents", "HOLD until it was read again",
        "compare with the ISO's own page",
        bit=Reason.CONFLICT, roots=_SILENCE,
    ),
    AlarmKind(
        "schedule_over", _RESOURCE, _HIGH,
        "the schedule ran out: FOLLOW is over, {setpoint_mw} MW is held", "the schedule covers now again",
        "no newer operating points or targets came for this resource", "HOLD with the last value",
        "compare with the ISO's own page; ask the ISO",
        bit=Reason.INTERVAL_NOT_COVERED, number="setpoint_mw", on_delay_s=SETTLE_S, roots=(*_OURS, "unreadable"),
    ),
    AlarmKind(
        "intervals_missing", _RESOURCE, _MEDIUM,
        "no target for {missed_intervals} intervals in a row", "targets arrive again",
        "the market leaves this resource out, or a batch was lost", "the setpoint follows older targets",
        "look with: caiso-ads intervals; compare with the ISO's own page",
        bit=Notice.INTERVALS_MISSING, number="missed_intervals", roots=(*_OURS, "unreadable"),
    ),
    AlarmKind(
        "mismatch", _RESOURCE, _MEDIUM,
        "our ramp {ramp_mw} MW and the ISO's operating point {dop_mw} MW disagree",
        "our ramp {ramp_mw} MW and the ISO's operating point {dop_mw} MW agree again",
        "targets and operating points of the ISO differ", "one of both is not what the ISO means",
        "compare with the ISO's own page",
        bit=Reason.MISMATCH, number="ramp_minus_dop_mw", on_delay_s=SETTLE_S, off_delay_s=SETTLE_S, roots=_OURS,
    ),
    AlarmKind(
        "not_binding", _RESOURCE, _MEDIUM,
        "the setpoint {setpoint_mw} MW carries no binding flag: UNCERTAIN",
        "the setpoint is flagged as binding again",
        "the ISO sent advisory values only", "HOLD with the last value",
        "ask the ISO",
        bit=Reason.NOT_BINDING, roots=_SILENCE,
    ),
    AlarmKind(
        "configuration", _RESOURCE, _MEDIUM,
        "target {dot_mw} MW is for another configuration than the one before, and no transition was instructed",
        "the configuration of the targets no longer changes without a transition",
        "a transition instruction is missing, or the configuration is not as the ISO believes",
        "the unit cannot follow as it is", "call the ISO",
        bit=Notice.CONFIGURATION,
    ),
    AlarmKind(
        "beyond_ramp", _RESOURCE, _LOW,
        "next target {next_dot_mw} MW needs {required_mw_per_min} MW/min, more than the configured ramp rate",
        "the next target can be reached in time again",
        "the step is larger than ramp_mw_per_min allows", "the target is reached late",
        "compare the ramp rate with the ISO's master file",
        bit=Notice.BEYOND_RAMP, on_delay_s=SETTLE_S, off_delay_s=SETTLE_S, roots=_OURS,
    ),
    AlarmKind(
        "hourly_closes", Scope.INSTRUCTION, _HIGH,
        "hourly instruction {subject} closes within 5 minutes and is not answered",
        "hourly instruction {subject} is answered, or its window is over",
        "nobody has accepted or declined it", "the ISO takes its own rule for silence",
        "answer it: caiso-ads instructions, or the page",
        off_delay_s=0.0, roots=("link", "certificate_refused"),
    ),
    AlarmKind(
        "price_failing", _GATEWAY, _LOW, "the price service does not answer", "the price service answers again",
        "network, or the ISO's OASIS is down", "prices grow old; setpoints are not touched",
        "wait; look at the ISO's notices",
        on_delay_s=120.0, logged=False,
    ),
    AlarmKind(
        "price_stale", Scope.NODE, _LOW, "no present price of {subject}", "the price of {subject} is present again",
        "the ISO has not posted it", "who decides by price has none", "look with: caiso-ads lmp",
        on_delay_s=300.0, roots=("price_failing", "clock"), logged=False,
    ),
    AlarmKind(
        TEST, _GATEWAY, _LOW, "test alarm: nothing is wrong", "the test alarm is over",
        "somebody pressed the test button", "none: it shows that alarms reach people",
        "acknowledge it", off_delay_s=0.0,
    ),
)  # fmt: skip

BY_KEY = {kind.key: kind for kind in CATALOGUE}
"""Each kind by its key, in the order of the catalogue."""
