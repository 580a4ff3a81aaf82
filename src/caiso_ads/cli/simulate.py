"""``caiso-ads simulate``: an ADS to practise against. Rule: says first that it is a simulator, then how to use it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caiso_ads.cli._errors import report_errors

if TYPE_CHECKING:
    from caiso_ads.simulator.faults import Fault
    from caiso_ads.simulator.kit import KitPaths
    from caiso_ads.simulator.oasis_server import OasisSimulator
    from caiso_ads.simulator.scenario import Scenario
    from caiso_ads.simulator.server import AdsSimulator

_KEPT_RECORDS = 10_000


@click.command("simulate")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8447, show_default=True, help="0 takes a free port.")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("caiso-ads-simulator"),
    show_default=True,
    help="Where the CA, the client certificates and gateway.toml are written.",
)
@click.option(
    "--speed", type=click.FloatRange(0.01, 10_000), default=1.0, show_default=True, help="Market seconds per second."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same market.")
@click.option("--scenario", metavar="NAME|FILE", help="A named story or a file.")
@click.option(
    "--fault", "faults", multiple=True, metavar="KIND[:OPERATION[:TIMES]]", help="Arm a fault; may be repeated."
)
@click.option("--switch", "switches", multiple=True, metavar="NAME=VALUE", help="Choose an undocumented behaviour.")
@click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path), help="Write issues and calls as JSON lines.")
@click.option(
    "--oasis-port", type=click.IntRange(0, 65535), default=8448, show_default=True, help="Port of the price service."
)
@click.option(
    "--oasis-nodes", type=click.IntRange(1, 17_000), default=500, show_default=True, help="Nodes that have a price."
)
@click.option("--modbus-port", type=click.IntRange(1, 65535), default=5020, show_default=True, help="For gateway.toml.")
@click.option("--list-scenarios", is_flag=True, help="Print the named scenarios, faults and switches, and stop.")
@report_errors()
def command(
    host: str,
    port: int,
    directory: Path,
    speed: float,
    seed: int,
    scenario: str | None,
    faults: tuple[str, ...],
    switches: tuple[str, ...],
    ledger: Path | None,
    oasis_port: int,
    oasis_nodes: int,
    modbus_port: int,
    *,
    list_scenarios: bool,
) -> None:
    """Run an ADS and OASIS simulator with its own certificates.

    It is not CAISO: prices, resources and every undocumented behaviour are invented.
    """
    if list_scenarios:
        _print_catalogue()
        return
    from caiso_ads.ports import ScaledClock
    from caiso_ads.simulator.faults import parse
    from caiso_ads.simulator.oasis_server import OasisSimulator
    from caiso_ads.simulator.scenario import Scenario, load
    from caiso_ads.simulator.server import AdsSimulator
    from caiso_ads.simulator.switches import Switches

    story = load(scenario) if scenario else Scenario()
    armed = [parse(text) for text in faults]
    clock = ScaledClock(speed, story.start)
    simulator = AdsSimulator(
        clock=clock,
        host=host,
        port=port,
        seed=seed,
        switches=story.apply_switches(Switches()).with_texts(switches),
        scenario=story,
        directory=directory,
        ledger_file=ledger,
        keep=_KEPT_RECORDS,
    )
    oasis = OasisSimulator(
        clock=clock,
        host=host,
        port=oasis_port,
        seed=seed,
        nodes=oasis_nodes,
        fleet=simulator.fleet,
        switches=simulator.switches,
        scenario=story,
        authority=simulator.authority,
        faults=simulator.faults,
        keep=_KEPT_RECORDS,
    )
    asyncio.run(_serve(simulator, oasis, armed, story, directory, speed, modbus_port))


async def _serve(
    simulator: AdsSimulator,
    oasis: OasisSimulator,
    armed: list[Fault],
    story: Scenario,
    directory: Path,
    speed: float,
    modbus_port: int,
) -> None:
    from caiso_ads.simulator.kit import write_kit

    for fault in armed:
        simulator.faults.add(fault)
    stopped = _stop_event()
    async with simulator, oasis:
        poll_s = max(1.0, min(10.0, 10.0 / speed))
        kit = write_kit(
            directory,
            simulator.url,
            simulator.response_url,
            simulator.fleet,
            modbus_port=modbus_port,
            poll_interval_s=poll_s,
            oasis_url=oasis.url,
        )
        _print_served(simulator, oasis, kit, story, speed)
        await stopped.wait()
    click.echo("Simulator stopped.")


def _stop_event() -> asyncio.Event:
    """Return an event that Ctrl-C or a termination signal sets."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    names = ("SIGINT", "SIGTERM", "SIGBREAK")  # the last is how Windows asks a process group to end
    for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
        try:
            loop.add_signal_handler(number, stopped.set)
        except NotImplementedError:  # Windows: the event loop has no signal handlers, the interpreter has
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    return stopped


def _print_served(simulator: AdsSimulator, oasis: OasisSimulator, kit: KitPaths, story: Scenario, speed: float) -> None:
    from caiso_ads.simulator.ca import P12_PASSPHRASE

    click.echo(
        f"ADS SIMULATOR, not CAISO. Scenario {story.name}, speed {speed:g}, market time {simulator.market.started:%Y-%m-%d %H:%M:%SZ}."
    )
    click.echo(f"  dispatch service   {simulator.url}   (v7 beside it, WSDL at ?WSDL)")
    click.echo(f"  response service   {simulator.response_url}")
    click.echo(f"  price service      {oasis.url}   ({len(oasis.nodes.everything)} nodes; TLS, no client certificate)")
    click.echo(
        f"  history            {len(simulator.market.dispatches)} dispatch batches, {len(simulator.market.trajectories)} trajectory batches"
    )
    for identity in simulator.fleet.identities:
        roles = ", ".join(sorted(set(identity.roles.values())))
        click.echo(f"  certificate        {identity.common_name}: {roles} for {len(identity.roles)} resources")
    click.echo(f"  certificates in    {kit.ca.parent}   (.p12 passphrase: {P12_PASSPHRASE})")
    click.echo("Use it from another terminal:")
    click.echo(f"  caiso-ads run --config {kit.config}")
    click.echo(f"  caiso-ads ads list --config {kit.config}")
    if speed != 1 or story.start is not None:
        click.echo(
            "The market's time is not this machine's: a gateway that reads the real time will find fault with it."
        )
    click.echo("Ctrl-C stops it.")


def _print_catalogue() -> None:
    from caiso_ads.simulator.faults import KINDS
    from caiso_ads.simulator.scenario import load, names
    from caiso_ads.simulator.switches import table

    click.echo("Scenarios (--scenario):")
    for name in names():
        click.echo(f"  {name:20} {load(name).description}")
    click.echo("Faults (--fault):")
    for kind, row in KINDS.items():
        click.echo(f"  {kind:20} {row.doc}")
    click.echo("Switches (--switch), default first:")
    for switch in table():
        click.echo(f"  {switch.name:24} {switch.default}  [{switch.choices}]  {switch.doc}")
