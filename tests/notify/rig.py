"""Alarms, messages and a way that keeps what it is given, for the tests of notifiers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import trustme

from caiso_ads.core.alarm_catalogue import BY_KEY
from caiso_ads.core.alarm_kinds import Alarm, AlarmEvent, AlarmState, Ident, What
from caiso_ads.errors import CaisoAdsError
from caiso_ads.notify import NotifyConfig
from caiso_ads.notify.courier import Circumstances, Courier
from caiso_ads.notify.message import Item, Message, item_of
from caiso_ads.notify.rules import RulesConfig
from caiso_ads.ports import Feed
from caiso_ads.ports.answers import Fact
from tests.fakes import START, FakeClock
from tests.sinks.modbus.snapshots import snapshot

LINK, REFUSED = Ident("link"), Ident("value_refused", "R1")
WORST = "a\r\nBcc: thief@evil.example\r\n\r\n<b>\x1b[2J\u202egnp.\x00\ud800"


def alarm(
    ident: Ident = LINK, state: AlarmState = AlarmState.ACTIVE_UNACK, at: datetime = START, **changes: Any
) -> Alarm:
    """Return an alarm as it stands."""
    kind = BY_KEY[ident.key]
    active = state is not AlarmState.RETURNED_UNACK
    return Alarm(ident, kind, state, active, at, at, kind.begins, **changes)


def event(
    ident: Ident = LINK,
    what: What = What.RAISED,
    text: str = "no contact with ADS",
    at: datetime = START,
    **changes: Any,
) -> AlarmEvent:
    """Return one change of an alarm."""
    state = AlarmState.RETURNED_UNACK if what is What.RETURNED else AlarmState.ACTIVE_UNACK
    return AlarmEvent(what, at, alarm(ident, state, **changes), text, who="ann" if what is What.ACKNOWLEDGED else "")


def message(*events: AlarmEvent, environment: str = "production", left_out: int = 0) -> Message:
    """Return the message of these changes."""
    return Message(START, environment, tuple(map(item_of, events or (event(),))), left_out)


def rules(**keys: Any) -> RulesConfig:
    """Return the rules of a notifier that tells all but what is said."""
    return RulesConfig(**{"kind": "email", "name": "mail", "min_priority": "low", **keys})


def items(count: int, ident: Ident = REFUSED) -> list[Item]:
    """Return changes a second apart."""
    return [item_of(event(ident, at=START + timedelta(seconds=one))) for one in range(count)]


@dataclass
class Kept:
    """A way that keeps what it is given, or fails as it is told."""

    got: list[Message] = field(default_factory=list)
    fail: Exception | None = None
    hang: bool = False

    async def send(self, message: Message) -> None:
        if self.hang:
            await asyncio.Event().wait()
        if self.fail is not None:
            raise self.fail
        self.got.append(message)

    def told(self) -> list[list[str]]:
        """Return what each message told, as ``what alarm``."""
        return [[f"{item.what} {item.alarm}" for item in one.items] for one in self.got]


@dataclass(frozen=True)
class Ready:
    """The configuration of a kind that is built already."""

    way: Any

    def build(self) -> Any:
        return self.way


@dataclass
class Desk:
    """A courier at work under a fake clock, started again after each failure as the supervisor would."""

    courier: Courier
    way: Kept
    clock: FakeClock
    facts: list[Fact]
    standing: list[Alarm]
    serving: bool = False
    failures: list[str] = field(default_factory=list)

    async def work(self) -> None:
        while True:
            try:
                await self.courier.run(Feed(snapshot(generation=1)), self._started)
            except CaisoAdsError as problem:
                self.serving = False
                self.failures.append(str(problem))
                await self.clock.sleep(1.0)

    def _started(self) -> None:
        self.serving = True

    def serves(self) -> bool:
        """Whether the supervisor would call it serving."""
        return self.serving

    def outcomes(self) -> list[str]:
        return [str(fact.detail["outcome"]) for fact in self.facts]


@asynccontextmanager
async def at_work(
    standing: Iterable[Alarm] = (), told: dict[str, object] | None = None, environment: str = "production", **keys: Any
) -> AsyncIterator[Desk]:
    """Run one courier with these rules."""
    clock, facts, stands, way = FakeClock(), list[Fact](), list(standing), Kept()
    about = Circumstances(environment, clock, facts.append, lambda: stands)
    courier = Courier(NotifyConfig(rules(**keys), Ready(way)), way, about)
    courier.restore(told or {})
    desk = Desk(courier, way, clock, facts, stands)
    task = asyncio.create_task(desk.work())
    try:
        yield desk
    finally:
        task.cancel()
        await asyncio.wait({task})


def authority(folder: Path, *hosts: str) -> tuple[Path, ssl.SSLContext]:
    """Return the file of an authority, and what a server for these hosts shows."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*hosts).configure_cert(context)
    return folder / "ca.pem", context


def secret(folder: Path, name: str, text: str) -> Path:
    """Return a file that only we can read."""
    path = folder / name
    path.write_text(text + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path
