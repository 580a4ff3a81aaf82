"""``caiso-ads instructions``: what takes an answer, and the answers. Rule: only the running gateway sends, and says what became of it.

Exit code 0: the ISO has it, or a second person must agree first; 1: the ISO has it not; 2: refused on our side, nothing
was sent; 3: not known yet.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caiso_ads.cli._errors import one_line, report_errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from caiso_ads.config import Config
    from caiso_ads.store.hourly import Asked

_SEEN = timedelta(hours=36)
"""How far back it looks: an hourly batch arrives about an hour before its hour, day-ahead awards within a day."""

_config = click.option(
    "--config", "config_path", type=click.Path(path_type=Path), default=Path("gateway.toml"), show_default=True,
    help="Configuration of the running gateway.",
)  # fmt: skip
_revision = click.option(
    "--revision", type=int, help="Revision you looked at; another one is refused. [default: the one shown]"
)
_reason = click.option(
    "--reason", required=True, metavar="REASON",
    help="line-down, economic, bad-bid, derate or no-transmission; or 10 to 14.",
)  # fmt: skip
_yes = click.option("--yes", is_flag=True, help="Do not ask back; needed where nobody sits at a terminal.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("instructions")
def command() -> None:
    """Show instructions that take an answer, and answer them.

    \b
    caiso-ads instructions list --open
    caiso-ads instructions accept DISP-...-I7
    caiso-ads instructions partial DISP-...-I7 --mw 20 --reason derate
    caiso-ads instructions decline DISP-...-I7 --reason line-down

    \b
    Exit code 0: the ISO has it, or a second person must agree first; 1: the ISO has
    it not; 2: refused on our side, nothing was sent; 3: not known yet.
    """


@command.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only what still waits for an answer; the first to end on top.")
@_config
@_json
@report_errors()
def list_instructions(config_path: Path, *, only_open: bool, as_json: bool) -> None:
    """Show hourly instructions, the time left, and who answered what; from the store, no gateway needs to run."""
    from caiso_ads.cli import _instructions_view as view
    from caiso_ads.config import load_config
    from caiso_ads.ports import SystemClock
    from caiso_ads.store.asked_view import as_json as view_json
    from caiso_ads.store.asked_view import is_open
    from caiso_ads.store.hourly import HourlyReader

    now = SystemClock().now().wall
    with HourlyReader(load_config(config_path).store.path) as reader:
        found = reader.asked(now - _SEEN)
    rows = list(found.rows)
    if only_open:
        rows = sorted((row for row in rows if is_open(row, now)), key=view.end)
    if as_json:
        told = {"damaged_batches": found.damaged, "instructions": [view_json(row, now) for row in rows]}
        click.echo(json.dumps(told, indent=2))
    else:
        view.show(found, rows, now)


@command.command("accept")
@click.argument("instruction")
@_revision
@_config
@_yes
@_json
@report_errors()
def accept(instruction: str, **given: Any) -> None:
    """Accept all of INSTRUCTION, by its UID."""
    _respond("accept", instruction, **given)


@command.command("decline")
@click.argument("instruction")
@_reason
@_revision
@_config
@_yes
@_json
@report_errors()
def decline(instruction: str, **given: Any) -> None:
    """Decline INSTRUCTION, by its UID: back to the hour-ahead schedule, or 0 MW."""
    _respond("decline", instruction, **given)


@command.command("partial")
@click.argument("instruction")
@click.option("--mw", type=float, required=True, help="What is accepted, MW: from 0 to the hourly DOT.")
@_reason
@_revision
@_config
@_yes
@_json
@report_errors()
def partial(instruction: str, **given: Any) -> None:
    """Accept a part of INSTRUCTION, by its UID."""
    _respond("partial", instruction, **given)


@command.command("second")
@click.argument("number", type=int)
@_config
@_yes
@_json
@report_errors()
def second(number: int, config_path: Path, *, yes: bool, as_json: bool) -> None:
    """Agree, as the second person, to the proposal NUMBER that the list shows."""
    from caiso_ads.cli import _instructions_answer as answering
    from caiso_ads.loop.commands import whoami

    config = _loaded(config_path)

    def checked(now: datetime) -> Asked:
        return answering.checked_second(_looked(config, now), number, whoami(), now)

    shown = _confirmed(checked, f"Agree to proposal {number}, and send it?", yes=yes)
    _send(config, shown, {"kind": "second", "answer": number}, as_json=as_json)


def _respond(
    kind: str, instruction: str, *, config_path: Path, revision: int | None, yes: bool, as_json: bool,
    mw: float | None = None, reason: str | None = None,
) -> None:  # fmt: skip
    from caiso_ads.cli import _instructions_answer as answering
    from caiso_ads.core.answers import AnswerKind
    from caiso_ads.loop.commands import whoami

    config = _loaded(config_path)
    wish = answering.Wish(
        instruction.strip(), AnswerKind(kind), whoami(), mw, None if reason is None else answering.read_word(reason),
        revision,
    )  # fmt: skip

    def checked(now: datetime) -> Asked:
        nonlocal wish
        found = answering.checked(_looked(config, now), wish, now)
        wish = wish.of(found)  # what was shown is what is answered: another revision is refused from now on
        return found

    shown = _confirmed(checked, wish.question(two_persons=config.responses.two_person_declines), yes=yes)
    _send(config, shown, wish.said(), as_json=as_json)


def _loaded(config_path: Path) -> Config:
    from caiso_ads.config import load_config
    from caiso_ads.errors import CommandError

    config = load_config(config_path)
    if config.responses.read_only:
        raise CommandError("the gateway is read-only: it sends the ISO nothing", field="[responses] read_only")
    return config


def _looked(config: Config, now: datetime) -> list[Asked]:
    from caiso_ads.store.hourly import HourlyReader

    with HourlyReader(config.store.path) as reader:
        return list(reader.asked(now - _SEEN).rows)


def _confirmed(checked: Callable[[datetime], Asked], question: str, *, yes: bool) -> Asked:
    """Show what is asked; once somebody said yes, check it again: time has passed meanwhile."""
    from caiso_ads.cli._instructions_view import in_full
    from caiso_ads.ports import SystemClock

    clock = SystemClock()
    shown = checked(clock.now().wall)
    for line in in_full(shown, clock.now().wall):
        click.echo(line, err=True)
    if yes:
        return shown
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: give --yes if you mean it")
    if not click.confirm(one_line(question), err=True):
        raise click.exceptions.Abort
    return checked(clock.now().wall)


def _send(config: Config, shown: Asked, said: dict[str, object], *, as_json: bool) -> None:
    import asyncio

    from caiso_ads.cli import _instructions_answer as answering
    from caiso_ads.errors import CommandError, UnansweredError
    from caiso_ads.loop.commands import Result, Spool, ask
    from caiso_ads.ports import SystemClock

    clock = SystemClock()
    unanswered = False
    try:
        result = asyncio.run(ask(Spool(config.store.path), said, clock))
    except CommandError as silent:
        unanswered = isinstance(silent, UnansweredError)
        result = Result(done=False, text=f"{silent}; {silent.cure}" if silent.cure else str(silent))
    fate = answering.fate_of(_looked(config, clock.now().wall), shown, said)
    code = answering.exit_code(result, fate, unanswered=unanswered)
    if as_json:
        from caiso_ads.core.plain import plain

        click.echo(json.dumps({"done": result.done, "text": result.text, "answer": plain(fate)}, indent=2))
    else:
        click.echo(one_line(result.text if result.done else f"error: {result.text}"), err=not result.done)
    if code:
        raise click.exceptions.Exit(code)
