"""At start a new program reads what the old one could not, shows it, and acknowledges it; and stops for nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from caiso_ads.core.directive import Environment
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.state import initial
from caiso_ads.errors import StoreError, WireError
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.loop.redecoding import read_again
from caiso_ads.ports import Receipt, Redecoded
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.packing import pack
from caiso_ads.wire.payload import encode, encode_trajectories
from tests.fakes import START, FakeClock, MemoryStore, ScriptedSource, batch, trajectory
from tests.rig import FLAT, R1

ODD = WireError("unknown form")


class ReadingStore(MemoryStore):
    """Says what it was told to say of decoding again."""

    answer: Redecoded | StoreError = Redecoded()

    async def redecode(self, since: datetime, *, acknowledge: bool) -> Redecoded:
        if isinstance(self.answer, StoreError):
            raise self.answer
        return self.answer


async def test_a_restarted_gateway_shows_and_acknowledges_what_it_can_read_now(tmp_path: Path) -> None:
    clock, source = FakeClock(), ScriptedSource()
    store = await SqlStore.open(tmp_path / "ads.sqlite", clock)
    dispatched, curve = batch("D1", dots={"R1": 55.0}), trajectory("T1", FLAT)
    payload = pack(encode(dispatched)).encode()
    await store.record_batch(Receipt("getDispatchBatch", "D1", payload, START, ODD), acknowledge=True)
    curves = pack(encode_trajectories([curve])).encode()
    await store.record_trajectories(Receipt("getTrajectoryData", "-1", curves, START, ODD))
    gateway = Gateway(
        source, store, clock, initial(R1, Environment.PRODUCTION), Settings(acknowledge=True), lambda: True
    )
    await gateway.restore()
    assert gateway.feed.latest.value("R1", "dot_mw").value == 55.0
    assert gateway.feed.latest.value("R1", "dop_mw").value == 80.0
    await gateway._outbox.send_due(gateway.feed)
    assert source.calls == [("validate", "D1")]
    await store.close()


async def test_each_thing_read_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    store = ReadingStore()
    store.answer = Redecoded(("D1", "T1"), 3)
    with caplog.at_level(logging.INFO):
        await read_again(store, START, acknowledge=True)
    texts = [record.getMessage() for record in caplog.records]
    assert [text.rsplit(" ", 1)[-1] for text in texts[:2]] == ["D1", "T1"]
    assert texts[2] == "3 payloads still cannot be read"


async def test_a_store_that_takes_no_writes_does_not_stop_the_start(caplog: pytest.LogCaptureFixture) -> None:
    store = ReadingStore()
    store.answer = StoreError("no space left on device")
    await read_again(store, START, acknowledge=True)
    assert "no space left" in caplog.text


async def test_what_is_older_than_a_day_is_left_to_the_command(tmp_path: Path) -> None:
    clock = FakeClock(START + timedelta(hours=25))
    store = await SqlStore.open(tmp_path / "ads.sqlite", clock)
    one: Receipt[DispatchBatch] = Receipt("getDispatchBatch", "D1", pack(encode(batch("D1"))).encode(), START, ODD)
    await store.record_batch(one, acknowledge=True)
    await store.record_batch(replace(one, argument="D2"), acknowledge=True)
    gateway = Gateway(
        ScriptedSource(), store, clock, initial(R1, Environment.PRODUCTION), Settings(acknowledge=True), lambda: True
    )
    await gateway.restore()
    pending: Sequence[object] = await store.pending_intents()
    assert pending == []
    assert (await store.redecode(START, acknowledge=False)).readable == ["D1"]
    await store.close()
