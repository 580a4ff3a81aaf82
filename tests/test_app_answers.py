"""The program answers the ISO over real TLS, keeps evidence of its own life, and in read-only mode sends nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caiso_ads.app import App, open_app
from caiso_ads.config import load_config
from caiso_ads.core.answering import period_refusal
from caiso_ads.core.answers import OPEN, Answer
from caiso_ads.core.happenings import BatchSeen, Event
from caiso_ads.core.model import Instruction
from caiso_ads.errors import CertificateError, ConfigError
from caiso_ads.loop.commands import Spool, ask
from caiso_ads.ports import Clock, ScaledClock, SystemClock
from caiso_ads.simulator.answered import answered_twice, given
from caiso_ads.simulator.faults import Fault
from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.kit import write_kit
from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.store.chain import AuditRow, first_broken

TIE = "NORTIE_5_IMPRT1"
pytestmark = pytest.mark.slow


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Path]:
    """A running simulator and the configuration for it."""
    async with AdsSimulator(directory=tmp_path) as simulator:
        paths = write_kit(
            tmp_path, simulator.url, simulator.response_url, default_fleet(), modbus_port=5020, poll_interval_s=10.0
        )  # fmt: skip
        paths.config.write_text(paths.config.read_text().replace("port = 5020", "port = 0"))
        yield paths.config


async def lived(config: Path, until: Callable[[App], bool]) -> list[AuditRow]:
    """Run the program until something is so, stop it, and return its evidence."""
    async with open_app(load_config(config)) as app:
        running = asyncio.create_task(app.run())
        async with asyncio.timeout(60):
            feed = app.gateway.feed
            while not until(app):
                await feed.after(feed.latest.generation)
        running.cancel()
        await asyncio.wait({running})
        return list(await app.store.audit_rows(0, 100_000))


def has_polled(app: App) -> bool:
    """Whether a poll was complete."""
    return app.gateway.state.completed is not None


async def test_start_end_and_a_changed_configuration_are_in_the_chain(kit: Path) -> None:
    await lived(kit, has_polled)
    kit.write_text(kit.read_text() + "\n# changed\n")
    rows = await lived(kit, has_polled)
    own = [row.kind for row in rows if row.kind in {"started", "stopped", "config changed"}]
    assert own == ["started", "stopped", "config changed", "started", "stopped"]
    assert "acknowledged" in {row.kind for row in rows}
    assert first_broken(rows) is None


async def test_in_read_only_mode_nothing_is_sent_and_that_is_said_once(
    kit: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kit.write_text(kit.read_text() + "\n[responses]\nread_only = true\n")
    with caplog.at_level(logging.WARNING):
        rows = await lived(kit, has_polled)
    assert "acknowledged" not in {row.kind for row in rows}
    assert caplog.text.count("read-only: ") == 1


@pytest.mark.parametrize(("text", "said"), [("", "is not known"), ("read_only = true", "read-only")])
async def test_a_command_reaches_the_gateway_and_is_refused_in_words(kit: Path, text: str, said: str) -> None:
    kit.write_text(f"{kit.read_text()}\n[responses]\n{text}\n")
    config = load_config(kit)
    async with open_app(config) as app:
        running = asyncio.create_task(app.run())
        command = {"kind": "accept", "instruction": "none", "revision": 0}
        result = await ask(Spool(config.store.path), command, SystemClock())
        running.cancel()
        await asyncio.wait({running})
    assert not result.done
    assert said in result.text


async def test_a_certificate_of_its_own_for_answers_is_loaded_before_anything_is_asked(kit: Path) -> None:
    kit.write_text(kit.read_text() + '\n[responses]\ncertificate = "responder.pem"\n')
    with pytest.raises(CertificateError, match="responder"):
        async with open_app(load_config(kit)):
            pass


async def test_the_simulators_certificate_answers_to_no_production_host(kit: Path) -> None:
    text = kit.read_text().replace('environment = "simulator"\n', "").replace("127.0.0.1:", "adsws.prod.caiso.com:")
    pems = [(pem, pem.read_bytes()) for pem in kit.parent.glob("*.pem")]
    for pem, content in pems:
        pem.write_bytes(content.replace(b"caiso-ads simulator", b"something else"))
    (kit.parent / "responder.pem").write_bytes(b"# caiso-ads simulator\n")
    kit.write_text(text + '\n[responses]\ncertificate = "responder.pem"\n')
    assert pems
    with pytest.raises(ConfigError, match="made by the simulator") as caught:
        async with open_app(load_config(kit)):
            pass
    assert (caught.value.table, caught.value.key) == ("responses", "certificate")


@pytest.mark.parametrize(
    ("kind", "state", "arrived"),
    [("", "confirmed", 1), ("lost-answer", "confirmed", 1), ("lost-request", "lost", 0)],
)
async def test_an_answer_of_an_operator_is_sent_once_and_settled_whatever_is_lost(
    tmp_path: Path, kind: str, state: str, arrived: int
) -> None:
    async with at_the_window(tmp_path) as (iso, app, clock, instruction):
        if kind:
            iso.faults.add(Fault(kind, "acceptInstruction"))
        command = {
            "kind": "accept",
            "instruction": instruction.instruction_uid,
            "revision": instruction.revision_number,
        }
        await ask(Spool(app.config.store.path), command, clock)
        answer = await ended(app, instruction.instruction_uid)
        assert (answer.state.value, len(given(iso.ledger))) == (state, arrived)
        assert len(iso.ledger.of("acceptInstruction")) == 1
        rows = await app.store.audit_rows(0, 100_000)
        assert first_broken(rows) is None
        told = [row.kind for row in rows if row.kind.startswith("answer")]
        assert told == ["answer decided", "answer sending", f"answer {state}"]


async def test_the_policy_answers_by_itself_once(tmp_path: Path) -> None:
    async with at_the_window(tmp_path, mode="on") as (iso, app, _, instruction):
        answer = await ended(app, instruction.instruction_uid)
        assert (answer.who, answer.kind.value, answer.state.value) == ("policy", "accept", "confirmed")
        assert answered_twice(given(iso.ledger)) == []
        assert len(given(iso.ledger)) == 1


@asynccontextmanager
async def at_the_window(
    folder: Path, *, mode: str = "off"
) -> AsyncIterator[tuple[AdsSimulator, App, Clock, Instruction]]:
    """Run the program ten times as fast as time, at an hour's open window, until it knows the intertie's instruction."""
    clock = ScaledClock(10.0, datetime(2026, 7, 22, 19, 58, tzinfo=UTC))
    async with AdsSimulator(directory=folder, clock=clock) as iso:
        kit = write_kit(
            folder, iso.url, iso.response_url, default_fleet(), modbus_port=5020, poll_interval_s=10.0
        ).config  # fmt: skip
        text = kit.read_text().replace("port = 5020", "port = 0")
        tie = f'id = "{TIE}"\n'
        assert tie in text
        text = text.replace(tie, f"{tie}auto_accept_within_mw = 1000\n")
        kit.write_text(f'{text}\n[responses]\nmode = "{mode}"\n')
        async with open_app(load_config(kit), clock) as app:
            running = asyncio.create_task(app.run())
            seen: list[Instruction] = []
            app.gateway.onlookers.append(lambda event, _: seen.extend(open_ones(event)))
            feed = app.gateway.feed
            try:
                async with asyncio.timeout(60):
                    while not (seen and has_polled(app)):
                        await feed.after(feed.latest.generation)
                yield iso, app, clock, seen[-1]
            finally:
                running.cancel()
                await asyncio.wait({running})


def open_ones(event: Event) -> list[Instruction]:
    """Return the intertie's instructions that take an answer."""
    if not isinstance(event, BatchSeen) or period_refusal(event.batch, event.arrived.wall) is not None:
        return []
    return [row for row in event.batch.instructions if row.resource_id == TIE]


async def ended(app: App, instruction_uid: str) -> Answer:
    """Return the one answer to an instruction, once it has ended."""
    feed = app.gateway.feed
    async with asyncio.timeout(60):
        while True:
            answers = await app.store.answers_of(instruction_uid)
            if answers and answers[0].state not in OPEN:
                [answer] = answers
                return answer
            await feed.after(feed.latest.generation)
