"""The nouns of ADS: what the ISO sends, as frozen objects. The one table of all fields.

Each field states its element name on the wire, its unit and its meaning once, in ``element(...)``; the codec (both
directions), the JSON output and the documentation derive from it. Field order is the XSD's sequence order.
Rules: MW is positive for generation into the grid; times are aware UTC; text is stripped; an element we do not know
is kept in ``unknown``. Spec: ADS API v7 §5 (XSD) and §6; ``followDotFlag`` and ``passIndicator`` as seen in v8.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from datetime import datetime
from typing import Any

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType, ReasonCode


@dataclass(frozen=True, slots=True)
class Unknown:
    """An element of the payload that is not in our table: its local name and its text."""

    name: str
    text: str


def element(
    name: str, doc: str, *, unit: str = "", attribute: bool = False, item: str = "", required: bool = False
) -> Any:
    """Declare one field: ``name`` on the wire, ``item`` for the children of a list, ``unit`` (MW, MWh, min)."""
    meta = {"wire": name, "doc": doc, "unit": unit, "attribute": attribute, "item": item, "required": required}
    default: Any = MISSING if required else () if item else None
    return field(default=default, metadata=meta)


def attribute(name: str, doc: str) -> Any:
    """Declare the identifying XML attribute of a document element; always required."""
    return element(name, doc, attribute=True, required=True)


def _unknown() -> Any:
    return field(default=(), metadata={})


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionDetail:
    """One segment of a DOT. Interpretation: dot = RMPS + SUPP + SPIN + NSPN; negative SUPP is a curtailment."""

    seg_no: int = attribute("segNo", "order of the segment")
    service_type: str | None = element("serviceType", "SCHD, SUPP, RMPS, SPIN, NSPN, HASE, MSS, TBD or newer")
    mw: float | None = element("mw", "amount of the segment", unit="MW")
    unknown: tuple[Unknown, ...] = _unknown()


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What one resource is told by one batch."""

    instruction_uid: str = attribute("instructionUID", "identifier, unique across batches")
    batch_uid: str = element("batchUID", "the batch it belongs to", required=True)
    resource_id: str = element("resourceId", "master-file resource or intertie transaction", required=True)
    start_time: datetime | None = element("startTime", "start; for a DOT the target time at mid-interval")
    end_time: datetime | None = element("endTime", "end, where the type has one")
    dot_mw: float | None = element("dot", "dispatch operating target", unit="MW")
    oos_energy_code: str | None = element("oosEnergyCode", "exceptional dispatch energy code")
    as_type: str | None = element("asType", "ancillary service: EN, RU, RD, SR, NR, RC, LFU, LFD")
    instruction_type: InstructionType = element("instructionType", "what is asked", required=True)
    pre_goto_mw: float | None = element("preGoto", "previous DOT", unit="MW")
    bid_delay_min: int | None = element("bidDelay", "minutes to synchronise", unit="min")
    min_accept_mw: float | None = element("minAccept", "least amount that may be accepted", unit="MW")
    accept_dot_mw: float | None = element("acceptDot", "accepted DOT", unit="MW")
    accept_status: str | None = element("acceptStatus", "ACCEPT, DECLINE, PARTIAL or NON_RESPONSE")
    responder: str | None = element("responder", "who answered")
    reason_code: ReasonCode | None = element("reasonCode", "why it was declined or cut")
    opr_accept_dot_mw: float | None = element("oprAcceptDot", "DOT accepted by the ISO's operator", unit="MW")
    opr_accept_status: str | None = element("oprAcceptStatus", "answer of the ISO's operator")
    opr_responder: str | None = element("oprResponder", "operator who answered")
    opr_reason_code: ReasonCode | None = element("oprReasonCode", "the operator's reason")
    validated: datetime | None = element("validated", "receipt by an ADS user interface")
    validated_by: str | None = element("validatedBy", "that user")
    api_validated: datetime | None = element("apiValidated", "receipt by an API client")
    api_validated_by: str | None = element("apiValidatedBy", "common name of that client's certificate")
    pass_indicator: str | None = element("passIndicator", "market pass, such as RTED")
    revision_number: int = element("revisionNumber", "grows with each change", required=True)
    status_code: BatchStatus = element("statusCode", "status; may differ from the batch's", required=True)
    cleared_mw: float | None = element("clearedMW", "total ancillary award", unit="MW")
    award_mw: float | None = element("awardMW", "ancillary award", unit="MW")
    self_sched_mw: float | None = element("selfSchedMW", "self-scheduled ancillary service", unit="MW")
    hourly_mw: float | None = element("hourlyMw", "hourly schedule", unit="MW")
    rmr_test_requestor: str | None = element("rmrTestRequestor", "who asked for a reliability-must-run test")
    configuration_id: str | None = element("configurationId", "multi-stage configuration")
    transition_from_config_id: str | None = element("transitionFromConfigId", "configuration left by a transition")
    transition_to_config_id: str | None = element("transitionToConfigId", "configuration entered by a transition")
    agc_flag: str | None = element("agcFlag", "Y when on automatic generation control")
    rmr_flag: str | None = element("rmrFlag", "Y when dispatched up under a must-run contract")
    hourly_mw_threshold: float | None = element("hourlyMwThreshold", "RUC schedule", unit="MW")
    base_schedule_mw: float | None = element("baseSchedule", "base schedule of an EIM resource", unit="MW")
    registered_intertie_flag: str | None = element("registeredIntertieFlag", "Y for a registered resource")
    follow_dot_flag: str | None = element("followDotFlag", "v8: Y when a wind or solar resource must follow")
    detail: tuple[InstructionDetail, ...] = element("detail", "segments of the DOT", item="instructionDetail")
    unknown: tuple[Unknown, ...] = _unknown()


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchBatch:
    """One market run's batch. Without instructions it is a header, or nothing in it is visible to this certificate."""

    batch_uid: str = attribute("batchUID", "identifier; carries neither meaning nor order")
    market_id: str = element("marketID", "market run", required=True)
    batch_status: BatchStatus = element("batchStatus", "status", required=True)
    batch_received: datetime = element("batchReceived", "arrival in ADS", required=True)
    batch_sent: datetime | None = element("batchSent", "when it became active")
    batch_expires: datetime | None = element("batchExpires", "time of the last or next status change")
    batch_type: BatchType = element("batchType", "kind of batch", required=True)
    start_time: datetime = element("startTime", "start of the target interval", required=True)
    dispatch_mode: DispatchMode = element("dispatchMode", "how the run was started", required=True)
    binding_flag: str = element("bindingFlag", "Y when binding", required=True)
    revision_no: int = element("revisionNo", "grows with each change of batch or instruction", required=True)
    contingency_type: str | None = element("contingencyType", "RTCD or RTDD")
    path_exclusion: str | None = element("pathExclusion", "NTE, STE or NSTE")
    instructions: tuple[Instruction, ...] = element("instructions", "what is asked of whom", item="instruction")
    unknown: tuple[Unknown, ...] = _unknown()


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchOperatingPoint:
    """One point of the curve the ISO expects a resource to run along."""

    dop_uid: str = attribute("dopUID", "identifier")
    resource_id: str = element("resourceId", "the resource", required=True)
    dop_mw: float = element("dop", "dispatch operating point", unit="MW", required=True)
    target_time: datetime = element("targetTime", "when it is to be reached", required=True)
    sequence_number: int = element("sequenceNumber", "order of points with one target time", required=True)
    configuration_id: str | None = element("configurationId", "multi-stage configuration")
    unknown: tuple[Unknown, ...] = _unknown()


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplianceInterval:
    """The energy expected of a resource in one 5-minute interval, and whether it complied."""

    compliance_uid: str = attribute("complianceUID", "identifier")
    resource_id: str = element("resourceId", "the resource", required=True)
    start_time: datetime = element("startTime", "start of the 5-minute interval", required=True)
    expected_energy_mwh: float = element("mwh", "expected energy", unit="MWh", required=True)
    compl_flag: str = element("complFlag", "Y when in compliance", required=True)
    configuration_id: str | None = element("configurationId", "multi-stage configuration")
    unknown: tuple[Unknown, ...] = _unknown()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryBatch:
    """Operating points and compliance of one run. The binding flag is missing in the specification's own sample."""

    batch_uid: str = attribute("batchUID", "identifier")
    batch_received: datetime = element("batchReceived", "arrival in ADS", required=True)
    binding_flag: str | None = element("bindingFlag", "Y when the points are binding")
    batch_sent: datetime | None = element("batchSent", "when it became active")
    dops: tuple[DispatchOperatingPoint, ...] = element("dopList", "operating points", item="trajectoryDop")
    compliance: tuple[ComplianceInterval, ...] = element("complianceList", "compliance", item="trajectoryCompliance")
    unknown: tuple[Unknown, ...] = _unknown()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFollowingRequest:
    """One row of a metered-subsystem load-following request; up is positive, down negative."""

    sc_mss_batch_id: str = element("scMSSBatchId", "the scheduling coordinator's batch", required=True)
    sc_instruction_id: str = element("scMSSLFInstructionId", "the coordinator's row", required=True)
    resource_id: str = element("resourceId", "the resource", required=True)
    start_time: datetime = element("startTime", "start", required=True)
    end_time: datetime = element("endTime", "end", required=True)
    load_following_mw: float = element("loadFollowingMW", "amount", unit="MW", required=True)
    unknown: tuple[Unknown, ...] = _unknown()


