"""``caiso-ads run``: the gateway as a service. Rule: it serves until stopped, and ends with a non-zero code on doubt."""

from __future__ import annotations

from pathlib import Path

import click

from caiso_ads.cli._errors import report_errors


@click.command("run")
@click.option("--config", "config_path", required=True, type=click.Path(path_type=Path), help="TOML file to run with.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning"]), default="info", show_default=True,
    help="What to log on standard error; changes are logged once, never each poll.",
)  # fmt: skip
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Lines for people, or one JSON object a line.",
)  # fmt: skip
@click.option("--uvloop", is_flag=True, help="Use uvloop (extra caiso-ads[uvloop]; not on Windows).")
@report_errors()
def command(config_path: Path, log_level: str, log_format: str, *, uvloop: bool) -> None:
    """Run the gateway: poll ADS, keep every batch, serve the plant.

    Polls, stores, publishes and, with acknowledge = true, tells the ISO "received". Stops in order on Ctrl-C or
    SIGTERM. Ends with code 2 when something here is wrong (configuration, certificate, store, another gateway on the
    same data). Look at it from elsewhere with: caiso-ads status --config FILE
    """
    from caiso_ads.cli._logging import set_up_logging
    from caiso_ads.cli._running import run_until_stopped
    from caiso_ads.config import load_config

    set_up_logging(level=log_level, form=log_format)
    config = load_config(config_path)

    async def main() -> None:
        from caiso_ads.app import open_app

        async with open_app(config) as app:
            await app.run()

    if uvloop:
        import uvloop as fast_loop

        fast_loop.install()
    run_until_stopped(main())
