"""The composition root: the only module that knows every adapter. It wires them together and says no more.

Rule: start serving before asking (the plant sees NO_DATA, not silence), and stop asking before ceasing to serve
(the plant sees SHUTDOWN, not a dead value).
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from caiso_ads import __version__
from caiso_ads.ads.client import AdsClient
from caiso_ads.ads.expiry import valid_until
from caiso_ads.ads.tls import checking_context, client_context, read_passphrase
from caiso_ads.config import Config
from caiso_ads.config.responses import capabilities, identity_for_responses, policies
from caiso_ads.core.answers import Answer
from caiso_ads.core.directive import Environment
from caiso_ads.core.state import State, initial
from caiso_ads.errors import ConfigError
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.loop import witness
from caiso_ads.loop.alarm_desk import AlarmDesk
from caiso_ads.loop.alarm_sources import Sources
from caiso_ads.loop.alarm_test import AlarmTest
from caiso_ads.loop.autopilot import Autopilot, Rules
from caiso_ads.loop.board import Board
from caiso_ads.loop.commands import Spool
from caiso_ads.loop.desk import Desk, Handler, Handlers
from caiso_ads.loop.evidence import EvidenceLog
from caiso_ads.loop.loadfollowing import LoadFollowing
from caiso_ads.loop.obeying import obey
from caiso_ads.loop.operators import Operators, ReadOnly
from caiso_ads.loop.overriding import Overriding
from caiso_ads.loop.prices import PriceLoop
from caiso_ads.loop.responder import ResponseLoop
from caiso_ads.loop.roles import RoleAlarm
from caiso_ads.loop.sightings import Sightings
from caiso_ads.loop.supervisor import Supervisor
from caiso_ads.loop.watch import FACT
from caiso_ads.notify import courier
from caiso_ads.notify.office import Office
from caiso_ads.oasis.client import OasisClient
from caiso_ads.oasis.pacer import Pacer, beside
from caiso_ads.ports import Clock, Sink, SinkContext, SystemClock
from caiso_ads.ports.answers import Fact
from caiso_ads.ports.evidence import SinkEvidence
from caiso_ads.store.chain import AuditRow
from caiso_ads.store.sqlite import SqlStore

log = logging.getLogger("caiso_ads.app")

SHUTDOWN_GRACE_S = 1.0
"""How long the plant can read SHUTDOWN before the listeners close (s)."""

SIMULATOR_MARK = b"caiso-ads simulator"
"""Stands in clear text in every certificate file the simulator writes."""


@dataclass(frozen=True, slots=True)
class App:
    """A gateway ready to run, with its sinks; ``prices`` is None where no node is to be asked for."""

    config: Config
    gateway: Gateway
    supervisor: Supervisor
    store: SqlStore
    evidence: EvidenceLog
    clock: Clock
    prices: PriceLoop | None = None

    async def run(self) -> None:
        """Serve until cancelled, or until the gateway meets something unexpected and raises it."""
        calm_collector()
        telling = asyncio.create_task(self.evidence.run(), name="evidence")
        try:
            await self._serve(telling)
        finally:
            self.evidence.note(witness.stopped(self.clock.now().wall))
            telling.cancel()
            await asyncio.wait({telling})

    async def _serve(self, telling: asyncio.Task[None]) -> None:
        sinks = asyncio.create_task(self.supervisor.run(self.gateway.feed), name="sinks")
        asking = {asyncio.create_task(self.gateway.run(), name="gateway")}
        if self.prices is not None:
            asking.add(asyncio.create_task(self.prices.run(), name="prices"))
        try:
            done, _ = await asyncio.wait({sinks, telling, *asking}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in asking:
                task.cancel()
            await asyncio.wait(asking)
            await asyncio.sleep(SHUTDOWN_GRACE_S)
            sinks.cancel()
            await asyncio.wait({sinks})


def calm_collector() -> None:
    """Keep Python's cycle collector from stopping the loop for tens of milliseconds while it looks at all objects.

    What was loaded at start is never garbage, and our own objects hold no cycles; what little libraries leave behind
    is still collected, but from a small young heap and rarely from the whole one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@asynccontextmanager
