"""``caiso-ads demo``: an ISO, a gateway and a register map in one command, for somebody who has nothing yet.

Rule: it is the real gateway with the real TLS, store and listeners against the built-in simulator; only the market is
invented, and everything on screen says so.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caiso_ads.cli._demo_sinks import BROKER, choose, free_port
from caiso_ads.cli._errors import report_errors
from caiso_ads.sinks import REGISTRY

if TYPE_CHECKING:  # rich and the gateway wait until the command runs
    from rich.console import Console

    from caiso_ads.app import App
    from caiso_ads.cli._demo_story import Watching
    from caiso_ads.simulator.kit import KitPaths

PREFERRED_MODBUS_PORT = 5020
PREFERRED_WEB_PORT = 8080
STORY = "bad-day"
PLAIN_EVERY_S = 5.0


@click.command("demo")
@click.option(
    "--directory", type=click.Path(file_okay=False, path_type=Path), default=Path("caiso-ads-demo"), show_default=True,
    help="Where certificates, gateway.toml, the database and the files go; copy them for a set-up of your own.",
)  # fmt: skip
@click.option("--modbus-port", type=click.IntRange(1, 65535), help="Modbus port; by default 5020, or a free one.")
@click.option("--web-port", type=click.IntRange(1, 65535), help="Port of the page; by default 8080, or a free one.")
@click.option(
    "--ads-port", type=click.IntRange(0, 65535), default=0, help="Port of the simulated ISO; by default free."
)
@click.option(
    "--oasis-port", type=click.IntRange(0, 65535), default=0, help="Port of the simulated prices; by default free."
)
@click.option(
    "--mqtt", metavar="URL", hidden="mqtt" not in REGISTRY, help=f"MQTT broker; by default {BROKER}, if it answers."
)
@click.option(
    "--speed", type=click.FloatRange(1, 60), default=1.0, show_default=True, help="Market seconds per second."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same market.")
@click.option(
    "--scenario", metavar="NAME|FILE", help="Another story of the simulator: caiso-ads simulate --list-scenarios."
)
@click.option("--calm", is_flag=True, help="A quiet day: without the incidents every few minutes.")
@click.option("--bare", is_flag=True, help="Only the page, Modbus and files: fewer ports, and a faster start.")
@click.option("--seconds", type=click.FloatRange(1), help="Stop after so many seconds; by default on Ctrl-C.")
@click.option("--plain", is_flag=True, help="Print the table every 5 s instead of redrawing it.")
@report_errors()
def command(
    directory: Path, modbus_port: int | None, web_port: int | None, ads_port: int, oasis_port: int, mqtt: str | None, speed: float, seed: int, scenario: str | None,
    seconds: float | None, *, calm: bool, bare: bool, plain: bool,
) -> None:  # fmt: skip
    """Run simulator, gateway, page and register map together; needs nothing else.

    Starts a simulated ISO with its own certificates, a gateway that polls it over mutual TLS, the page of the control
    room, a Modbus TCP server, the files and every other way to read whose library is installed, and shows live what a
    plant would read and where. Every few minutes something goes wrong, as on a bad day. Nothing leaves this machine.
    """
    from rich.console import Console

    from caiso_ads.cli._logging import set_up_logging
    from caiso_ads.cli._running import run_until_stopped
    from caiso_ads.ports import ScaledClock
    from caiso_ads.simulator.oasis_server import OasisSimulator
    from caiso_ads.simulator.scenario import load
    from caiso_ads.simulator.server import AdsSimulator

    console = Console()
    if not console.is_terminal:
        console.width = 100
    set_up_logging(level="warning", form="text")
    _forget_last_run(directory)
    story = load(scenario or ("quiet-day" if calm else STORY))
    clock = ScaledClock(speed, story.start)
    simulator = AdsSimulator(
        clock=clock, port=ads_port, seed=seed, scenario=story, directory=directory, keep=10_000
    )  # fmt: skip
    oasis = OasisSimulator(
        clock=clock, port=oasis_port, seed=seed, scenario=story, switches=simulator.switches, keep=10_000,
        authority=simulator.authority, faults=simulator.faults,
    )  # fmt: skip

    place = directory.resolve()

    async def main() -> None:
        from caiso_ads.app import open_app
        from caiso_ads.cli._demo_story import Watching
        from caiso_ads.cli._demo_table import also_served, how_to_read
        from caiso_ads.config import load_config
        from caiso_ads.simulator.fleet import OPERATOR
        from caiso_ads.simulator.kit import write_kit

        async with simulator, oasis:
            first = simulator.fleet.visible_to(OPERATOR)[0].resource_id
            choice = await asyncio.to_thread(choose, place, first, broker=mqtt, registered=() if bare else REGISTRY)
            kit = write_kit(
                directory, simulator.url, simulator.response_url, simulator.fleet,
                modbus_port=modbus_port or free_port(PREFERRED_MODBUS_PORT), poll_interval_s=10.0,
                oasis_url=oasis.url, sinks=choice.tables, web_port=web_port or free_port(PREFERRED_WEB_PORT),
            )  # fmt: skip
            watching = Watching(story, simulator.market.started, clock)
            async with open_app(load_config(kit.config), clock) as app:
                console.print(_first_line(app), markup=False, highlight=False)
                console.print(also_served(choice, kit))
                console.print(how_to_read(choice), soft_wrap=True, markup=False, highlight=False)
                await _show_while_running(app, kit, console, watching, seconds, plain=plain or not console.is_terminal)

    run_until_stopped(main())


def _first_line(app: App) -> str:
    web = app.config.web
    assert web is not None
    return f"Open this first, in a browser on this machine:  http://{web.host}:{web.port}/\n"


def _forget_last_run(directory: Path) -> None:
    """Start with an empty database: the simulator's market is not the one of the last run."""
    for path in directory.glob("gateway.db*"):
        if path.is_file():
            path.unlink()


async def _show_while_running(
    app: App, kit: KitPaths, console: Console, watching: Watching, seconds: float | None, *, plain: bool
) -> None:  # fmt: skip
    show = _print_table if plain else _redraw_table
    running = asyncio.create_task(app.run())
    showing = asyncio.create_task(show(app, kit, console, watching))
    try:
        done, _ = await asyncio.wait({running, showing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        showing.cancel()
        running.cancel()
        await asyncio.wait({running, showing})


async def _redraw_table(app: App, kit: KitPaths, console: Console, watching: Watching) -> None:
    from rich.live import Live

    from caiso_ads.cli._demo_table import picture

    with Live(console=console, auto_refresh=False) as live:
        while True:
            for line in watching.news():
                live.console.print(line, style="bold yellow", markup=False, highlight=False)
            live.update(picture(app.gateway.feed.latest, app.config, kit.config), refresh=True)
            await asyncio.sleep(1.0)


async def _print_table(app: App, kit: KitPaths, console: Console, watching: Watching) -> None:
    from caiso_ads.cli._demo_table import picture

    while True:
        await asyncio.sleep(PLAIN_EVERY_S)
        for line in watching.news():
            console.print(line, markup=False, highlight=False)
        console.print(picture(app.gateway.feed.latest, app.config, kit.config))
