"""Plays a scenario on a market: each event becomes an action at its second after the start.

Rule: an event that finds nothing to act on (no such batch or resource yet) does nothing; outages, delays and wishes
are known from the start because they change what arrives.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.simulator import hourly
from caiso_ads.simulator.batches import segments
from caiso_ads.simulator.faults import Faults
from caiso_ads.simulator.fleet import Resource
from caiso_ads.simulator.grid import HOUR, INTERVAL, floor
from caiso_ads.simulator.market import Market
from caiso_ads.simulator.oasis_market import PriceChange
from caiso_ads.simulator.oasis_posting import PriceDelay
from caiso_ads.simulator.scenario import (
    Arm,
    Cancel,
    CorrectPrices,
    Defer,
    Delay,
    Event,
    Issue,
    LatePrices,
    Outage,
    Revise,
    Scenario,
    Want,
)
from caiso_ads.simulator.schedule import Disturbance


def play(scenario: Scenario, market: Market, faults: Faults) -> None:
    """Plan all events of a scenario, counted from the market's start; again and again where it says so."""
    _round(scenario, market, faults, market.started)


def _round(scenario: Scenario, market: Market, faults: Faults, began: datetime) -> None:
    for event in scenario.events:
        when = began + timedelta(seconds=event.at_s)
        if isinstance(event, Outage | Delay):
            late = event.by_s if isinstance(event, Delay) else None
            market.disturb(Disturbance(when, when + timedelta(seconds=event.for_s), late, event.kinds))
        elif isinstance(event, Want):
            market.profiles.want(event.resource, when, when + timedelta(seconds=event.for_s), event.mw)
        elif not isinstance(event, CorrectPrices | LatePrices):
            market.at(when, partial(_act, event, when, market, faults))
    if scenario.again_s is not None:
        again = began + timedelta(seconds=scenario.again_s)
        market.at(again, partial(_round, scenario, market, faults, again))


def price_changes(scenario: Scenario, started: datetime) -> list[PriceChange]:
    """Return the corrections of prices in a scenario, counted from that start."""
    changes = []
    for event in scenario.events:
        if isinstance(event, CorrectPrices):
            at = started + timedelta(seconds=event.at_s)
            start = at - timedelta(seconds=event.before_s)
            end, announced = start + timedelta(seconds=event.for_s), at + timedelta(seconds=event.announced_after_s)
            changes.append(PriceChange(event.market, start, end, event.add_usd_per_mwh, at, announced, event.node))
    return changes


def price_delays(scenario: Scenario, started: datetime) -> list[PriceDelay]:
    """Return the late publications of a scenario, counted from that start."""
    found = [
        (event, started + timedelta(seconds=event.at_s)) for event in scenario.events if isinstance(event, LatePrices)
    ]
    return [
        PriceDelay(event.market, at, at + timedelta(seconds=event.for_s), timedelta(seconds=event.by_s))
        for event, at in found
    ]


def _act(event: Event, when: datetime, market: Market, faults: Faults) -> None:
    if isinstance(event, Arm):
        fault = event.fault()
        faults.add(fault)
        if event.for_s is not None:
            market.at(when + timedelta(seconds=event.for_s), partial(faults.remove, fault))
    elif isinstance(event, Issue):
        header = _header(event, when, market)
        uid = market.issue(header, _rows(event, header["start_time"], market), when=when)
        if event.batch_type in hourly.TYPES:
            hourly.plan(market, uid)
    elif isinstance(event, Cancel | Defer | Revise):
        _withdraw_or_revise(event, market)


def _withdraw_or_revise(event: Cancel | Defer | Revise, market: Market) -> None:
    resource = event.resource if isinstance(event, Revise) else ""
    entry = market.newest(event.batch_type, resource)
    if entry is None:
        return
    if isinstance(event, Revise):
        told = next(i for i in entry.full().instructions if i.resource_id == event.resource)
        market.revise(entry.uid, event.resource, round((told.dot_mw or 0.0) + event.add_mw, 2))
    elif isinstance(event, Cancel):
        market.cancel(entry.uid)
    else:
        market.defer(entry.uid)


def _header(event: Issue, when: datetime, market: Market) -> dict[str, Any]:
    start = (when + timedelta(seconds=event.ahead_s)).replace(microsecond=0)
    opened: dict[str, Any] = {}
    if event.batch_type in hourly.TYPES:
        start = floor(start - timedelta(seconds=1), HOUR) + HOUR
        opened = {"batch_status": BatchStatus.ACTIVE, "batch_expires": hourly.ends(market, when, start)}
    return {
        **opened,
        "batch_type": BatchType(event.batch_type),
        "start_time": start,
        "dispatch_mode": DispatchMode(event.mode),
        "contingency_type": event.contingency_type,
        "path_exclusion": event.path_exclusion,
    }


def _rows(event: Issue, start: datetime, market: Market) -> list[dict[str, Any]]:
    resource = market.fleet.resource(event.resource)
    if resource is None:
        return []
    row = {
        "resource_id": resource.resource_id,
        "start_time": start,
        "end_time": start + timedelta(seconds=event.lasts_s) if event.lasts_s else None,
        "instruction_type": InstructionType(event.instruction_type),
        "min_accept_mw": event.min_accept_mw,
        "as_type": event.as_type,
        "award_mw": event.award_mw,
        "cleared_mw": event.award_mw,
        "transition_from_config_id": event.from_configuration,
        "transition_to_config_id": event.to_configuration,
    }
    return [row | _dot(event, start, resource, market)]


def _dot(event: Issue, start: datetime, resource: Resource, market: Market) -> dict[str, Any]:
    if event.dot_mw is None:
        return {}
    now = market.profiles.target(resource, floor(start, INTERVAL))
    change = round(event.dot_mw - now.ramped_mw, 2)
    spin = max(round(event.dot_mw - now.dot_mw, 2), 0.0) if event.mode == DispatchMode.CONTINGENCY else 0.0
    return {
        "dot_mw": event.dot_mw,
        "pre_goto_mw": now.dot_mw,
        "accept_dot_mw": event.dot_mw,
        "bid_delay_min": 2,
        "hourly_mw": now.scheduled_mw,
        "detail": segments(
            scheduled=now.scheduled_mw, supplemental=round(change - spin, 2), ramped=now.ramped_mw, spin=spin
        ),
    }
