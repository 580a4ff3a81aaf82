"""Scenario files: a named story of switches, faults and events, in TOML.

Rule: a file is read strictly; every mistake names the file, the table (with its number) and the key. Times are seconds
after the simulator's start, on its own clock.
"""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from caiso_ads.core.price import Market
from caiso_ads.errors import ConfigError
from caiso_ads.simulator.faults import Fault
from caiso_ads.simulator.schedule import Kind
from caiso_ads.simulator.switches import Switches


class _Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action"):
    at_s: float
    say: str = ""
    """What whoever watches is told when it happens; empty for nothing."""


class Outage(_Event, frozen=True, tag="outage"):
    """No batches of those kinds (all when empty) for ``for_s`` seconds."""

    for_s: float
    kinds: tuple[Kind, ...] = ()


class Delay(_Event, frozen=True, tag="delay"):
    """Batches of those kinds arrive ``by_s`` seconds late during ``for_s`` seconds."""

    for_s: float
    by_s: float
    kinds: tuple[Kind, ...] = ()


class Issue(_Event, frozen=True, tag="issue"):
    """A batch out of turn with one instruction; ``ahead_s`` from arrival to the batch's start.

    A ``dot_mw`` beyond the running DOT of a contingency dispatch is shown as spinning reserve. An hourly batch (1 or 5)
    arrives Active, for the first full hour from there on, and takes answers as any other.
    """

    batch_type: int
    resource: str = ""
    instruction_type: int = 0
    dot_mw: float | None = None
    ahead_s: float = 0.0
    lasts_s: float | None = None
    mode: int = 0
    min_accept_mw: float | None = None
    contingency_type: str | None = None
    path_exclusion: str | None = None
    as_type: str | None = None
    award_mw: float | None = None
    from_configuration: str | None = None
    to_configuration: str | None = None


class Revise(_Event, frozen=True, tag="revise"):
    """Change the DOT of a resource in the newest batch of that type by ``add_mw``."""

    resource: str
    add_mw: float
    batch_type: int = 0


class Cancel(_Event, frozen=True, tag="cancel"):
    """Emergency cancel of the newest batch of that type."""

    batch_type: int = 0


class Defer(_Event, frozen=True, tag="defer"):
    """Defer the newest batch of that type."""

    batch_type: int = 0


class Want(_Event, frozen=True, tag="want"):
    """The market wants a resource at ``mw`` for ``for_s`` seconds.

    Wind and sun give at most what there is: below that they are curtailed. A unit that is started and stopped is off
    where 0 MW are wanted, and told so as ever: half an hour before.
    """

    resource: str
    mw: float
    for_s: float


class Arm(_Event, frozen=True, tag="fault"):
    """Arm a fault later; with ``for_s`` it is disarmed after so many seconds, however often it hit."""

    kind: str
    operation: str = ""
    times: int | Literal["forever"] = 1
    probability: float = 1.0
    seconds: float | None = None
    for_s: float | None = None

    def fault(self) -> Fault:
        """Return the fault; raises ConfigError when it cannot be."""
        times = None if self.times == "forever" or self.for_s else self.times
        return Fault(self.kind, self.operation, times, self.probability, self.seconds)


class CorrectPrices(_Event, frozen=True, tag="correct-prices"):
    """Correct the prices of ``for_s`` seconds that began ``before_s`` seconds before; ``node`` empty for all.

    The correction report names them ``announced_after_s`` seconds later.
    """

    add_usd_per_mwh: float
    before_s: float = 7200.0
    for_s: float = 3600.0
    market: Market = Market.RTD
    node: str = ""
    announced_after_s: float = 0.0


class LatePrices(_Event, frozen=True, tag="late-prices"):
    """What would be published during ``for_s`` seconds comes ``by_s`` seconds later."""

    for_s: float
    by_s: float
    market: Market = Market.RTD


Event: TypeAlias = Outage | Delay | Issue | Revise | Cancel | Defer | Want | Arm | CorrectPrices | LatePrices


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One story. ``start`` fixes the simulator's clock (aware, else taken as UTC); None starts now.

    ``again_s`` tells it anew every so many seconds; what it says of prices is told once.
    ``history_s``: for how long before the start the ISO has sent batches already.
    """

    name: str = "quiet-day"
    description: str = ""
    start: datetime | None = None
    again_s: Annotated[float, msgspec.Meta(ge=60.0)] | None = None
    history_s: Annotated[float, msgspec.Meta(ge=0.0, le=86_400.0)] = 86_400.0
    switches: dict[str, str | int | float | bool] = {}
    events: tuple[Event, ...] = ()

    def apply_switches(self, switches: Switches) -> Switches:
        """Return the switches as the story wants them; raises ConfigError."""
        return switches.with_all(self.switches, source=f"scenario {self.name} [switches]")


def load(name_or_file: str) -> Scenario:
    """Read a scenario by name or path; raises ConfigError naming file, table and key."""
    path = Path(name_or_file)
    if path.suffix == ".toml" or path.exists():
        try:
            return read(path.read_text(encoding="utf-8"), file=str(path), name=path.stem)
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from error
    packaged = resources.files("caiso_ads.simulator") / "scenarios" / f"{name_or_file}.toml"
    if name_or_file not in names():
        raise ConfigError("no such scenario", file=name_or_file, cure=f"known: {', '.join(names())}; or give a file")
    return read(packaged.read_text(encoding="utf-8"), file=f"{name_or_file}.toml", name=name_or_file)


def names() -> list[str]:
    """Return the names of the scenarios that come with the program."""
    folder = resources.files("caiso_ads.simulator") / "scenarios"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def read(text: str, *, file: str, name: str) -> Scenario:
    """Read a scenario's text; raises ConfigError naming file, table and key."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not TOML: {error}", file=file) from error
    rows = content.pop("event", [])
    if not isinstance(rows, list):
        raise ConfigError("must be [[event]] tables", file=file, table="event")
    events = tuple(_convert(row, Event, file, f"event {n}") for n, row in enumerate(rows, start=1))
    start = content.get("start")
    if isinstance(start, datetime) and start.tzinfo is None:
        content["start"] = start.replace(tzinfo=UTC)
    bare: Scenario = _convert({"name": name, **content}, Scenario, file, "")
    scenario = msgspec.structs.replace(bare, events=events)
    scenario.apply_switches(Switches())
    _check_faults(events, file)
    return scenario


def _check_faults(events: tuple[Event, ...], file: str) -> None:
    for number, event in enumerate(events, start=1):
        if isinstance(event, Arm):
            try:
                event.fault()
            except ConfigError as error:
                raise ConfigError(error.problem, file=file, table=f"event {number}", key=error.key) from error


def _convert(value: Any, kind: Any, file: str, table: str) -> Any:
    try:
        return msgspec.convert(value, type=kind)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `")
        raise ConfigError(problem, file=file, table=table, key=re.sub(r"^\$\.?|`$", "", where)) from error
