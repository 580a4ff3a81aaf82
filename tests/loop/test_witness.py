"""The gateway's own life in the evidence: start, end, configuration, clock; and never a secret."""

from __future__ import annotations

import json
from pathlib import Path

from caiso_ads.core.directive import Environment
from caiso_ads.core.happenings import ClockSampled, ClockStepped, Stopping
from caiso_ads.core.state import fold, initial
from caiso_ads.loop.witness import CONFIGURATION, ClockWitness, digest_of, started, stopped
from caiso_ads.ports.answers import Fact
from caiso_ads.store.sqlite import SqlStore
from tests.fakes import START, FakeClock
from tests.rig import R1


def test_a_changed_configuration_is_told_by_its_digest_alone(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('passphrase = "tiger"')
    before = digest_of(path)
    assert [fact.kind for fact in started(START, "1", "production", before, None)] == ["started"]
    assert [fact.kind for fact in started(START, "1", "production", before, before)] == ["started"]
    path.write_text('passphrase = "lion"')
    facts = started(START, "1", "production", digest_of(path), before)
    assert [fact.kind for fact in facts] == ["config changed", "started"]
    assert facts[0].detail == {"config_sha256": digest_of(path), "before_sha256": before}
    assert "lion" not in str(facts)
    assert digest_of(tmp_path / "none") == ""
    assert stopped(START).kind == "stopped"


async def test_the_digest_of_the_last_start_is_found_again_in_the_store(tmp_path: Path) -> None:
    store = await SqlStore.open(tmp_path / "a.db", FakeClock())
    assert await store.last_about(CONFIGURATION) is None
    for digest in ("aa", "bb"):
        await store.append_facts(started(START, "1", "production", digest, None))
    await store.append_facts([stopped(START)])
    found = await store.last_about(CONFIGURATION)
    assert found is not None
    assert json.loads(found.detail)["config_sha256"] == "bb"
    await store.close()


def test_each_step_of_the_clock_and_each_change_of_trust_is_noted_once() -> None:
    clock, facts = FakeClock(), list[Fact]()
    witness = ClockWitness(facts.append, lambda: clock.now().wall)
    state = initial(R1, Environment.PRODUCTION)
    before = clock.now()
    clock.jump_wall(90.0)
    for event in (
        ClockSampled(0.2, before),
        ClockStepped(clock.now(), before),
        ClockSampled(-90.0, clock.now()),
        Stopping(),
        ClockSampled(0.1, clock.now()),
    ):
        state = fold(state, event)
        witness.folded(event, state)
    assert [fact.kind for fact in facts] == ["clock step", "clock not trusted", "clock trusted"]
    assert facts[0].detail == {"step_s": 90.0}
    assert facts[2].detail == {"offset_s": 0.1}