async def open_app(
    config: Config, clock: Clock | None = None, *, gateway_type: type[Gateway] = Gateway
) -> AsyncIterator[App]:
    """Open store and client and build the sinks; closes them all again. ``gateway_type`` is for negative controls.

    Raises ConfigError, CertificateError, StoreError or StoreBusyError before anything is asked or served.
    """
    clock = clock or SystemClock()
    environment = Environment(config.ads.environment)
    refuse_simulator_files(config)
    reading, responding = _contexts(config)
    async with AsyncExitStack() as stack:
        store = await SqlStore.open(config.store.path, clock)
        stack.push_async_callback(store.close)
        spool = Spool(config.store.path)
        spool.prepare()
        await store.append_facts(_started(config, clock, await store.last_about(witness.CONFIGURATION)))
        evidence = EvidenceLog(store, clock)
        sightings = Sightings(evidence.note, clock)
        client = await stack.enter_async_context(_client(config, reading, clock))

        def report() -> Mapping[str, Mapping[str, object]]:
            return supervisor.report()  # asked only while the sinks run

        context = _context(config, environment, store, clock, sightings, report)
        supervisor = Supervisor(_sinks(config, context), clock)
        gateway = gateway_type(
            client, store, clock, _nothing_known(config, environment), _settings(config),
            supervisor.required_serving, evidence.note, sightings.published,
        )  # fmt: skip
        gateway.onlookers.append(witness.ClockWitness(evidence.note, lambda: clock.now().wall).folded)
        iso = None
        if not config.responses.read_only:
            iso = await stack.enter_async_context(_client(config, responding, clock))
        sources = _alarm_sources(config, supervisor)
        gateway.alarms.sources = sources
        gateway.alarms.restore(await store.last_of_each(FACT), clock.now())
        alarms = dict(AlarmDesk(gateway.alarms, sources, clock, evidence.note, evidence.durable).handlers())
        if config.notify:
            office = _notifiers(config, gateway, supervisor, clock, evidence.note)
            office.restore(await store.last_of_each(courier.FACT))
            alarms["alarm-test"] = AlarmTest(alarms["alarm-test"], office.try_out)
        desk = _answering(config, gateway, client, iso, store, spool, evidence.note, clock, sources, alarms)
        _page(config, gateway, supervisor, desk, context, evidence.note, sources)
        log.info("caiso-ads %s, %s, %d resources", __version__, environment.value, len(config.resources))
        prices = await _prices(config, store, clock, gateway, stack)
        yield App(config, gateway, supervisor, store, evidence, clock, prices)


def _client(config: Config, context: ssl.SSLContext, clock: Clock) -> AdsClient:
    ads = config.ads
    return AdsClient(
        ads.url, response_url=ads.response_url, version=ads.version, ssl_context=context, clock=clock,
        deadline_s=ads.call_deadline_s,
    )  # fmt: skip


