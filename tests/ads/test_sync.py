"""The synchronous twin: same results, same errors, its own thread."""

from __future__ import annotations

import inspect
import ssl
import threading

import pytest

from caiso_ads.ads.client import AdsClient
from caiso_ads.ads.sync import SyncAdsClient
from caiso_ads.core.codes import BatchStatus, ReasonCode, ResponseResult
from caiso_ads.errors import ConfigError, LocalError
from tests.ads.documents import (
    BATCH,
    HEADER,
    LIST,
    TRAJECTORY,
    batch,
    batch_list,
    gives,
    header,
    packed,
    trajectory_list,
)
from tests.ads.server import serving_in_a_thread


def test_every_operation_works_without_a_loop(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    script = (
        gives(LIST, batch_list(header("D1"))),
        gives(LIST, batch_list(header("D1"))),
        gives(BATCH, packed(batch("D1"))),
        gives(BATCH, packed(batch("D1"))),
        gives(HEADER, header("D1")),
        gives(HEADER, header("D1")),
        gives("getBatchStatus", "3"),
        gives("isNewTrajData", "true"),
        gives(TRAJECTORY, packed(trajectory_list("TRAJ-1"))),
        gives(TRAJECTORY, packed(trajectory_list("TRAJ-1"))),
        gives("validateDispatchBatch", None),
        gives("acceptInstruction", "0"),
        gives("declineInstruction", "5"),
        gives("partialAcceptInstruction", "1"),
    )
    with serving_in_a_thread(tls, *script) as server, SyncAdsClient(server.url, ssl_context=context) as ads:
        assert ads.list_since("-1").operation == LIST
        assert [each.batch_uid for each in ads.dispatch_batches_since()] == ["D1"]
        assert ads.fetch_batch("D1").argument == "D1"
        assert ads.dispatch_batch("D1").instructions[0].dot_mw == 25.0
        assert ads.fetch_header("D1").argument == "D1"
        assert ads.batch_header("D1").batch_uid == "D1"
        assert ads.batch_status("D1") is BatchStatus.CLOSED
        assert ads.is_new_trajectory("TRAJ-0")
        assert ads.fetch_trajectories("TRAJ-0").operation == TRAJECTORY
        assert [each.batch_uid for each in ads.trajectories_since("TRAJ-0")] == ["TRAJ-1"]
        ads.validate("D1")
        assert ads.accept("D1", "D1-I7") is ResponseResult.RC_SUCCESS
        assert ads.decline("D1", "D1-I7", ReasonCode.LINE_DOWN) is ResponseResult.RC_UNAUTHORIZED
        assert ads.partial_accept("D1", "D1-I7", 1.0, ReasonCode.LINE_DOWN) is ResponseResult.RC_INVALID_RESPONSE
        with pytest.raises(LocalError):
            ads.validate("TRAJ-1")


async def test_it_works_where_a_loop_already_runs_as_in_jupyter(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    with (
        serving_in_a_thread(tls, gives("getBatchStatus", "3")) as server,
        SyncAdsClient(server.url, ssl_context=context) as ads,
    ):
        assert ads.batch_status("D1") is BatchStatus.CLOSED


def test_several_threads_share_one_client(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    found: list[BatchStatus] = []
    with (
        serving_in_a_thread(tls, gives("getBatchStatus", "3")) as server,
        SyncAdsClient(server.url, ssl_context=context) as ads,
    ):
        threads = [threading.Thread(target=lambda: found.append(ads.batch_status("D1"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [BatchStatus.CLOSED] * 8


def test_close_ends_the_thread_and_may_be_called_twice(context: ssl.SSLContext) -> None:
    ads = SyncAdsClient("https://ads.example/ADS/APIWebService/v8", ssl_context=context)
    ads.close()
    ads.close()
    assert "caiso-ads-client" not in {each.name for each in threading.enumerate()}


def test_unusable_address_leaves_no_thread_behind(context: ssl.SSLContext) -> None:
    with pytest.raises(ConfigError):
        SyncAdsClient("http://ads.example", ssl_context=context)
    assert "caiso-ads-client" not in {each.name for each in threading.enumerate()}


def test_both_twins_have_the_same_methods_with_the_same_parameters() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(each).parameters)
            for name, each in inspect.getmembers(kind, callable)
            if not name.startswith("_")
        }

    assert methods(SyncAdsClient) == methods(AdsClient)
