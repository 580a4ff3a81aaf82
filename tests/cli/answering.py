"""A plant that answers: the simulator over real TLS, a store, and the parts of the loop that obey, in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result

from caiso_ads.ads.client import AdsClient
from caiso_ads.ads.tls import client_context
from caiso_ads.cli import main
from caiso_ads.config import load_config
from caiso_ads.core.codes import BatchType
from caiso_ads.core.model import DispatchBatch
from caiso_ads.loop.board import Board
from caiso_ads.loop.commands import Spool
from caiso_ads.loop.desk import Desk
from caiso_ads.loop.loadfollowing import LoadFollowing
from caiso_ads.loop.obeying import obey
from caiso_ads.loop.operators import Operators
from caiso_ads.loop.responder import ResponseLoop
from caiso_ads.loop.roles import RoleAlarm
from caiso_ads.ports import Instant, SystemClock
from caiso_ads.ports.answers import Fact
from caiso_ads.simulator.fleet import OPERATOR
from caiso_ads.simulator.kit import write_kit
from caiso_ads.simulator.scenario import Issue, Scenario
from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.store.sqlite import SqlStore

TIE = "NORTIE_5_IMPRT1"
ISSUE = Issue(at_s=0.0, batch_type=1, resource=TIE, dot_mw=40.0, min_accept_mw=20.0, ahead_s=2700.0, lasts_s=3600.0)
STORY = Scenario(switches={"hourly_participant_s": 600}, events=(ISSUE,))


@dataclass(frozen=True)
class Plant:
    """What a test sees of it."""

    iso: AdsSimulator
    config: Path
    batch_uid: str
    instruction_uid: str
    loop: asyncio.AbstractEventLoop
    see: Callable[[], None]

    def instructions(self, *words: str, answer: str | None = None) -> Result:
        """Run ``caiso-ads instructions``."""
        return CliRunner().invoke(main, ["instructions", *words, "--config", str(self.config)], input=answer)

    def mss(self, *words: str) -> Result:
        """Run ``caiso-ads mss submit``."""
        return CliRunner().invoke(main, ["mss", "submit", *words, "--config", str(self.config)])


class HurriedClock(SystemClock):
    """This machine's clock, except that waiting, and counting the seconds waited, goes twenty times as fast."""

    FASTER = 20

    def now(self) -> Instant:
        found = super().now()
        return Instant(found.wall, found.mono * self.FASTER)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.FASTER)


def ignore(_: Fact) -> None:
    """Take a fact for the evidence chain."""


@contextmanager
def plant(
    folder: Path, *, common_name: str = OPERATOR, two_persons: bool = False, story: Scenario = STORY
) -> Iterator[Plant]:
    """Run one with an instruction of 40 MW that takes answers for ten minutes."""
    ready: list[Plant] = []
    started, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        clock = HurriedClock()
        async with AdsSimulator(scenario=story, directory=folder) as iso:
            kit = write_kit(
                folder, iso.url, iso.response_url, iso.fleet, modbus_port=5020, poll_interval_s=1,
                common_name=common_name,
            )  # fmt: skip
            context = client_context(ca_file=kit.ca, certificate=kit.certificate, key=kit.key, passphrase_file=None)
            store = await SqlStore.open(load_config(kit.config).store.path, clock)
            spool, board = Spool(load_config(kit.config).store.path), Board()
            spool.prepare()
            entry = iso.market.newest(BatchType.HOURLY_PRE_DISPATCH, TIE)
            assert entry is not None
            async with AdsClient(iso.url, ssl_context=context, response_url=iso.response_url) as ads:

                async def see() -> None:
                    receipt = await ads.fetch_batch(entry.uid)
                    await store.record_batch(receipt, acknowledge=False)
                    assert isinstance(receipt.content, DispatchBatch)
                    board.see(receipt.content, clock.now().wall)

                await see()
                responses = ResponseLoop(ads, ads, store, clock, RoleAlarm(clock, ignore), clock_ok=lambda: True)
                desk = Operators(board, store, responses, lambda: True, two_person_declines=two_persons)
                handlers = {**desk.handlers(), **LoadFollowing(ads, store, clock, ignore).handlers()}
                loop = asyncio.get_running_loop()
                tasks = [loop.create_task(responses.run()), loop.create_task(obey(spool, clock, Desk(handlers, clock)))]
                uid = entry.full().instructions[0].instruction_uid
                ready.append(
                    Plant(
                        iso, kit.config, entry.uid, uid, loop,
                        lambda: asyncio.run_coroutine_threadsafe(see(), loop).result(10),
                    )
                )  # fmt: skip
                started.set()
                await asyncio.to_thread(stop.wait)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await store.close()

    def run() -> None:
        try:
            asyncio.run(serve())
        finally:
            started.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert started.wait(30)
        assert ready, "the plant did not start"
        yield ready[0]
    finally:
        stop.set()
        thread.join()
