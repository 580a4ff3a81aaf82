"""Metered-subsystem load-following requests: checks each row and gives it an ISO number.

Rule: a row is valid when its resource may follow load, the certificate is primary for it and its end is after its start.
Spec: ADS API v7 §2.8. Interpretation: "a simple validation" is exactly that; what a refusal looks like is a switch.
"""

from __future__ import annotations

from datetime import datetime

from caiso_ads.core.model import LoadFollowingRequest, LoadFollowingResult, MssLfResponse
from caiso_ads.simulator.fleet import Fleet, Identity, Role
from caiso_ads.simulator.switches import Switches
from caiso_ads.simulator.uids import make_uid
from caiso_ads.wire.payload import decode_mss_request


class LoadFollowing:
    """Numbers and judges requests."""

    def __init__(self, fleet: Fleet, seed: int, switches: Switches) -> None:
        self._fleet, self._seed, self._switches, self._rows, self._batches = fleet, seed, switches, 0, 0

    def submit(self, who: Identity, text: str, now: datetime) -> MssLfResponse:
        """Answer one request; raises WireError for unreadable text, PermissionError where the switch wants a fault."""
        request = decode_mss_request(text)
        self._batches += 1
        uid = make_uid("DISP", now, seed=self._seed, salt=f"mss{self._batches}", mode="random").replace("DISP", "MSSLF")
        results = []
        for row in request.requests:
            self._rows += 1
            results.append(
                LoadFollowingResult(
                    caiso_mss_batch_id=uid,
                    caiso_instruction_id=str(self._rows),
                    sc_mss_batch_id=row.sc_mss_batch_id,
                    sc_instruction_id=row.sc_instruction_id,
                    validated=self._is_valid(who, row),
                )
            )
        return MssLfResponse(caiso_mss_batch_id=uid, sc_mss_batch_id=request.sc_mss_batch_id, results=tuple(results))

    def _is_valid(self, who: Identity, row: LoadFollowingRequest) -> bool:
        resource = self._fleet.resource(row.resource_id)
        allowed = resource is not None and resource.mss and who.role(row.resource_id) is Role.PRIMARY
        if not allowed and self._switches.mss_refusal == "fault":
            raise PermissionError(f"{row.resource_id} is not a load-following resource of {who.common_name}")
        return allowed and row.end_time > row.start_time
