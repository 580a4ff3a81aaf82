"""``caiso-ads alarms``: what is wrong and what to do, and the acts of people about it. Rule: the gateway does it, and says so.

``list`` and ``catalogue`` need no running gateway. Exit code 0 when it is done; 2 when it was refused, when no gateway is
running, or when it is not known.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caiso_ads.cli._errors import EXIT_LOCAL, one_line, report_errors

if TYPE_CHECKING:  # msgspec waits until the command runs
    from datetime import timedelta

    from caiso_ads.core.alarm_kinds import Alarm

_config = click.option(
    "--config", "config_path", type=click.Path(path_type=Path), default=Path("gateway.toml"), show_default=True,
    help="Configuration of the gateway.",
)  # fmt: skip
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_note = click.option("--note", default="", help="A note for the evidence.")


@click.group("alarms")
def command() -> None:
    """Show alarms; acknowledge, shelve and test them.

    An alarm stays until somebody has acknowledged it, also when its cause is gone. Shelving always has an end. Every
    act stands in the evidence with the user's name.
    """


@command.command("list")
@_config
@_json
@report_errors()
def list_alarms(config_path: Path, *, as_json: bool) -> None:
    """Show the alarms that stand, as the store has them; no gateway needs to run."""
    from caiso_ads.config import load_config
    from caiso_ads.core.alarm_view import alarm_values
    from caiso_ads.core.alarms import Book
    from caiso_ads.ports import SystemClock
    from caiso_ads.store.alarm_reader import AlarmReader

    book = Book()
    with AlarmReader(load_config(config_path).store.path) as reader:
        book.restore(reader.standing(), SystemClock().now())
    found = sorted(book.alarms(), key=lambda alarm: alarm.kind.priority)
    if as_json:
        click.echo(json.dumps([alarm_values(alarm) for alarm in found], indent=2))
        return
    for alarm in found:
        _show(alarm)
    if not found:
        click.echo("No alarm stands.")


@command.command("ack")
@click.argument("alarm", required=False)
@click.option("--all", "every", is_flag=True, help="Acknowledge all that wait for it.")
@_note
@_config
@_json
@report_errors()
def acknowledge(alarm: str | None, note: str, config_path: Path, *, every: bool, as_json: bool) -> None:
    """Say that ALARM, its identifier in the list, was seen."""
    if (alarm is None) is not every:
        raise click.UsageError("give an alarm, or --all")
    said = {"kind": "alarm-ack-all"} if alarm is None else {"kind": "alarm-ack", "alarm": alarm}
    _ask(config_path, {**said, "note": note}, as_json=as_json)


@command.command("shelve")
@click.argument("alarm")
@click.option("--for", "span", required=True, help="How long, for example 30m or 4h; at most 24h.")
@click.option("--reason", required=True, help="Why, for the evidence.")
@_config
@_json
@report_errors()
def shelve(alarm: str, span: str, reason: str, config_path: Path, *, as_json: bool) -> None:
    """Set ALARM aside for a time; it comes back by itself."""
    from caiso_ads.core.override import read_duration

    minutes = _minutes(read_duration(span))
    _ask(config_path, {"kind": "alarm-shelve", "alarm": alarm, "minutes": minutes, "reason": reason}, as_json=as_json)


@command.command("unshelve")
@click.argument("alarm")
@_config
@_json
@report_errors()
def unshelve(alarm: str, config_path: Path, *, as_json: bool) -> None:
    """Take ALARM back before its time."""
    _ask(config_path, {"kind": "alarm-unshelve", "alarm": alarm}, as_json=as_json)


@command.command("test")
@_config
@_json
@report_errors()
def test(config_path: Path, *, as_json: bool) -> None:
    """Raise the test alarm, to see that alarms reach people."""
    _ask(config_path, {"kind": "alarm-test"}, as_json=as_json)


@command.command("catalogue")
@_json
@click.option("--document", is_flag=True, help="Write docs/alarms.md.")
@report_errors()
def catalogue(*, as_json: bool, document: bool) -> None:
    """Show every alarm there can be: cause, consequence, action."""
    from caiso_ads.cli._alarms_page import alarms_page
    from caiso_ads.core.alarm_catalogue import CATALOGUE
    from caiso_ads.core.alarm_view import kind_values

    if document:
        click.echo(alarms_page(), nl=False)
    elif as_json:
        click.echo(json.dumps([kind_values(kind) for kind in CATALOGUE], indent=2))
    else:
        for kind in CATALOGUE:
            click.echo(f"{kind.key} ({kind.scope}, {kind.priority.word}): {kind.begins}")
            click.echo(f"  cause: {kind.cause}\n  leads to: {kind.consequence}\n  do: {kind.action}")


def _show(alarm: Alarm) -> None:
    name = f"{alarm.ident.text}: " if alarm.ident.subject else f"{alarm.ident.key}: "
    more = f" until {alarm.shelved_until:%Y-%m-%d %H:%M} UTC" if alarm.shelved_until else ""
    more += f" by {alarm.by}" if alarm.by else ""
    more += f" from {alarm.root}" if alarm.root else ""
    click.echo(
        one_line(
            f"{alarm.kind.priority.word} {alarm.state.value.replace('_', ' ')}{more}, {name}{alarm.text}"
            f" (since {alarm.raised_at:%Y-%m-%d %H:%M:%S} UTC)"
        )
    )
    if not alarm.root:
        click.echo(f"  do: {one_line(alarm.kind.action)}")


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


def _ask(config_path: Path, said: dict[str, object], *, as_json: bool) -> None:
    import asyncio

    from caiso_ads.config import load_config
    from caiso_ads.loop.commands import Spool, ask
    from caiso_ads.ports import SystemClock

    spool = Spool(load_config(config_path).store.path)
    result = asyncio.run(ask(spool, said, SystemClock()))
    if as_json:
        click.echo(json.dumps({"done": result.done, "text": result.text}))
    elif result.done:
        click.echo(one_line(result.text))
    else:
        click.echo(f"error: refused: {one_line(result.text)}", err=True)
    if not result.done:
        raise click.exceptions.Exit(EXIT_LOCAL)
