"""All notifiers: one that fails or hangs holds up none of the others, and a secret that cannot be read is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from caiso_ads.errors import CertificateError, ConfigError, RemoteError
from caiso_ads.notify import NotifyConfig
from caiso_ads.notify.courier import Circumstances
from caiso_ads.notify.office import Office
from caiso_ads.notify.webhook import Config as Webhook
from caiso_ads.ports import Feed
from caiso_ads.ports.answers import dismiss
from tests.fakes import FakeClock
from tests.notify.rig import Kept, Ready, alarm, event, rules
from tests.sinks.modbus.snapshots import snapshot


def office(*ways: Kept, clock: FakeClock | None = None) -> Office:
    configs = [NotifyConfig(rules(name=f"n{number}"), Ready(way)) for number, way in enumerate(ways)]
    return Office(configs, Circumstances("production", clock or FakeClock(), dismiss, lambda: [alarm()]))


async def test_each_hears_and_one_that_hangs_or_fails_holds_up_nobody() -> None:
    good, hanging, failing, clock = Kept(), Kept(hang=True), Kept(fail=RemoteError("no")), FakeClock()
    made = office(hanging, failing, good, clock=clock)
    tasks = [asyncio.create_task(one.run(Feed(snapshot(generation=1)), lambda: None)) for one in made.couriers]
    made.heard(event())
    await clock.advance(2)
    assert good.told() == [["raised link"]]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_a_test_tells_the_outcome_of_each() -> None:
    lines = await office(Kept(), Kept(fail=RemoteError("no route")), Kept()).try_out("ann")
    assert lines == ["n0: sent", "n1: failed: no route", "n2: sent"]


async def test_each_takes_up_its_own_row() -> None:
    ways, clock = (Kept(), Kept()), FakeClock()
    made = office(*ways, clock=clock)
    made.restore([{"notifier": "n1", "told": {"link": alarm().raised_at.isoformat()}}, {"notifier": "gone"}])
    assert [one.counts()["waiting"] for one in made.couriers] == [1, 0]


def test_a_secret_that_cannot_be_read_is_refused_by_the_name_of_its_notifier(tmp_path: Path) -> None:
    config = NotifyConfig(rules(name="hook"), Webhook(url="https://a.example", secret_file=tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"\[notify hook\] secret_file"):
        Office([config], Circumstances("production", FakeClock(), dismiss, list))


def test_an_authority_that_cannot_be_read_is_refused_by_the_name_of_its_notifier(tmp_path: Path) -> None:
    config = NotifyConfig(rules(name="hook"), Webhook(url="https://a.example", ca_file=tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"\[notify hook\]") as caught:
        Office([config], Circumstances("production", FakeClock(), dismiss, list))
    assert isinstance(caught.value.__cause__, CertificateError)