def _contexts(config: Config) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what to show the ISO when reading, and when answering. Raises CertificateError."""
    ads = config.ads
    identities = ((ads.certificate, ads.key, ads.passphrase_file), identity_for_responses(ads, config.responses))
    reading, answering = (
        client_context(ca_file=ads.ca_file, certificate=certificate, key=key, passphrase_file=passphrase_file)
        for certificate, key, passphrase_file in identities
    )
    return reading, answering


def _responder(config: Config) -> str:
    """Return the name under which the ISO shows our answers. Raises CertificateError."""
    certificate, _, file = identity_for_responses(config.ads, config.responses)
    from caiso_ads.ads.certificates import common_name  # noqa: PLC0415 - 11 MB resident, for an outcome that is not known

    return common_name(certificate, None if file is None else read_passphrase(file))


def _started(config: Config, clock: Clock, before: AuditRow | None) -> list[Fact]:
    digest, environment = witness.digest_of(config.source), config.ads.environment.value
    known = None if before is None else str(json.loads(before.detail).get("config_sha256", ""))
    return witness.started(clock.now().wall, __version__, environment, digest, known)


def _answering(
    config: Config, gateway: Gateway, client: AdsClient, iso: AdsClient | None, store: SqlStore, spool: Spool,
    note: Callable[[Fact], None], clock: Clock, sources: Sources, others: Handlers,
) -> Desk:  # fmt: skip
    """Let the gateway obey commands and answer the ISO; without ``iso`` it sends nothing."""
    board = Board()
    gateway.onlookers.append(board.folded)
    handlers: dict[str, Handler] = {**others, **Overriding(store, gateway.state.configured, gateway.force).handlers()}
    send: Callable[[Answer], None] = _keep

    def clock_ok() -> bool:
        return gateway.state.clock.ok

    if iso is None:
        log.warning("read-only: no receipt is confirmed, no answer and no load-following request is sent")
        handlers |= ReadOnly().handlers()
    else:
        alarm = RoleAlarm(clock, note)
        responses = ResponseLoop(iso, client, store, clock, alarm, clock_ok, responder=lambda: _responder(config))
        gateway.beside["responses"], send = responses.run, responses.add
        sources.role_refused, sources.answered = lambda: alarm.refused, responses.is_answered
        sources.batches = lambda: board.batches
        two = config.responses.two_person_declines
        handlers |= Operators(board, store, responses, clock_ok, two_person_declines=two).handlers()
        handlers |= LoadFollowing(iso, store, clock, note).handlers()
    rules = Rules(
        policies(config.resources, config.responses), capabilities(config.resources),
        tuple(item.outage for item in config.outages),
    )  # fmt: skip
    if rules.work:
        autopilot = Autopilot(rules, store, clock, note, send, clock_ok)
        gateway.onlookers.append(autopilot.folded)
        gateway.beside["policy"] = autopilot.run
    desk = Desk(handlers, clock)
    gateway.beside["commands"] = lambda: obey(spool, clock, desk)
    return desk


def _alarm_sources(config: Config, supervisor: Supervisor) -> Sources:
    """Return what alarms are read from beside the points. Raises CertificateError."""
    ads, files = config.ads, dict[Path, Path | None]()
    files[ads.certificate] = ads.passphrase_file
    certificate, _, passphrase_file = identity_for_responses(ads, config.responses)
    files[certificate] = passphrase_file
    expiries = {
        path.name: valid_until(path, None if secret is None else read_passphrase(secret))
        for path, secret in files.items()
    }
    configured = frozenset(item.id for item in config.resources)
    return Sources(lambda: supervisor.sinks, expiries, configured=configured)


def _notifiers(
    config: Config, gateway: Gateway, supervisor: Supervisor, clock: Clock, note: Callable[[Fact], None]
) -> Office:
    """Let each notifier hear of alarms, kept running like a sink. Raises ConfigError for a secret that cannot be read."""
    office = Office(
        config.notify, courier.Circumstances(config.ads.environment.value, clock, note, gateway.alarms.alarms)
    )
    gateway.alarms.on_change.append(office.heard)
    for one in office.couriers:
        supervisor.add(one.sink_name, one)
    return office


def _page(
    config: Config, gateway: Gateway, supervisor: Supervisor, desk: Desk, context: SinkContext,
    note: Callable[[Fact], None], sources: Sources,
) -> None:  # fmt: skip
    """Let the supervisor serve the page too, where there is a table for it."""
    if config.web is None:
        return
    from caiso_ads.web.access.guard import guard_of  # noqa: PLC0415 - only where it is wanted
    from caiso_ads.web.broadcast import Broadcast  # noqa: PLC0415
    from caiso_ads.web.news import News  # noqa: PLC0415
    from caiso_ads.web.server import WebSink  # noqa: PLC0415 - only where it is wanted
    from caiso_ads.web.site import Site  # noqa: PLC0415

    broadcast = Broadcast(gateway.feed, context)
    news = News(broadcast, gateway.alarms.alarms)
    news.alarms_changed()
    gateway.alarms.on_settled.append(news.alarms_changed)
    gateway.onlookers.append(news.folded)
    guard = guard_of(config, context, note)
    sources.guessing = guard.guessing_goes_on
    site = Site(
        config, gateway.feed, context.clock, desk, context, lambda: supervisor.sinks, broadcast, guard, gateway.alarms
    )
    supervisor.add("web", WebSink(config.web, site))


def _keep(_: Answer) -> None:
    """Send nothing: in read-only mode answers are recorded at most."""


async def _prices(
    config: Config, store: SqlStore, clock: Clock, gateway: Gateway, stack: AsyncExitStack
) -> PriceLoop | None:
    """Open the price service's client where there is something to ask it."""
    oasis = config.oasis
    if not (config.nodes and oasis.poll):
        return None
    pacer = Pacer(oasis.pace_file or beside(config.store.path), clock, oasis.min_interval_s)
    client = OasisClient(oasis.url, clock=clock, pacer=pacer, ssl_context=checking_context(oasis.ca_file))
    await stack.enter_async_context(client)
    nodes = tuple(node.id for node in config.nodes)
    log.info("prices of %d nodes from %s", len(nodes), oasis.url)
    return PriceLoop(client, store, clock, nodes, gateway.accept)


