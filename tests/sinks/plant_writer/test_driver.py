"""The whole writer against a controller that refuses, delays, cuts, forgets, and breaks off in the middle."""

from __future__ import annotations

import itertools
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks.plant_writer.rules import Phase
from tests.sinks.plant_writer.controller import WRITES, Controller, controller
from tests.sinks.plant_writer.rig import ENABLED, config, running, setpoints, writing
from tests.sinks.plant_writer.test_sunspec import image


def writes_read_back(one: Controller) -> bool:
    """Whether after each write the next request was a read."""
    functions = [function for function, _, _ in one.log]
    return all(not (a in WRITES and b in WRITES) for a, b in itertools.pairwise(functions))


async def test_it_goes_to_the_setpoint_at_the_rate_and_beats() -> None:
    async with writing() as (rig, one):
        await rig.until(lambda: one.registers[100] == 500)
        assert setpoints(one) == sorted(setpoints(one))
        assert max(b - a for a, b in zip([40.0, *setpoints(one)], setpoints(one), strict=False)) <= 10.0
        await rig.until(lambda: one.registers[102] >= 3)
        assert writes_read_back(one)
        assert rig.standing.phase is Phase.ACTING
        assert rig.standing.trouble == ""
        assert one.most_at_once == 1
        assert rig.told()[0] == "decided act: FOLLOW"
        assert rig.told()[1].startswith("writes setpoint")


async def test_a_ramp_makes_one_row_a_minute() -> None:
    async with writing(rate_mw_per_min=6.0) as (rig, one):
        await rig.until(lambda: one.registers[100] == 500)
        await rig.steps(120)
        rows = [detail for _, _, _, detail in rig.evidence.acts if "count" in detail]
        assert len(setpoints(one)) == 100
        assert sum(int(str(row["count"])) for row in rows) == 99
        assert len(rig.told()) <= 6


async def test_a_dry_run_reads_and_tells_and_writes_nothing() -> None:
    async with writing(mode="dry-run") as (rig, one):
        await rig.until(lambda: rig.tells("would write setpoint"))
        rig.data = {"directive": Directive.RELEASE}
        await rig.until(lambda: rig.tells("let go"))
        assert one.writes == []
        assert one.log
    assert one.writes == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fault", ["drop_on_write", "silent_on_write"])
async def test_an_uncertain_write_is_read_back_before_another(fault: str, when: str) -> None:
    async with writing(heartbeat=None) as (rig, one):
        one.once = True
        setattr(one, fault, when)
        await rig.until(lambda: rig.tells("read back: the uncertain write"))
        fate = "took effect" if when == "after" else "did not take effect"
        assert rig.tells(f"read back: the uncertain write {fate}")
        assert writes_read_back(one)
        await rig.until(lambda: one.registers[100] == 500 and rig.standing.trouble == "")
        assert writes_read_back(one)


@pytest.mark.parametrize("wrong", ["transaction", "echo", "function", "unit"])
async def test_a_wrong_answer_is_uncertain(wrong: str) -> None:
    async with writing() as (rig, one):
        await rig.until(lambda: one.registers[102] >= 1)
        one.once, one.wrong = True, wrong
        await rig.until(lambda: not one.wrong)
        await rig.until(lambda: one.registers[100] == 500)
        beats = one.registers[102]
        await rig.until(lambda: one.registers[102] > beats)
        assert writes_read_back(one)


async def test_a_late_answer_is_not_taken_for_the_next() -> None:
    async with writing() as (rig, one):
        one.once, one.late_s = True, 0.25
        await rig.until(lambda: rig.tells("no contact: no answer in 0.2 s"))
        await rig.until(lambda: rig.tells("the controller answers again"))
        await rig.until(lambda: one.registers[100] == 500)


async def test_a_refusal_is_told_and_tried_again_later() -> None:
    async with writing(heartbeat=None) as (rig, one):
        one.refuse_writes = 4
        await rig.until(lambda: rig.tells("exception 04"))
        tries = len(one.writes)
        await rig.steps(30)
        assert len(one.writes) - tries <= 4
        assert sum("exception 04" in text for text in rig.told()) == 1
        one.refuse_writes = 0
        await rig.until(lambda: one.registers[100] == 500)
        assert rig.standing.trouble == ""


async def test_a_controller_that_starts_again_is_begun_with_again() -> None:
    async with writing() as (rig, one):
        await rig.until(lambda: one.registers[100] == 500)
        one.restart(r100=200, r101=0, r102=0)
        await rig.until(lambda: one.registers[101] == 1)
        assert one.registers[100] <= 350
        await rig.until(lambda: one.registers[100] == 500)
        assert rig.tells("changed by others, or the controller started again")


async def test_a_controller_that_cuts_is_told_once() -> None:
    async with writing() as (rig, one):
        one.clip = lambda address, words: (min(words[0], 450),) if address == 100 else words
        await rig.until(lambda: rig.tells("what is read back is not what was written"))
        await rig.steps(100)
        assert sum("is not what was written" in text for text in rig.told()) == 1
        assert rig.standing.read_mw == 45.0


async def test_it_starts_without_the_controller_and_waits_for_it() -> None:
    async with controller() as one:
        gone = one.port
    async with running(config(gone)) as rig:
        await rig.until(lambda: rig.tells("no contact"))
        await rig.steps(40)
        assert sum("no contact" in text for text in rig.told()) == 1


