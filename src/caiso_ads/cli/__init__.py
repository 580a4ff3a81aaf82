"""The command line. Rule: ``--help`` imports nothing heavy; each group lives in its own file, loaded on use."""

from __future__ import annotations

from importlib import import_module

import click

from caiso_ads import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("caiso_ads.cli.demo", "Run simulator, gateway and register map together; needs nothing else."),
    "run": ("caiso_ads.cli.run", "Run the gateway with a configuration file."),
    "check": ("caiso_ads.cli.check", "Check a configuration file and say what is wrong with it."),
    "status": ("caiso_ads.cli.status", "Show what a running gateway publishes."),
    "override": ("caiso_ads.cli.override", "Force a value or a directive for a resource, for a time."),
    "alarms": ("caiso_ads.cli.alarms", "Show alarms; acknowledge, shelve and test them."),
    "instructions": ("caiso_ads.cli.instructions", "Show hourly instructions, and accept or decline them."),
    "mss": ("caiso_ads.cli.mss", "Submit load following of a metered subsystem."),
    "points": ("caiso_ads.cli.points", "Print the exact register map of a configuration."),
    "intervals": ("caiso_ads.cli.intervals", "Show for each five-minute interval the DOT, or why there is none."),
    "evidence": ("caiso_ads.cli.evidence", "Tell the life of an instruction; write or verify the evidence chain."),
    "replay": ("caiso_ads.cli.replay", "Run what was received against a fast clock, second by second."),
    "lmp": ("caiso_ads.cli.lmp", "Show prices of nodes from CAISO's OASIS, now or of past days."),
    "nodes": ("caiso_ads.cli.nodes", "Find pricing nodes, also by resource."),
    "ads": ("caiso_ads.cli.ads", "Ask the ISO's ADS directly: list, get, trajectory, status."),
    "cert": ("caiso_ads.cli.cert", "Import and inspect the CAISO certificate."),
    "api": ("caiso_ads.cli.api", "Print the description of the HTTP API."),
    "opcua": ("caiso_ads.cli.opcua", "Say who may read by OPC UA."),
    "users": ("caiso_ads.cli.users", "Say who may use the page, and what."),
    "simulate": ("caiso_ads.cli.simulate", "Run an ADS simulator with its own certificates."),
}


class LazyGroup(click.Group):
    """Loads a command's module when it is called, and only its one-line help before that."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command; its ``command`` attribute is the command."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table, without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="caiso-ads")
def main() -> None:
    """Gateway between California ISO's Automated Dispatch System (ADS) and a power plant.

    \b
    New here?           caiso-ads demo
    With a certificate? caiso-ads cert import plant.pfx, then caiso-ads ads list --config gateway.toml
    In the plant?       caiso-ads check --config gateway.toml, then caiso-ads run --config gateway.toml
    """
