"""Turns one arrival into the ISO-wide documents ADS holds: pure, from profiles and schedule.

Rule: a document holds the instructions of everybody; who may see what is decided when it is read. Shapes follow the
captured v8 messages: no endTime and five detail segments in a 5-minute DOT, no dot in an award.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.model import (
    ComplianceInterval,
    DispatchBatch,
    DispatchOperatingPoint,
    Instruction,
    InstructionDetail,
    TrajectoryBatch,
)
from caiso_ads.simulator.dop import Point, Run, curve, energy_mwh
from caiso_ads.simulator.fleet import Fleet, Resource, Technology
from caiso_ads.simulator.grid import HALF_INTERVAL, HOUR, INTERVAL, QUARTER, epoch_minutes, floor, market_id
from caiso_ads.simulator.noise import unit
from caiso_ads.simulator.profiles import Profiles
from caiso_ads.simulator.schedule import Arrival, Kind
from caiso_ads.simulator.switches import Switches

_BATCH_TYPES = {
    Kind.FIVE_MINUTE: BatchType.FIVE_MINUTE,
    Kind.HOUR_AHEAD: BatchType.FIVE_MINUTE,
    Kind.HOURLY: BatchType.HOURLY_PRE_DISPATCH,
    Kind.COMMITMENT: BatchType.COMMITMENT,
    Kind.AS_AWARDS: BatchType.AS_AWARDS,
    Kind.EXCEPTIONAL: BatchType.OUT_OF_SEQUENCE,
}
_AWARD_SHARE = 0.08  # of hours and services; leaves about two batches in five without anything for the default plant


def segments(
    *, scheduled: float, supplemental: float, ramped: float, spin: float = 0.0
) -> tuple[InstructionDetail, ...]:
    """Return the five segments of a DOT in captured order; powers in MW."""
    parts = (("SCHD", scheduled), ("SUPP", supplemental), ("RMPS", ramped), ("SPIN", spin), ("NSPN", 0.0))
    return tuple(InstructionDetail(seg_no=n, service_type=name, mw=mw) for n, (name, mw) in enumerate(parts, start=1))


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes documents for one fleet, one seed and one set of switches."""

    fleet: Fleet
    profiles: Profiles
    seed: int
    switches: Switches

    def dispatch(self, arrival: Arrival, uid: str) -> DispatchBatch:
        """Return the batch of one arrival with everybody's instructions."""
        rows = {
            Kind.FIVE_MINUTE: self._dots,
            Kind.HOUR_AHEAD: self._hour_ahead,
            Kind.HOURLY: self._hourly,
            Kind.COMMITMENT: self._commitment,
            Kind.AS_AWARDS: self._awards,
            Kind.EXCEPTIONAL: self._exceptional,
        }[arrival.kind](arrival.target)
        return self.numbered(self.header(arrival, uid), list(rows))

    def header(self, arrival: Arrival, uid: str) -> DispatchBatch:
        """Return the batch of one arrival without instructions; cheap, for lists."""
        received = arrival.received.replace(microsecond=0)
        hourly = arrival.kind is Kind.HOURLY
        window = timedelta(seconds=self.switches.hourly_participant_s)
        return DispatchBatch(
            batch_uid=uid,
            market_id=market_id(arrival.target),
            batch_status=BatchStatus.ACTIVE if hourly else BatchStatus.CLOSED,
            batch_received=received,
            batch_sent=received,
            batch_expires=received + window if hourly else received,
            batch_type=_BATCH_TYPES[arrival.kind],
            start_time=self._start(arrival),
            dispatch_mode=DispatchMode.INTERVAL,
            binding_flag="Y",
            revision_no=0,
        )

    def numbered(self, header: DispatchBatch, rows: list[dict[str, Any]]) -> DispatchBatch:
        """Give each instruction its place in the ISO-wide batch: growing numbers with gaps."""
        status = header.batch_status if self.switches.instruction_status == "batch" else BatchStatus.NEW
        common: dict[str, Any] = {"batch_uid": header.batch_uid, "revision_number": 0, "status_code": status}
        instructions, number = [], 0
        for row in rows:
            number += 1 + int(unit(self.seed, "gap", header.batch_uid, number) * 300)
            uid = f"{header.batch_uid}-I{number}"
            instructions.append(Instruction(instruction_uid=uid, **(common | row)))
        return replace(header, instructions=tuple(instructions))

    def trajectory(self, arrival: Arrival, uid: str) -> TrajectoryBatch:
        """Return the operating points up to the middle of the target interval, and the compliance of the last one."""
        received = arrival.received.replace(microsecond=0)
        points = [(r, p, n) for r in self.fleet.resources for n, p in enumerate(self._points(r, arrival.target), 1)]
        ended = floor(arrival.received, INTERVAL) - INTERVAL
        return TrajectoryBatch(
            batch_uid=uid,
            batch_received=received,
            binding_flag="Y",
            batch_sent=received,
            dops=tuple(
                DispatchOperatingPoint(
                    dop_uid=f"{uid}-D{n}",
                    resource_id=resource.resource_id,
                    dop_mw=point.mw,
                    target_time=point.at,
                    sequence_number=sequence,
                )
                for n, (resource, point, sequence) in enumerate(points, start=1)
            ),
            compliance=tuple(
                self._compliance(resource, ended, f"{uid}-C{n}")
                for n, resource in enumerate(self.fleet.resources, start=1)
            ),
        )

    def _start(self, arrival: Arrival) -> datetime:
        if arrival.kind is not Kind.EXCEPTIONAL:
            return arrival.target
        active = [self.profiles.exceptional(r, arrival.target) for r in self.fleet.resources]
        return min((held.start for held in active if held), default=arrival.target)

    def has_exceptional(self, target: datetime) -> bool:
        """Whether any resource of the ISO is under exceptional dispatch in that interval."""
        return any(self.profiles.exceptional(r, target) for r in self.fleet.resources)

    def _points(self, resource: Resource, interval: datetime) -> list[Point]:
        mw = [self.profiles.target(resource, interval - INTERVAL * back).dot_mw for back in (2, 1, 0)]
        return curve(resource, Run(interval, *mw), timedelta(seconds=self.switches.trajectory_step_s))

    def _compliance(self, resource: Resource, ended: datetime, uid: str) -> ComplianceInterval:
        points = self._points(resource, ended) + self._points(resource, ended + INTERVAL)
        missed = unit(self.seed, "compliance", resource.resource_id, int(epoch_minutes(ended))) < 0.05
        return ComplianceInterval(
            compliance_uid=uid,
            resource_id=resource.resource_id,
            start_time=ended,
            expected_energy_mwh=round(energy_mwh(points, ended, ended + INTERVAL), 4),
            compl_flag="N" if missed else "Y",
        )

    def _dots(self, target: datetime) -> Iterator[dict[str, Any]]:
        for resource in self.fleet.resources:
            yield self.dot_row(resource, target)

    def _hour_ahead(self, target: datetime) -> Iterator[dict[str, Any]]:
        for resource in self.fleet.resources:
            if resource.technology is Technology.HYDRO:
                yield self.dot_row(resource, target)

    def dot_row(self, resource: Resource, target: datetime) -> dict[str, Any]:
        """Return the fields of a 5-minute DOT; the start is the target time at mid-interval."""
        now = self.profiles.target(resource, target)
        previous = self.profiles.target(resource, target - INTERVAL)
        flag = {True: "Y", False: None}[now.curtailed and resource.renewable]
        return {
            "resource_id": resource.resource_id,
            "start_time": target + HALF_INTERVAL,
            "dot_mw": now.dot_mw,
            "instruction_type": InstructionType.DOT,
            "pre_goto_mw": previous.dot_mw,
            "bid_delay_min": 2,
            "accept_dot_mw": now.dot_mw,
            "pass_indicator": "RTED",
            "hourly_mw": now.scheduled_mw,
            "agc_flag": "N",
            "rmr_flag": "N",
            "base_schedule_mw": 0.0,
            "follow_dot_flag": flag,
            "detail": segments(scheduled=now.scheduled_mw, supplemental=now.supplemental_mw, ramped=now.ramped_mw),
        }

    def _hourly(self, hour: datetime) -> Iterator[dict[str, Any]]:
        for resource in self.fleet.resources:
            if resource.technology is Technology.INTERTIE:
                award = self.profiles.award_mw(resource, hour)
                partly = unit(self.seed, "minimum", resource.resource_id, int(epoch_minutes(hour))) < 0.5
                yield {
                    "resource_id": resource.resource_id,
                    "start_time": hour,
                    "end_time": hour + HOUR,
                    "dot_mw": award,
                    "instruction_type": InstructionType.DOT,
                    "pre_goto_mw": self.profiles.award_mw(resource, hour - HOUR),
                    "min_accept_mw": round(award / 2, 1) if partly else None,
                    "pass_indicator": "HA-SCUC",
                    "hourly_mw": round(award * 0.8, 1),
                    "hourly_mw_threshold": round(award * 0.9, 1),
                    "registered_intertie_flag": "Y",
                }

    def _commitment(self, quarter: datetime) -> Iterator[dict[str, Any]]:
        for resource in self.fleet.resources:
            change = self.profiles.switches_at(resource, quarter) if resource.commits else None
            if change is not None:
                yield {
                    "resource_id": resource.resource_id,
                    "start_time": quarter,
                    "dot_mw": resource.pmin_mw if change else 0.0,
                    "instruction_type": InstructionType.START_UP if change else InstructionType.SHUT_DOWN,
                    "pass_indicator": "RTPD",
                }

    def _awards(self, quarter: datetime) -> Iterator[dict[str, Any]]:
        hour = int(epoch_minutes(floor(quarter, HOUR)))
        for resource in self.fleet.resources:
            running = not resource.commits or self.profiles.is_on(resource, quarter)
            for as_type in resource.as_types if running else ():
                chance = unit(self.seed, "award", resource.resource_id, as_type, hour)
                if chance < _AWARD_SHARE:
                    award, own = round(2 + 200 * chance, 1), round(50 * chance, 1)
                    yield {
                        "resource_id": resource.resource_id,
                        "start_time": quarter,
                        "end_time": quarter + QUARTER,
                        "as_type": as_type,
                        "instruction_type": InstructionType.CAPACITY_AWARD,
                        "pass_indicator": "RTPD",
                        "cleared_mw": round(award + own, 1),
                        "award_mw": award,
                        "self_sched_mw": own,
                    }

    def _exceptional(self, target: datetime) -> Iterator[dict[str, Any]]:
        for resource in self.fleet.resources:
            held = self.profiles.exceptional(resource, target)
            if held:
                yield {
                    "resource_id": resource.resource_id,
                    "start_time": held.start,
                    "end_time": held.end,
                    "dot_mw": held.mw,
                    "oos_energy_code": "OTHER",
                    "instruction_type": InstructionType.FIXED_CONSTRAINT,
                }
