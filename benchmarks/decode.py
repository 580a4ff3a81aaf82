"""Decode one packed dispatch batch to typed, checked objects, against parsers that do less.

Yardsticks: ``lxml.etree.fromstring`` of the inflated XML (no types, no checks, no unpacking) and minidom read by
``getElementsByTagName`` to strings, as the 2018 scripts did. Rounds are interleaved, and medians of CPU time compared in one run.
Targets: at most 5 times bare lxml, at least 8 times faster than minidom, at 500 instructions of 8 segments.

    python benchmarks/decode.py [--instructions N] [--rounds N] [--mix fleet|dispatched] [--json]
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from xml.dom import minidom

from lxml import etree

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.model import DispatchBatch, Instruction, InstructionDetail
from caiso_ads.wire.packing import pack, unpack
from caiso_ads.wire.payload import decode_batch, encode

UID = "DISP-12A1D8C0-ADD6-4038-B0D5-0A0900140001"
START = datetime(2020, 7, 21, 23, 20, tzinfo=UTC)
SERVICES = ("SCHD", "SUPP", "RMPS", "SPIN", "NSPN", "HASE", "MSS", "TBD")
MOST_TIMES_LXML = 5.0
LEAST_TIMES_FASTER_THAN_MINIDOM = 8.0


def instruction(at: int, mix: str) -> Instruction:
    """Return one acknowledged 5-minute instruction; energy follows dot = RMPS + SUPP, other segments are zero.

    In a ``fleet`` one resource of three is off line, one follows its schedule and one is dispatched away from it. With
    ``dispatched`` every resource is, each to amounts of its own: the least that reading can gain from repetition.
    """
    state = at % 3 if mix == "fleet" else 2
    scheduled = at * 137 % 4000 / 10 if state else 0.0
    supplemental = (at * 73 % 600 - 300) / 10 if state == 2 else 0.0
    dot = round(scheduled + supplemental, 1)
    amounts = (scheduled, supplemental, scheduled, 0.0, 0.0, 0.0, 0.0, 0.0)
    return Instruction(
        instruction_uid=f"{UID}-I{at * 7}",
        batch_uid=UID,
        resource_id=f"PLANT{at}_7_UNIT",
        start_time=START + timedelta(seconds=150),
        dot_mw=dot,
        instruction_type=InstructionType.DOT,
        pre_goto_mw=round(dot - (at * 31 % 90 - 45) / 10, 1) if state else 0.0,
        bid_delay_min=2,
        accept_dot_mw=dot,
        accept_status="ACCEPT",
        responder="operator1",
        validated=START - timedelta(seconds=200),
        validated_by="operator1",
        api_validated=START - timedelta(seconds=220),
        api_validated_by="plantx1234",
        pass_indicator="RTED",
        revision_number=0,
        status_code=BatchStatus.NEW,
        hourly_mw=scheduled,
        configuration_id=f"PLANT{at}_7_UNIT_1x1",
        agc_flag="N",
        rmr_flag="N",
        hourly_mw_threshold=scheduled,
        base_schedule_mw=0.0,
        follow_dot_flag="N",
        detail=tuple(
            InstructionDetail(seg_no=number, service_type=service, mw=mw)
            for number, (service, mw) in enumerate(zip(SERVICES, amounts, strict=True), 1)
        ),
    )


def batch(instructions: int, mix: str) -> DispatchBatch:
    """Return a 5-minute batch of so many instructions."""
    received = START - timedelta(seconds=236)
    return DispatchBatch(
        batch_uid=UID,
        market_id="120072117",
        batch_status=BatchStatus.CLOSED,
        batch_received=received,
        batch_sent=received,
        batch_expires=received,
        batch_type=BatchType.FIVE_MINUTE,
        start_time=START,
        dispatch_mode=DispatchMode.INTERVAL,
        binding_flag="Y",
        revision_no=0,
        instructions=tuple(instruction(at, mix) for at in range(instructions)),
    )


def by_minidom(xml: bytes) -> list[dict[str, str]]:
    """Read every instruction to strings by element name."""
    document: Any = minidom.parseString(xml)
    rows = []
    for node in document.getElementsByTagName("instruction"):
        names = [child.tagName for child in node.childNodes if child.tagName != "detail"]
        row = {name: node.getElementsByTagName(name)[0].firstChild.data for name in names}
        for segment in node.getElementsByTagName("instructionDetail"):
            service = segment.getElementsByTagName("serviceType")[0].firstChild.data
            row[service] = segment.getElementsByTagName("mw")[0].firstChild.data
        rows.append(row)
    return rows


def interleaved(cases: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median CPU milliseconds of each case; every round runs all cases once.

    The collector runs before each case, outside of its time, so that nobody pays for minidom's cyclic garbage.
    """
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            gc.collect()
            begin = time.process_time()
            case()
            times[name].append((time.process_time() - begin) * 1000)
    return {name: median(values) for name, values in times.items()}


