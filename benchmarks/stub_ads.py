"""A stub of the ISO for ``poll_cycle``: behind every batch there is exactly one more, the documents are ready-made.

It asks for a client certificate as ADS does, serves the WSDL, and works as little as it can.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from xml.sax.saxutils import escape

import trustme
from aiohttp import web

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.model import (
    ComplianceInterval,
    DispatchBatch,
    DispatchOperatingPoint,
    Instruction,
    InstructionDetail,
    TrajectoryBatch,
)
from caiso_ads.simulator.wsdl import wsdl
from caiso_ads.wire.operations import VERSIONS
from caiso_ads.wire.packing import pack
from caiso_ads.wire.payload import encode, encode_batch_list, encode_header, encode_trajectories

RESOURCES = [f"UNIT_{number}_7_SYN" for number in range(10)]
INSTRUCTIONS = 50
STEP = timedelta(minutes=5)
LEAD = timedelta(seconds=227)
_VERSION = VERSIONS["v8"]
_ASKED = re.compile(r"<(?:\w+:)?(\w+)[^>]*>\s*<batchUID[^>]*>\s*([^<]*?)\s*</batchUID>")
_ENVELOPE = (
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Header/><SOAP-ENV:Body>'
    '<v8:{0}Response xmlns:v8="{2}"><result>{1}</result></v8:{0}Response></SOAP-ENV:Body></SOAP-ENV:Envelope>'
)


@dataclass(frozen=True, slots=True)
class Files:
    """The certificates of one run, in PEM."""

    authority: Path
    server: Path
    client: Path

    @classmethod
    def make(cls, folder: Path) -> Files:
        """Issue them into a folder."""
        files = cls(folder / "authority.pem", folder / "server.pem", folder / "client.pem")
        authority = trustme.CA(key_type=trustme.KeyType.RSA)
        authority.cert_pem.write_to_path(files.authority)
        for path, name in ((files.server, "localhost"), (files.client, "plant.example")):
            issued = authority.issue_cert(name, key_type=trustme.KeyType.RSA)
            path.touch(mode=0o600)
            issued.private_key_and_cert_chain_pem.write_to_path(path)
        return files


def batch_uid(number: int) -> str:
    """Return the UID of the n-th dispatch batch."""
    return f"DISP-{number:08d}"


def trajectory_uid(number: int) -> str:
    """Return the UID of the n-th trajectory batch."""
    return f"TRAJ-{number:08d}"


def make_batch(number: int, begin: datetime) -> DispatchBatch:
    """Return the n-th five-minute batch: 50 instructions, of which ten are for our resources, 3 segments each."""
    start, uid = begin + number * STEP, batch_uid(number)
    return DispatchBatch(
        batch_uid=uid, market_id=str(number), batch_status=BatchStatus.CLOSED,
        batch_received=start - LEAD, batch_type=BatchType.FIVE_MINUTE, start_time=start,
        dispatch_mode=DispatchMode.INTERVAL, binding_flag="Y", revision_no=0,
        instructions=tuple(_instruction(number, n, start) for n in range(INSTRUCTIONS)),
    )  # fmt: skip


def _instruction(number: int, n: int, start: datetime) -> Instruction:
    parts = {"SCHD": 40.0 + n, "SUPP": float((number * 7 + n) % 20 - 10), "RMPS": 2.5}
    return Instruction(
        instruction_uid=f"I-{number:06d}-{n:03d}", batch_uid=batch_uid(number),
        resource_id=RESOURCES[n] if n < len(RESOURCES) else f"OTHER_{n}_7_SYN", start_time=start,
        dot_mw=sum(parts.values()), instruction_type=InstructionType.DOT, pre_goto_mw=40.0, accept_status="ACCEPT",
        revision_number=0, status_code=BatchStatus.CLOSED, agc_flag="N", follow_dot_flag="Y",
        detail=tuple(
            InstructionDetail(seg_no=segment, service_type=name, mw=mw)
            for segment, (name, mw) in enumerate(parts.items())
        ),
    )  # fmt: skip


def make_trajectory(number: int, begin: datetime) -> TrajectoryBatch:
    """Return the n-th trajectory: three points and one compliance interval for each of our resources."""
    start = begin + number * STEP
    return TrajectoryBatch(
        batch_uid=trajectory_uid(number), batch_received=start - LEAD, binding_flag="Y",
        dops=tuple(
            DispatchOperatingPoint(
                dop_uid=f"D-{number}-{n}-{step}", resource_id=resource_id, dop_mw=40.0 + n + step,
                target_time=start + (step - 1) * STEP, sequence_number=step,
            )
            for n, resource_id in enumerate(RESOURCES) for step in range(3)
        ),
        compliance=tuple(
            ComplianceInterval(
                compliance_uid=f"C-{number}-{n}", resource_id=resource_id, start_time=start, expected_energy_mwh=3.5,
                compl_flag="Y",
            )
            for n, resource_id in enumerate(RESOURCES)
        ),
    )  # fmt: skip


class _Answers:
    """Every answer there can be, made before the first question."""

    def __init__(self, begin: datetime, count: int) -> None:
        batches = [make_batch(number, begin) for number in range(count)]
        self._ready: dict[tuple[str, str], str] = {}
        for number in range(count):
            before, uid = (batch_uid(number - 1) if number else "-1"), batch_uid(number)
            before_trajectory = trajectory_uid(number - 1) if number else "-1"
            trajectories = encode_trajectories([make_trajectory(number, begin)])
            self._add("getDispatchBatchesSinceUID", before, encode_batch_list([batches[number]]).decode())
            self._add("getDispatchBatch", uid, pack(encode(batches[number])))
            self._add("getBatchHeader", uid, encode_header(batches[number]).decode())
            self._add("isNewTrajData", before_trajectory, "true")
            self._add("getTrajectoryData", before_trajectory, pack(trajectories))

    def _add(self, operation: str, argument: str, result: str) -> None:
        self._ready[operation, argument] = _ENVELOPE.format(operation, escape(result), _VERSION.dispatch_namespace)

    def find(self, body: str) -> str:
        """Return the envelope that answers a request."""
        asked = _ASKED.search(body)
        assert asked is not None, body
        return self._ready[asked[1], asked[2]]


def serve(link: Connection, files: Files, begin: datetime, count: int) -> None:
    """Serve until told to end; sends the port when ready. Runs as a process of its own."""
    asyncio.run(_serve(link, files, begin, count))


async def _serve(link: Connection, files: Files, begin: datetime, count: int) -> None:
    answers = _Answers(begin, count)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(files.authority))
    context.load_cert_chain(files.server)
    context.verify_mode = ssl.CERT_REQUIRED

    async def answer(request: web.Request) -> web.Response:
        if request.method == "GET":
            text = wsdl("dispatch", _VERSION, f"https://{request.host}{request.path}").decode()
        else:
            text = answers.find(await request.text())
        return web.Response(text=text, content_type="text/xml")

    application = web.Application()
    application.router.add_route("*", _VERSION.dispatch_path, answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=context)
    await site.start()
    link.send(runner.addresses[0][1])
    await asyncio.to_thread(link.recv)
    await runner.cleanup()


def next_start() -> datetime:
    """Return when the first batch starts: as far ahead as ADS sends a five-minute batch."""
    return datetime.now(UTC).replace(microsecond=0) + LEAD
