"""``caiso-ads replay``: run what was received against a fast clock and show what the plant read, second by second.

Rule: it only reads (``--decode`` aside), also beside a running gateway, and computes nothing itself: the gateway's own fold and snapshot do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caiso_ads.cli._errors import one_line, report_errors
from caiso_ads.core.directive import DEFAULT_LIMITS, AgeLimits, Environment
from caiso_ads.core.lived import NOTHING

if TYPE_CHECKING:
    from caiso_ads.cli._replay_documents import Found
    from caiso_ads.core.resource import Resource
    from caiso_ads.replay import Frame

_AFTER = timedelta(minutes=5)
_TOLD = 20
_FILE = click.Path(path_type=Path)


class _Time(click.ParamType[datetime]):
    """An ISO time with its zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time in UTC."""
        from caiso_ads.cli._replay_output import time_of

        try:
            return value if isinstance(value, datetime) else time_of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Span(click.ParamType[tuple[datetime, datetime]]):
    """Two ISO times with a stroke between them."""

    name = "from/to"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[datetime, datetime]:
        """Return both times in UTC."""
        if isinstance(value, tuple):
            return value
        first, stroke, last = value.partition("/")
        if not stroke:
            self.fail(f"{value!r} is not FROM/TO", param, ctx)
        span = _Time().convert(first, param, ctx), _Time().convert(last, param, ctx)
        if span[1] <= span[0]:
            self.fail(f"{value!r} ends before it begins", param, ctx)
        return span


@click.command("replay")
@click.option("--config", type=_FILE, help="Configuration: its resources, limits and environment, and its store.")
@click.option("--store", type=_FILE, help="Database of a gateway, running or not; it is only read.")
@click.option("--directory", type=_FILE, help="Folder of documents: the archive of the files sink, or any.")
@click.option(
    "--from", "start", type=_Time(), help="First second. [default: 24 h before the end, or the first document]"
)
@click.option("--to", "end", type=_Time(), help="End, not included. [default: 5 min after the last document]")
@click.option("--resource", "chosen", multiple=True, metavar="ID", help="Only this resource; may be repeated.")
@click.option("--every", type=click.IntRange(1, 86400), default=1, show_default=True, help="Show each N-th second.")
@click.option(
    "--link-down", "outages", type=_Span(), multiple=True, help="As if the link were lost FROM/TO; repeatable."
)
@click.option(
    "--environment", type=click.Choice([each.value for each in Environment]),
    help="Where the documents come from, without --config. [default: production; simulator for files marked TEST]",
)  # fmt: skip
@click.option("--csv", "form", flag_value="csv", help="Write CSV.")
@click.option("--json", "form", flag_value="json", help="Write a JSON array.")
@click.option("--summary", "form", flag_value="summary", help="Write seconds in each directive, changes, setpoints.")
@click.option("--output", type=_FILE, help="Write to this file; it is complete or not there.")
@click.option("--check", is_flag=True, help="Instead, list stored answers that could not be read then and can be now.")
@click.option("--decode", "again", is_flag=True, help="Instead, bring those older than 24 h into the tables; writes.")
@click.option("--ideal", is_flag=True, help="Leave out recorded outages, overrides, clock and store trouble.")
@report_errors()
def command(
    config: Path | None, store: Path | None, directory: Path | None, start: datetime | None, end: datetime | None,
    chosen: tuple[str, ...], every: int, outages: tuple[tuple[datetime, datetime], ...], environment: str | None,
    form: str | None, output: Path | None, *, check: bool, again: bool, ideal: bool,
) -> None:  # fmt: skip
    """Run what was received against a fast clock and show what the plant read.

    \b
    caiso-ads replay --config gateway.toml --from 2026-07-21T23:00:00Z --to 2026-07-22T00:00:00Z
    caiso-ads replay --directory out/archive --summary
    """
    if store and directory:
        raise click.UsageError("--store and --directory exclude each other")
    if not (config or store or directory):
        raise click.UsageError("give --config FILE, --store FILE or --directory DIR")
    plant = _plant(config)
    source = store or (None if directory else plant.store)
    if check or again:
        from caiso_ads.cli import _replay_again

        (_replay_again.decode if again else _replay_again.check)(source)
        return
    found = _found(source, directory, start, end)
    if ideal:
        found.lived = NOTHING
    _tell(found)
    window = _window(found, start, end)
    resources = _resources(plant, found, chosen)
    from caiso_ads.replay import Outage, replay

    frames = replay(
        found.documents, resources, start=window[0], end=window[1], step_s=float(every), limits=plant.limits,
        environment=_environment(plant, environment, found), outages=[Outage(*span) for span in outages],
        lived=found.lived, poll_interval_s=plant.poll_interval_s,
    )  # fmt: skip
    number = int((window[1] - window[0]).total_seconds() // every) + 1
    _write(_with_progress(frames, number, shown=_may_show(form, output)), form, float(every), output)


# --- what is replayed ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plant:
    """What a configuration says; without one, no limits are known."""

    resources: Mapping[str, Resource] | None = None
    limits: AgeLimits = DEFAULT_LIMITS
    environment: Environment | None = None
    poll_interval_s: float = 10.0
    store: Path | None = None


def _plant(config: Path | None) -> _Plant:
    if config is None:
        return _Plant()
    from caiso_ads.config import load_config

    loaded = load_config(config)
    resources = {each.id: each.resource for each in loaded.resources}
    environment = Environment(loaded.ads.environment)
    return _Plant(resources, loaded.limits.ages, environment, loaded.ads.poll_interval_s, loaded.store.path)


def _found(store: Path | None, directory: Path | None, start: datetime | None, end: datetime | None) -> Found:
    from caiso_ads.cli._replay_documents import from_directory, from_store

    if start and end and start >= end:
        raise click.UsageError(f"nothing to replay: --from {start.isoformat()} is not before --to {end.isoformat()}")
    if directory is not None:
        return from_directory(directory)
    assert store is not None, "one of the two is given"
    return from_store(store, start, end)


def _window(found: Found, start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    span = found.span
    if span is None:
        raise click.UsageError("there is no document to replay")
    until = end or span[1].replace(microsecond=0) + _AFTER
    since = start or max(span[0].replace(microsecond=0), until - timedelta(hours=24))
    if since >= until:
        raise click.UsageError(f"nothing to replay: {since.isoformat()} is not before {until.isoformat()}")
    return since, until


def _resources(plant: _Plant, found: Found, chosen: Sequence[str]) -> dict[str, Resource]:
    """Return the resources to replay: those named, else all that are configured, else all that are spoken of."""
    from caiso_ads.core.resource import Resource

    known = plant.resources
    if known is None:
        click.echo("note: without --config no limits are known, so no value is refused", err=True)
        infinite = float("inf")
        known = {name: Resource(name, name, -infinite, infinite) for name in found.resource_ids()}
    missing = [name for name in chosen if name not in known]
    if missing or not known:
        near = ", ".join(one_line(name) for name in known) or "none"
        raise click.UsageError(f"no such resource: {', '.join(missing)}; there are: {near}")
    return {name: resource for name, resource in known.items() if not chosen or name in chosen}


def _environment(plant: _Plant, given: str | None, found: Found) -> Environment:
    if plant.environment is not None:
        return plant.environment
    if given is not None:
        return Environment(given)
    return Environment.SIMULATOR if found.test_data else Environment.PRODUCTION


def _tell(found: Found) -> None:
    for outage in set(found.lived.outages) - set(found.lived.known_outages):
        span = f"{outage.start.isoformat()} to {outage.end.isoformat()}"
        click.echo(f"note: {span}: not recorded when the gateway polled; complete polls are assumed", err=True)
    if not found.unreadable:
        return
    click.echo(f"warning: {len(found.unreadable)} cannot be read and are left out", err=True)
    for name, problem in found.unreadable[:_TOLD]:
        click.echo(f"  {one_line(name)}: {one_line(problem)}", err=True)
    if len(found.unreadable) > _TOLD:
        click.echo(f"  and {len(found.unreadable) - _TOLD} more", err=True)


# --- where it goes -------------------------------------------------------------------------------------------------


def _may_show(form: str | None, output: Path | None) -> bool:
    """Whether a bar on the terminal disturbs nothing."""
    return sys.stderr.isatty() and (output is not None or form == "summary" or not sys.stdout.isatty())


def _with_progress(frames: Iterator[Frame], number: int, *, shown: bool) -> Iterator[Frame]:
    """Pass the frames on; draw a bar on standard error every now and then."""
    if not shown:
        yield from frames
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("replay", total=number)
        for count, frame in enumerate(frames, start=1):
            if count % 500 == 0:
                progress.update(task, completed=count)
            yield frame


def _write(frames: Iterator[Frame], form: str | None, step_s: float, output: Path | None) -> None:
    from caiso_ads.cli._replay_output import FORMATS, summary
    from caiso_ads.errors import LocalError

    lines = summary(frames, step_s) if form == "summary" else FORMATS[form or "lines"](frames)
    if output is None:
        for line in lines:
            sys.stdout.write(line)
        return
    half = output.with_name(f"{output.name}.part")
    try:
        with half.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
        half.replace(output)
    except OSError as problem:
        half.unlink(missing_ok=True)
        raise LocalError(f"{output}: cannot be written: {problem.strerror}") from problem