def measure(instructions: int, rounds: int, mix: str) -> dict[str, Any]:
    """Measure one size and compare with the targets."""
    original = batch(instructions, mix)
    xml = encode(original)
    packed = pack(xml)
    if decode_batch(packed, expected_uid=UID) != original or len(by_minidom(xml)) != instructions:
        raise SystemExit("a reader is wrong; its time means nothing")
    cases: dict[str, Callable[[], Any]] = {
        "bare lxml": lambda: etree.fromstring(xml),
        "minidom": lambda: by_minidom(xml),
        "unpack only": lambda: unpack(packed),
        "decode_batch": lambda: decode_batch(packed, expected_uid=UID),
    }
    medians = interleaved(cases, rounds)
    ours = medians["decode_batch"]
    return {
        "instructions": instructions,
        "mix": mix,
        "xml_bytes": len(xml),
        "packed_bytes": len(packed),
        "python": platform.python_version(),
        "median_cpu_ms": {name: round(value, 3) for name, value in medians.items()},
        "times_bare_lxml": round(ours / medians["bare lxml"], 2),
        "times_faster_than_minidom": round(medians["minidom"] / ours, 1),
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures as a table for people."""
    base = result["median_cpu_ms"]["bare lxml"]
    lines = [
        f"{result['instructions']} instructions ({result['mix']}), {result['xml_bytes']:,} bytes of XML, {result['packed_bytes']:,} packed",
        f"{'case':<14}{'CPU ms':>12}{'x bare lxml':>13}",
        *[f"{name:<14}{value:>12.2f}{value / base:>13.2f}" for name, value in result["median_cpu_ms"].items()],
        f"decode_batch is {result['times_bare_lxml']} x bare lxml; target at most {MOST_TIMES_LXML}",
        f"and {result['times_faster_than_minidom']} x faster than minidom; target at least {LEAST_TIMES_FASTER_THAN_MINIDOM}",
    ]
    return "\n".join(lines)


def main() -> int:
    """Print the table, or both mixes as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--instructions", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--mix", choices=("fleet", "dispatched"), default="fleet")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.json:
        measured = [measure(options.instructions, options.rounds, mix) for mix in ("fleet", "dispatched")]
        print(json.dumps({"name": "decode", "results": [row for one in measured for row in rows(one)]}, indent=2))
    else:
        print(table(measure(options.instructions, options.rounds, options.mix)))
    return 0


def rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the results in the common form."""
    medians = result["median_cpu_ms"]
    what = f"decode {result['instructions']} instructions ({result['mix']}), typed and checked, CPU"
    value = f"{medians['decode_batch']:.1f} ms"
    slower, faster = result["times_bare_lxml"], result["times_faster_than_minidom"]
    return [
        {
            "what": what, "value": value, "yardstick": f"bare lxml.fromstring {medians['bare lxml']:.1f} ms",
            "ratio": slower, "target": f"<= {MOST_TIMES_LXML}", "met": slower <= MOST_TIMES_LXML,
        },
        {
            "what": what, "value": value, "yardstick": f"minidom {medians['minidom']:.0f} ms", "ratio": faster,
            "target": f">= {LEAST_TIMES_FASTER_THAN_MINIDOM}", "met": faster >= LEAST_TIMES_FASTER_THAN_MINIDOM,
        },
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
