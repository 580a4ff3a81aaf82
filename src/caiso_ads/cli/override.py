"""``caiso-ads override``: an operator takes a resource over, for a time. Rule: the gateway does it, and says so.

The command waits for the running gateway's answer. Exit code 0 when it is done; 2 when it was refused, when no gateway
is running, or when it is not known.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caiso_ads.cli._errors import EXIT_LOCAL, one_line, report_errors

if TYPE_CHECKING:  # msgspec waits until the command runs
    from datetime import datetime

    from caiso_ads.config import Config
    from caiso_ads.loop.commands import Result
    from caiso_ads.store.chain import AuditRow

_config = click.option(
    "--config", "config_path", type=click.Path(path_type=Path), default=Path("gateway.toml"), show_default=True,
    help="Configuration of the running gateway.",
)  # fmt: skip
_reason = click.option("--reason", required=True, help="Why, for the audit table.")
_yes = click.option("--yes", is_flag=True, help="Do not ask back.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("override")
def command() -> None:
    """Force a value or a directive for a resource, for a time.

    What is forced carries quality FORCED and reason OPERATOR_OVERRIDE, ends by itself, and stands in the audit table
    with the user's name. FOLLOW cannot be forced.
    """


@command.command("set")
@click.argument("resource")
@click.option("--mw", type=float, help="Setpoint in MW, inside the limits of the resource.")
@click.option("--directive", type=click.Choice(["hold", "release", "no-data"]), help="Directive instead of a value.")
@_reason
@click.option("--for", "span", help="How long, for example 30m or 1h30m; at most 24h.")
@click.option("--until", "end", help="Until when, ISO 8601 with a zone, for example 2026-07-21T18:00Z.")
@_config
@_yes
@_json
@report_errors()
def set_override(
    resource: str, mw: float | None, directive: str | None, reason: str, span: str | None, end: str | None,
    config_path: Path, *, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Force a value or a directive for RESOURCE."""
    from caiso_ads.config import load_config
    from caiso_ads.core.override import read_override
    from caiso_ads.ports import SystemClock

    config, now = load_config(config_path), SystemClock().now().wall
    until = _until(span, end, now)
    said = {"resource": resource, "mw": mw, "directive": directive, "reason": reason, "until": until.isoformat()}
    limits = {item.id: item for item in config.resources}
    read_override(said, now=now, resources=limits, who="operator")  # the gateway checks all of it again
    what = f"{mw:g} MW" if mw is not None else str(directive).upper().replace("-", "_")
    _confirm(f"Force {resource} to {what} until {until:%Y-%m-%d %H:%M:%S} UTC?", yes=yes)
    _tell(_ask(config, {"kind": "set", **said}), as_json=as_json)


@command.command("clear")
@click.argument("resource")
@_reason
@_config
@_yes
@_json
@report_errors()
def clear_override(resource: str, reason: str, config_path: Path, *, yes: bool, as_json: bool) -> None:
    """End the override of RESOURCE now."""
    from caiso_ads.config import load_config
    from caiso_ads.core.override import read_clear
    from caiso_ads.ports import SystemClock

    config, now = load_config(config_path), SystemClock().now().wall
    said = {"resource": resource, "reason": reason}
    read_clear(said, now=now, resources={item.id: item for item in config.resources}, who="operator")
    _confirm(f"Clear the override of {resource}?", yes=yes)
    _tell(_ask(config, {"kind": "clear", **said}), as_json=as_json)


@command.command("list")
@_config
@_json
@report_errors()
def list_overrides(config_path: Path, *, as_json: bool) -> None:
    """Show what is forced now, from the store; no gateway needs to run."""
    from caiso_ads.config import load_config
    from caiso_ads.core.override import active
    from caiso_ads.ports import SystemClock
    from caiso_ads.store.reader import Reader

    now = SystemClock().now().wall
    with Reader(load_config(config_path).store.path) as reader:
        standing = list(active(reader.overrides(), now).values())
    if as_json:
        from caiso_ads.core.plain import plain

        rows = [
            plain(item) | {"directive": None if item.directive is None else item.directive.name} for item in standing
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for item in standing:
        what = f"{item.setpoint_mw:g} MW" if item.directive is None else item.directive.name
        left = int((item.until - now).total_seconds())
        click.echo(
            f"{one_line(item.resource_id)}: {what} until {item.until:%Y-%m-%d %H:%M:%S} UTC"
            f" ({left // 3600}:{left % 3600 // 60:02}:{left % 60:02} left), by {one_line(item.who)}: {one_line(item.reason)}"
        )
    if not standing:
        click.echo("Nothing is forced.")


@command.command("audit")
@_config
@_json
@report_errors()
def show_audit(config_path: Path, *, as_json: bool) -> None:
    """Show every act of an operator, and check that no row of the audit table was changed."""
    from caiso_ads.config import load_config
    from caiso_ads.store.evidence_reader import EvidenceReader

    with EvidenceReader(load_config(config_path).store.path) as reader:
        rows = [row for row in reader.rows() if str(row.kind).startswith("override ")]
        found = reader.check()
    broken = None if found.broken is None else found.broken.row
    if as_json:
        click.echo(json.dumps({"first_broken": broken, "rows": [_audit_json(row) for row in rows]}, indent=2))
    else:
        for row in rows:
            text = f"{row.row}  {row.at:%Y-%m-%d %H:%M:%S}  {row.kind}  {row.resource or '-'}  {row.who}: {row.text}"
            click.echo(one_line(f"{text}  {row.detail}"))
    if broken is not None:
        click.echo(f"error: row {broken} is not what was written, or does not follow the row before it", err=True)
        raise click.exceptions.Exit(EXIT_LOCAL)
    if not as_json:
        last = f"; hash of the newest: {found.newest.hash.hex()}" if found.newest is not None else ""
        click.echo(f"{len(rows)} rows, unchanged{last}")


def _audit_json(row: AuditRow) -> dict[str, Any]:
    return {
        "id": row.row, "at": row.at.isoformat(), "kind": row.kind, "who": row.who, "resource": row.resource,
        "text": row.text, "detail": row.detail, "hash": row.hash.hex(),
    }  # fmt: skip


def _until(span: str | None, end: str | None, now: datetime) -> datetime:
    from caiso_ads.core.override import read_duration, read_time

    if (span is None) == (end is None):
        raise click.UsageError("give --for or --until, one of them: an override always has an end")
    return now + read_duration(span) if span is not None else read_time(end or "")


def _confirm(question: str, *, yes: bool) -> None:
    if not yes and not click.confirm(one_line(question), err=True):
        raise click.exceptions.Abort


def _ask(config: Config, said: dict[str, object]) -> Result:
    import asyncio

    from caiso_ads.loop.commands import Spool, ask
    from caiso_ads.ports import SystemClock

    return asyncio.run(ask(Spool(config.store.path), said, SystemClock()))


def _tell(result: Result, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"done": result.done, "text": result.text}))
    elif result.done:
        click.echo(one_line(result.text))
    else:
        click.echo(f"error: refused: {one_line(result.text)}", err=True)
    if not result.done:
        raise click.exceptions.Exit(EXIT_LOCAL)