LEAVING: list[dict[str, Any]] = [
    {"directive": Directive.RELEASE},
    {"directive": Directive.NO_DATA, "quality": Quality.INIT},
    {"directive": Directive.HOLD, "quality": Quality.UNCERTAIN},
    {"environment": "simulator"},
    {"setpoint_mw": 101.0},
    {"pmax_mw": None},
    {"reasons": 1 << 10},
]


@pytest.mark.parametrize("data", LEAVING)
async def test_the_plant_is_let_go_when_it_may_no_longer_be_written_to(data: dict[str, Any]) -> None:
    async with writing() as (rig, one):
        await rig.until(lambda: one.registers[100] == 500)
        rig.data = data
        await rig.until(lambda: one.registers[101] == 0)
        done = len(one.writes)
        await rig.steps(20)
        assert len(one.writes) == done
        assert rig.standing.phase is Phase.IDLE
        assert rig.tells("let go: the enable register is off")


async def test_a_control_loop_that_stands_still_lets_the_plant_go() -> None:
    async with writing() as (rig, one):
        await rig.until(lambda: one.registers[101] == 1 and one.registers[100] == 500)
        rig.silent = True
        await rig.until(lambda: one.registers[101] == 0)
        assert rig.tells("decided none: the control loop stands still")


async def test_an_orderly_stop_lets_the_plant_go() -> None:
    async with writing() as (rig, one):
        await rig.until(lambda: one.registers[100] == 500)
        await rig.stop()
        assert rig.task.cancelled()
        assert one.registers[101] == 0
        assert rig.told()[-2:] == ["writes enable 0", "let go: the enable register is off"]
        assert writes_read_back(one)


async def test_a_stop_in_the_middle_of_a_write_reads_before_it_lets_go() -> None:
    async with writing() as (rig, one):
        one.silent_on_write = "after"
        await rig.until(lambda: bool(one.writes))
        one.silent_on_write = ""
        await rig.stop()
        assert one.registers[101] == 0
        assert writes_read_back(one)


async def test_a_stop_without_an_answer_ends_in_time_and_says_so() -> None:
    async with writing(release_limit_s=0.3) as (rig, one):
        await rig.until(lambda: one.registers[100] == 500)
        one.deaf = True
        await rig.stop()
        assert rig.task.cancelled()
        assert rig.tells("not let go within 0.3 s: the controller's own watchdog must act")


async def test_test_data_is_written_to_what_is_marked_as_a_simulator() -> None:
    async with controller(r100=400, r101=1, r102=0) as one:
        for simulator, wanted in ((True, 500), (False, 400)):
            one.registers[100] = 400
            async with running(config(one.port, simulator=simulator), environment="simulator") as rig:
                rig.data = {"environment": "simulator"}
                await rig.steps(60)
                assert one.registers[100] == wanted


async def test_the_fallback_of_the_policy_is_written() -> None:
    lost = {"directive": Directive.RELEASE, "quality": Quality.BAD_COMM, "reasons": 1 << 18, "setpoint_mw": 35.0}
    policy = {"ALPHA_1_UNIT": 35.0}
    async with controller(r100=400, r101=1, r102=0) as one, running(config(one.port), fallback_mw=policy) as rig:
        rig.data = lost
        await rig.until(lambda: one.registers[100] == 350)
        assert rig.tells("decided act: fallback")


async def test_over_tls_only_the_controller_of_the_right_authority_is_written_to(tmp_path: Path) -> None:
    right, wrong = trustme.CA(), trustme.CA()
    for name, authority in (("right", right), ("wrong", wrong)):
        authority.cert_pem.write_to_path(str(tmp_path / f"{name}.pem"))
    right.issue_cert("gateway.test").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "ours.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "right.pem"))
    tls.verify_mode = ssl.CERT_REQUIRED
    right.issue_cert("127.0.0.1").configure_cert(tls)
    async with controller(tls=tls, r100=400, r101=1, r102=0) as one:
        for ca, ours, wanted in (("wrong", "ours", 400), ("right", None, 400), ("right", "ours", 500)):
            files: dict[str, Any] = {"tls_ca_file": tmp_path / f"{ca}.pem"} | (
                {"tls_certificate": tmp_path / "ours.pem"} if ours else {}
            )
            async with running(config(one.port, timeout_s=2.0, **files)) as rig:
                await rig.until(lambda: rig.tells("no contact") or one.registers[100] == 500)
                assert one.registers[100] == wanted


async def test_sunspec_that_is_not_there_yet_is_looked_for_again() -> None:
    keys: dict[str, Any] = {"setpoint": None, "enable": None, "heartbeat": None, "profile": "sunspec-704"}
    async with writing({"r0": 0, "r1": 0}, **keys) as (rig, one):
        await rig.until(lambda: rig.tells("no contact: no SunSpec map"))
        one.registers = image(40_000, 3) | {40_092: 0, 40_093: 0, 40_094: 0, 40_095: 40_000}
        await rig.until(lambda: (one.registers[40_095], one.registers[40_092]) == (50_000, 1))


async def test_a_snapshot_that_is_old_when_it_is_first_seen_is_not_acted_on() -> None:
    """Rows 37, 158: a sink started again, or one held up by a slow controller, beside a loop that stands still."""
    async with controller(**ENABLED) as one, running(config(one.port), feed_age_s=60.0) as rig:
        rig.silent = True
        await rig.steps(30)
        assert one.writes == []
        assert rig.told()[-1].endswith("the control loop stands still")
        rig.silent = False
        await rig.until(lambda: setpoints(one)[-1:] == [50.0])
