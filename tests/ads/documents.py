"""Small documents as ADS sends them, written by hand so that they check the codec instead of repeating it."""

from __future__ import annotations

import base64
import gzip

from tests.ads.server import Behaviour, answer, envelope

_HEADER = (
    "<marketID>120072117</marketID><batchStatus>3</batchStatus><batchReceived>2026-07-21T23:16:04Z</batchReceived>"
    "<batchType>0</batchType><startTime>2026-07-21T23:20:00Z</startTime><dispatchMode>0</dispatchMode>"
    "<bindingFlag>Y</bindingFlag><revisionNo>2</revisionNo>"
)


def header(uid: str) -> str:
    return f'<DispatchBatch xmlns="http://ads.caiso.com" batchUID="{uid}">{_HEADER}</DispatchBatch>'


def batch(uid: str, *, dot: str = "25.0", extra: str = "") -> str:
    instruction = (
        f'<instruction instructionUID="{uid}-I7"><batchUID>{uid}</batchUID><resourceId>PLANT_7_UNIT 1</resourceId>'
        f"<startTime>2026-07-21T23:22:30Z</startTime><dot>{dot}</dot><instructionType>0</instructionType>"
        "<preGoto>47.0</preGoto><revisionNumber>0</revisionNumber><statusCode>0</statusCode>"
        '<detail><instructionDetail segNo="1"><serviceType>SCHD</serviceType><mw>47.0</mw></instructionDetail>'
        '<instructionDetail segNo="2"><serviceType>SUPP</serviceType><mw>-22.0</mw></instructionDetail></detail>'
        f"{extra}</instruction>"
    )
    return header(uid).replace("</DispatchBatch>", f"<instructions>{instruction}</instructions></DispatchBatch>")


def batch_list(*items: str) -> str:
    inner = "".join(items)
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><APIDispatchResponse xmlns="http://ads.caiso.com">'
        f"<dispatchBatchList>{inner}</dispatchBatchList></APIDispatchResponse>"
    )


def trajectory_list(*uids: str) -> str:
    inner = "".join(
        f'<trajectoryBatch batchUID="{uid}"><batchReceived>2026-07-21T23:16:04Z</batchReceived>'
        f'<bindingFlag>Y</bindingFlag><dopList><trajectoryDop dopUID="{uid}-D1"><resourceId>PLANT_7_UNIT 1</resourceId>'
        "<dop>31.5</dop><targetTime>2026-07-21T23:17:00Z</targetTime><sequenceNumber>1</sequenceNumber></trajectoryDop>"
        f'</dopList><complianceList><trajectoryCompliance complianceUID="{uid}-C1">'
        "<resourceId>PLANT_7_UNIT 1</resourceId><startTime>2026-07-21T23:10:00Z</startTime><mwh>2.5</mwh>"
        "<complFlag>Y</complFlag></trajectoryCompliance></complianceList></trajectoryBatch>"
        for uid in uids
    )
    return (
        '<APITrajectoryResponse xmlns="http://ads.caiso.com">'
        f"<trajectoryBatchList>{inner}</trajectoryBatchList></APITrajectoryResponse>"
    )


def packed(xml: str) -> str:
    return base64.b64encode(gzip.compress(xml.encode(), mtime=0)).decode()


def gives(operation: str, text: str | None) -> Behaviour:
    """Answer an operation, with a Date header."""
    return answer(envelope(operation, text), Date="Tue, 21 Jul 2026 23:16:05 GMT")


LIST, BATCH = "getDispatchBatchesSinceUID", "getDispatchBatch"
HEADER, TRAJECTORY = "getBatchHeader", "getTrajectoryData"
