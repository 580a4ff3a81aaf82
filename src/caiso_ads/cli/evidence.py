"""``caiso-ads evidence``: the life of one instruction, a day of the evidence chain, and whether it was altered.

Rule: it only reads, also beside a running gateway. Exit code 1 when the chain is broken, or what is asked is not there.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caiso_ads.cli._errors import one_line, report_errors
from caiso_ads.cli._lmp_times import Day
from caiso_ads.cli.intervals import zone_of

if TYPE_CHECKING:
    from caiso_ads.store.chain import AuditRow
    from caiso_ads.store.evidence_reader import Checked, EvidenceReader

EXIT_BROKEN = 1
_FILE = click.Path(path_type=Path)
_config = click.option("--config", type=_FILE, help="Configuration of a gateway, for its store.")
_store = click.option("--store", type=_FILE, help="Database of a gateway, running or not; it is only read.")


@click.group("evidence", invoke_without_command=True)
@_config
@_store
@click.option("--instruction", metavar="UID", help="Show the life of this instruction.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_context
@report_errors()
def command(
    ctx: click.Context, config: Path | None, store: Path | None, instruction: str | None, *, as_json: bool
) -> None:
    """Tell the life of an instruction; write or verify the evidence chain.

    \b
    caiso-ads evidence --config gateway.toml --instruction DISP-1-I7
    caiso-ads evidence export --config gateway.toml --day 2026-07-01
    caiso-ads evidence verify --config gateway.toml
    """
    if ctx.invoked_subcommand is not None:
        if instruction or config or store or as_json:
            raise click.UsageError(f"give the options behind {ctx.invoked_subcommand}")
        return
    if not instruction:
        raise click.UsageError("give --instruction UID, or one of the commands export, verify")
    _show(_path(config, store), instruction, as_json=as_json)


@command.command("export")
@_config
@_store
@click.option("--day", type=Day(), required=True, help="Pacific day, for example 2026-07-01.")
@click.option("--utc", is_flag=True, help="The day is a UTC day.")
@click.option("--csv", "form", flag_value="csv", help="Write CSV; so it is without an option.")
@click.option("--json", "form", flag_value="json", help="Write JSON, an object a line.")
@report_errors()
def export(config: Path | None, store: Path | None, day: date, form: str | None, *, utc: bool) -> None:
    """Write every row of a day, with its hashes."""
    from caiso_ads.cli._evidence_output import rows_csv, rows_json
    from caiso_ads.core.intervals import day_span

    span = day_span(day, zone_of(utc=utc))
    with _open(_path(config, store)) as reader:
        rows = reader.rows_between(span.start, span.end)
        for line in rows_json(rows) if form == "json" else rows_csv(rows):
            click.echo(line)


@command.command("verify")
@_config
@_store
@click.option("--kept", metavar="HASH", help="A newest hash that was kept elsewhere: it must be in the chain.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@report_errors()
def verify(config: Path | None, store: Path | None, kept: str | None, *, as_json: bool) -> None:
    """Verify the whole chain; name the first altered row. Ends with 1 when there is one."""
    wanted = _hash(kept)
    with _open(_path(config, store)) as reader:
        found = reader.check(wanted)
    missing = wanted is not None and found.kept is None
    if as_json:
        click.echo(_verdict_json(found, missing=missing))
    else:
        _say(found, missing=missing)
    if found.broken is not None or found.hidden is not None or missing:
        raise click.exceptions.Exit(EXIT_BROKEN)


def _show(path: Path, uid: str, *, as_json: bool) -> None:
    from caiso_ads.cli._evidence_output import life_json, life_lines
    from caiso_ads.store.life import steps

    with _open(path) as reader:
        found = reader.instruction(uid)
    if found is None:
        click.echo(f"no stored batch holds the instruction {one_line(uid)}", err=True)
        raise click.exceptions.Exit(EXIT_BROKEN)
    life = steps(found)
    for line in [life_json(found, life)] if as_json else life_lines(found, life):
        click.echo(line)


def _say(found: Checked, *, missing: bool) -> None:
    if found.broken is not None:
        row = found.broken
        click.echo(
            f"BROKEN: row {row.row} ({one_line(str(row.kind))}, {_when(row)}) is not what was written,"
            " or a row before it is missing"
        )
        click.echo(f"the {found.rows} rows before it are good; nothing can be said of those behind it")
    else:
        click.echo(f"{found.rows} rows, none altered")
    if found.newest is not None:
        click.echo(f"newest good row {found.newest.row} at {found.newest.at.isoformat()}, hash:")
        click.echo(found.newest.hash.hex())
    if found.hidden is not None:
        click.echo(f"BROKEN: row {found.hidden} is not found by its batch or instruction any more")
    if missing:
        click.echo(
            "BROKEN: the hash that was kept is not in the chain: rows were removed, or all of it was written anew"
        )
    elif found.kept is not None:
        click.echo(f"the hash that was kept is that of row {found.kept}")


def _when(row: AuditRow) -> str:
    try:
        return row.at.isoformat()
    except (TypeError, OverflowError):
        return "its time was altered to no time"


def _verdict_json(found: Checked, *, missing: bool) -> str:
    import json

    broken, newest = found.broken, found.newest
    made = {
        "good": broken is None and found.hidden is None and not missing,
        "good_rows": found.rows,
        "newest_hash": None if newest is None else newest.hash.hex(),
        "first_altered": None if broken is None else {"row": broken.row, "kind": broken.kind, "at_us": broken.at_us},
        "first_hidden": found.hidden,
        "kept_row": found.kept,
        "kept_missing": missing,
    }
    return json.dumps(made, indent=1)


def _hash(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != 32:
        raise click.UsageError("--kept: a hash has 64 hexadecimal digits")
    return value


def _path(config: Path | None, store: Path | None) -> Path:
    if store is not None:
        return store
    if config is None:
        raise click.UsageError("give --config FILE or --store FILE")
    from caiso_ads.config import load_config

    return load_config(config).store.path


def _open(path: Path) -> EvidenceReader:
    from caiso_ads.store.evidence_reader import EvidenceReader

    return EvidenceReader(path)
