"""``caiso-ads opcua``: who may read by OPC UA. Rule: no password on the command line, and none is kept."""

from __future__ import annotations

from pathlib import Path

import click

from caiso_ads.cli._errors import report_errors


@click.group("opcua", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Say who may read by OPC UA."""


@command.command("add-user")
@click.argument("name")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    default=Path("opcua-users"),
    help="The users_file of [sinks.opcua]; made if missing. [default: opcua-users]",
)
@click.option("--password-file", type=click.Path(path_type=Path), help="File whose first line is the password.")
@report_errors()
def add_user(*, name: str, file: Path, password_file: Path | None) -> None:
    """Give NAME a password, asked for without echo; a user of that name is replaced."""
    from caiso_ads.ads.tls import read_passphrase
    from caiso_ads.sinks.opcua import users

    if password_file:
        password = read_passphrase(password_file).decode("utf-8", "replace")
    else:
        password = click.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True)
    users.add_user(file, name, password)
    click.echo(f"{file}: {name} may read after the next start\n\n[sinks.opcua]\nusers_file = '{file}'")