def _nothing_known(config: Config, environment: Environment) -> State:
    nodes = (node.id for node in config.nodes)
    return initial({item.id: item.resource for item in config.resources}, environment, nodes)


def _settings(config: Config) -> Settings:
    limits = config.limits
    return Settings(config.ads.poll_interval_s, config.acknowledges, limits.ages, limits.clock_off_s)


def _sinks(config: Config, context: SinkContext) -> dict[str, tuple[Sink, bool]]:
    return {name: (sink.build(context), sink.required) for name, sink in config.sinks.items()}


def _context(
    config: Config, environment: Environment, store: SqlStore, clock: Clock, evidence: SinkEvidence,
    report: Callable[[], Mapping[str, Mapping[str, object]]],
) -> SinkContext:  # fmt: skip
    return SinkContext(
        resource_ids=tuple(item.id for item in config.resources),
        names={item.id: item.name for item in config.resources},
        environment=environment.value,
        store=store,
        clock=clock,
        nodes=tuple(node.id for node in config.nodes),
        node_names={node.id: node.name for node in config.nodes},
        node_of={item.id: item.node for item in config.resources if item.node},
        evidence=evidence,
        sinks=report,
        fallback_mw={item.id: item.fallback_mw for item in config.resources if item.fallback_mw is not None},
    )


def refuse_simulator_files(config: Config) -> None:
    """Refuse to meet production with the simulator's certificates: a test set-up must not drift into a plant.

    Raises ConfigError.
    """
    if Environment(config.ads.environment) is Environment.SIMULATOR:
        return
    found = (
        ("ads", "certificate", config.ads.certificate), ("ads", "ca_file", config.ads.ca_file),
        ("oasis", "ca_file", config.oasis.ca_file), ("responses", "certificate", config.responses.certificate),
    )  # fmt: skip
    for table, key, path in found:
        if path is not None and _is_marked(path):
            raise ConfigError(
                f"{path} was made by the simulator", file=str(config.source), table=table, key=key,
                cure='use the CAISO certificate, or say environment = "simulator"',
            )  # fmt: skip


def _is_marked(path: Path) -> bool:
    try:
        return SIMULATOR_MARK in path.read_bytes()
    except OSError:
        return False  # client_context says what is wrong with the file
