from __future__ import annotations

from datetime import timedelta

import pytest

from caiso_ads.errors import WireError
from caiso_ads.simulator.fleet import BACKUP, default_fleet
from caiso_ads.simulator.mss import LoadFollowing
from caiso_ads.simulator.switches import Switches
from tests.simulator.bench import NOON, Bench

HYDRO = "STNLKE_7_HYDRO1"


def _request(*rows: tuple[str, int]) -> str:
    items = "".join(
        "<MSSLFInstructionRequest><scMSSBatchId>B1</scMSSBatchId>"
        f"<scMSSLFInstructionId>R{n}</scMSSLFInstructionId><resourceId>{resource}</resourceId>"
        f"<startTime>{NOON:%Y-%m-%dT%H:%M:%SZ}</startTime>"
        f"<endTime>{NOON + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}</endTime>"
        "<loadFollowingMW>-2.5</loadFollowingMW></MSSLFInstructionRequest>"
        for n, (resource, minutes) in enumerate(rows)
    )
    return (
        '<MSSLFRequest xmlns="http://ads.caiso.com"><scMSSBatchId>B1</scMSSBatchId>'
        f"<mssLFInstructionRequests>{items}</mssLFInstructionRequests></MSSLFRequest>"
    )


def test_each_row_is_numbered_and_judged_by_itself() -> None:
    bench = Bench()
    service = LoadFollowing(default_fleet(), 1, Switches())
    text = _request((HYDRO, 15), (HYDRO, -15), ("SUNRDG_7_SOLAR1", 15), ("OTHRCO_7_HYDRO9", 15))
    response = service.submit(bench.who(), text, NOON)
    assert [row.validated for row in response.results] == [True, False, False, False]
    assert [row.caiso_instruction_id for row in response.results] == ["1", "2", "3", "4"]
    assert [row.sc_instruction_id for row in response.results] == ["R0", "R1", "R2", "R3"]
    assert response.sc_mss_batch_id == "B1"
    again = service.submit(bench.who(), text, NOON)
    assert again.caiso_mss_batch_id != response.caiso_mss_batch_id
    assert again.results[0].caiso_instruction_id == "5"


def test_only_the_primary_may_ask() -> None:
    service = LoadFollowing(default_fleet(), 1, Switches())
    assert [r.validated for r in service.submit(Bench().who(BACKUP), _request((HYDRO, 15)), NOON).results] == [False]


def test_a_refusal_may_be_a_fault() -> None:
    service = LoadFollowing(default_fleet(), 1, Switches(mss_refusal="fault"))
    with pytest.raises(PermissionError, match="SUNRDG_7_SOLAR1"):
        service.submit(Bench().who(), _request(("SUNRDG_7_SOLAR1", 15)), NOON)


def test_unreadable_text_is_an_error_that_says_where() -> None:
    with pytest.raises(WireError):
        LoadFollowing(default_fleet(), 1, Switches()).submit(Bench().who(), "<MSSLFRequest>", NOON)
