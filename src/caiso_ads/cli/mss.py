"""``caiso-ads mss``: load following of a metered subsystem. Rule: only the running gateway sends it, and only once.

Exit code 0: every row is valid; 1: a row is not, the ISO refused, or it is not known whether the ISO has it; 2: refused
on our side, nothing was sent.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caiso_ads.cli._errors import EXIT_LOCAL, EXIT_REMOTE, one_line, report_errors

if TYPE_CHECKING:
    from caiso_ads.config import Config
    from caiso_ads.loop.commands import Result


@click.group("mss")
def command() -> None:
    """Submit load following of a metered subsystem."""


@command.command("submit")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--batch", help="Your own id of this request; needed for CSV, part of the XML.")
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), default=Path("gateway.toml"), show_default=True,
    help="Configuration of the running gateway.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask back; needed where nobody sits at a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@report_errors()
def submit(file: Path, batch: str | None, config_path: Path, *, yes: bool, as_json: bool) -> None:
    """Submit FILE, a .csv or an .xml (MSSLFRequest); print the ISO's verdict on each row.

    \b
    A CSV names its columns in the first line; times with a zone, MW up positive:
    id,resource,start,end,mw
    R1,STNLKE_7_HYDRO1,2026-07-21T18:00Z,2026-07-21T19:00Z,-2.5
    """
    from caiso_ads.cli import _mss_file
    from caiso_ads.config import load_config
    from caiso_ads.errors import CommandError

    config = load_config(config_path)
    if config.responses.read_only:
        raise CommandError("the gateway is read-only: it sends the ISO nothing", field="[responses] read_only")
    said = _mss_file.said(file, batch)
    rows = said["rows"]
    assert isinstance(rows, list)
    for row in rows:
        click.echo(
            one_line(f"{row['id']}: {row['resource']} from {row['start']} to {row['end']}, {row['mw']:g} MW"), err=True
        )
    _confirm(f"Submit {len(rows)} rows as batch {said['batch']}?", yes=yes)
    _tell(_ask(config, said), [str(row["id"]) for row in rows], as_json=as_json)


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: give --yes if you mean it")
    if not click.confirm(one_line(question), err=True):
        raise click.exceptions.Abort


def _ask(config: Config, said: dict[str, object]) -> Result:
    import asyncio

    from caiso_ads.errors import UnansweredError
    from caiso_ads.loop.commands import Result, Spool, ask
    from caiso_ads.ports import SystemClock

    try:
        return asyncio.run(ask(Spool(config.store.path), said, SystemClock()))
    except UnansweredError as silent:
        return Result(done=False, text=f"{silent}; {silent.cure}")


def _tell(result: Result, asked: list[str], *, as_json: bool) -> None:
    verdicts: dict[str, Any] = {str(row.get("id")): row for row in result.rows}
    valid = [name for name in asked if verdicts.get(name, {}).get("valid") is True]
    if as_json:
        click.echo(json.dumps({"done": result.done, "text": result.text, "rows": list(result.rows)}, indent=2))
    else:
        if result.rows:
            _show(asked, verdicts)
        click.echo(one_line(result.text if result.done else f"error: {result.text}"), err=not result.done)
    if not result.done and not result.rows:
        raise click.exceptions.Exit(EXIT_REMOTE if "unknown whether" in result.text else EXIT_LOCAL)
    if len(valid) < len(asked) or not result.done:
        raise click.exceptions.Exit(EXIT_REMOTE)


def _show(asked: list[str], verdicts: dict[str, Any]) -> None:
    from caiso_ads.cli._ads_tables import cell_table, output

    words = {True: "valid", False: "NOT VALID"}
    rows = []
    for name in [*asked, *(other for other in verdicts if other not in asked)]:
        told = verdicts.get(name, {})
        rows.append((name, told.get("caiso_id"), told.get("caiso_batch"), words.get(told.get("valid"), "not told")))
    output().print(cell_table(f"{len(rows)} rows", ("row", "CAISO row", "CAISO batch", "verdict"), rows))