@dataclass(frozen=True, slots=True, kw_only=True)
class MssLfRequest:
    """What submitMSSLFRequest sends."""

    sc_mss_batch_id: str = element("scMSSBatchId", "the scheduling coordinator's batch", required=True)
    requests: tuple[LoadFollowingRequest, ...] = element(
        "mssLFInstructionRequests", "rows", item="MSSLFInstructionRequest"
    )
    unknown: tuple[Unknown, ...] = _unknown()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFollowingResult:
    """The ISO's verdict on one row of a load-following request."""

    caiso_mss_batch_id: str = element("caisoMSSBatchId", "the ISO's batch", required=True)
    caiso_instruction_id: str = element("caisoMSSLFInstructionId", "the ISO's row", required=True)
    sc_mss_batch_id: str = element("scMSSBatchId", "the coordinator's batch", required=True)
    sc_instruction_id: str = element("scMSSLFInstructionId", "the coordinator's row", required=True)
    validated: bool = element("validated", "whether the row passed", required=True)
    unknown: tuple[Unknown, ...] = _unknown()


@dataclass(frozen=True, slots=True, kw_only=True)
class MssLfResponse:
    """What submitMSSLFRequest returns."""

    caiso_mss_batch_id: str = element("caisoMSSBatchId", "the ISO's batch", required=True)
    sc_mss_batch_id: str = element("scMSSBatchId", "the coordinator's batch", required=True)
    results: tuple[LoadFollowingResult, ...] = element(
        "mssLFInstructionResponses", "rows", item="MSSLFInstructionResponse"
    )
    unknown: tuple[Unknown, ...] = _unknown()


def is_yes(flag: str | None) -> bool | None:
    """Read a Y/N flag: True, False, or None when it is absent or neither."""
    return {"Y": True, "YES": True, "N": False, "NO": False}.get((flag or "").strip().upper())
