"""The synchronous twin of AdsClient. Rule: no logic of its own; every call is handed to AdsClient on one thread.

That thread runs its own event loop, so the twin works in a plain script, in threads and inside Jupyter, where a loop
is already running::

    with SyncAdsClient("https://host/ADS/APIWebService/v8", ssl_context=context) as ads:
        for header in ads.dispatch_batches_since("-1"):
            print(ads.dispatch_batch(header.batch_uid))

It may be used from several threads at once. Results and errors are those of ``AdsClient``.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any

from caiso_ads.ads.blocking import Blocking
from caiso_ads.ads.client import FIRST_UID, AdsClient
from caiso_ads.core.codes import BatchStatus, ReasonCode, ResponseResult
from caiso_ads.core.model import DispatchBatch, MssLfRequest, MssLfResponse, TrajectoryBatch
from caiso_ads.ports import Receipt
from caiso_ads.wire.payload import BadItem


class SyncAdsClient(Blocking[AdsClient]):
    """All operations of AdsClient, blocking; ``options`` are AdsClient's (``response_url``, ``deadline_s``, ...).

    Close it, or use it in a ``with`` statement. Raises ConfigError for an unusable address.
    """

    def __init__(self, url: str, *, ssl_context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(AdsClient(url, ssl_context=ssl_context, **options), "caiso-ads-client")

    def list_since(self, batch_uid: str) -> Receipt[Sequence[DispatchBatch | BadItem]]:
        """See ``AdsClient.list_since``."""
        return self._run(self._client.list_since(batch_uid))

    def fetch_batch(self, batch_uid: str) -> Receipt[DispatchBatch]:
        """See ``AdsClient.fetch_batch``."""
        return self._run(self._client.fetch_batch(batch_uid))

    def fetch_header(self, batch_uid: str) -> Receipt[DispatchBatch]:
        """See ``AdsClient.fetch_header``."""
        return self._run(self._client.fetch_header(batch_uid))

    def fetch_trajectories(self, batch_uid: str) -> Receipt[Sequence[TrajectoryBatch | BadItem]]:
        """See ``AdsClient.fetch_trajectories``."""
        return self._run(self._client.fetch_trajectories(batch_uid))

    def dispatch_batches_since(self, uid: str = FIRST_UID) -> list[DispatchBatch]:
        """See ``AdsClient.dispatch_batches_since``."""
        return self._run(self._client.dispatch_batches_since(uid))

    def dispatch_batch(self, uid: str) -> DispatchBatch:
        """See ``AdsClient.dispatch_batch``."""
        return self._run(self._client.dispatch_batch(uid))

    def batch_header(self, uid: str) -> DispatchBatch:
        """See ``AdsClient.batch_header``."""
        return self._run(self._client.batch_header(uid))

    def batch_status(self, uid: str) -> BatchStatus:
        """See ``AdsClient.batch_status``."""
        return self._run(self._client.batch_status(uid))

    def is_new_trajectory(self, batch_uid: str) -> bool:
        """See ``AdsClient.is_new_trajectory``."""
        return self._run(self._client.is_new_trajectory(batch_uid))

    def trajectories_since(self, uid: str = FIRST_UID) -> list[TrajectoryBatch]:
        """See ``AdsClient.trajectories_since``."""
        return self._run(self._client.trajectories_since(uid))

    def validate(self, batch_uid: str) -> None:
        """See ``AdsClient.validate``."""
        self._run(self._client.validate(batch_uid))

    def submit_mss_lf_request(self, request: MssLfRequest) -> MssLfResponse:
        """See ``AdsClient.submit_mss_lf_request``; amounts in MW."""
        return self._run(self._client.submit_mss_lf_request(request))

    def accept(self, batch_uid: str, instruction_uid: str) -> ResponseResult:
        """See ``AdsClient.accept``."""
        return self._run(self._client.accept(batch_uid, instruction_uid))

    def decline(self, batch_uid: str, instruction_uid: str, reason: ReasonCode) -> ResponseResult:
        """See ``AdsClient.decline``."""
        return self._run(self._client.decline(batch_uid, instruction_uid, reason))

    def partial_accept(
        self, batch_uid: str, instruction_uid: str, accept_dot_mw: float, reason: ReasonCode
    ) -> ResponseResult:
        """See ``AdsClient.partial_accept``; ``accept_dot_mw`` in MW."""
        return self._run(self._client.partial_accept(batch_uid, instruction_uid, accept_dot_mw, reason))
