"""One TOML file becomes one frozen ``Config``, or one ``ConfigError`` that says which line to correct.

Rule: each key is declared once, below or in its sink's ``Config``, with its range and its meaning; checks, messages
and ``docs/configuration.md`` derive from that. Nothing is half applied: the whole file is good or it is refused.
A key of type ``Path`` is relative to the folder of the configuration file.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from caiso_ads.config import notify as notifying
from caiso_ads.config.prices import DEFAULT_OASIS, NodeConfig, OasisConfig, all_nodes, is_node
from caiso_ads.config.responses import DEFAULT_RESPONSES, OutageConfig, ResponsesConfig
from caiso_ads.config.tables import AdsConfig, LimitsConfig, ResourceConfig, StoreConfig
from caiso_ads.config.web import WebConfig
from caiso_ads.core.directive import Environment
from caiso_ads.errors import ConfigError
from caiso_ads.notify import NotifyConfig
from caiso_ads.notify import config_type as notify_type
from caiso_ads.notify.rules import RulesConfig
from caiso_ads.sinks import REGISTRY, SinkConfig, config_type

TABLES = ("ads", "store", "resource", "limits", "oasis", "node", "responses", "outage", "sinks", "web", "notify")
"""What may stand at the top of the file."""

T = TypeVar("T")
Listed = TypeVar("Listed", ResourceConfig, NodeConfig)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; ``source`` is the file it came from. ``nodes`` holds those of the resources too."""

    ads: AdsConfig
    store: StoreConfig
    resources: tuple[ResourceConfig, ...]
    limits: LimitsConfig
    sinks: dict[str, SinkConfig]
    source: Path
    oasis: OasisConfig = DEFAULT_OASIS
    nodes: tuple[NodeConfig, ...] = ()
    responses: ResponsesConfig = DEFAULT_RESPONSES
    outages: tuple[OutageConfig, ...] = ()
    web: WebConfig | None = None
    notify: tuple[NotifyConfig, ...] = ()

    @property
    def acknowledges(self) -> bool:
        """Whether receipt is confirmed to the ISO: ``[ads] acknowledge``, never in read-only mode."""
        return self.ads.acknowledge and not self.responses.read_only

    @property
    def status_path(self) -> Path:
        """The file ``caiso-ads status`` reads; ``load_config`` sets it beside the store when the file does not."""
        path: Path = getattr(self.sinks["status"], "path")  # noqa: B009  # a sink's Config is known by protocol only
        return path


def load_config(path: Path) -> Config:
    """Read a configuration file. Raises ConfigError naming file, line, table and key."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", file=str(path)) from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = found[1] if found else len(text.splitlines())
        raise ConfigError(f"is not TOML: {error}", file=f"{path}:{line}") from error
    place = _Place(path, text)
    _refuse_unknown(place, raw, TABLES, kind="table")
    store = _convert(_table(raw, "store", place), StoreConfig, place.at("store"))
    ads = _convert(_table(raw, "ads", place), AdsConfig, place.at("ads"))
    resources = _resources(raw.get("resource", []), place)
    nodes = all_nodes(_nodes(raw.get("node", []), place), resources)
    return Config(
        ads=ads,
        store=store,
        resources=resources,
        limits=_convert(raw.get("limits", {}), LimitsConfig, place.at("limits")),
        sinks=_sinks(raw.get("sinks", {}), place, store.path),
        source=path,
        oasis=_oasis(raw, place, ads.environment, used=bool(nodes)),
        nodes=nodes,
        responses=_convert(raw.get("responses", {}), ResponsesConfig, place.at("responses")),
        outages=_outages(raw.get("outage", []), place, {resource.id for resource in resources}),
        web=_convert(raw["web"], WebConfig, place.at("web")) if "web" in raw else None,
        notify=_notifiers(raw.get("notify", []), place, {resource.id for resource in resources}),
    )


@dataclass(frozen=True, slots=True)
class KeyDoc:
    """One key for people: ``default`` is "" for a key that must be given."""

    table: str
    key: str
    type: str
    default: str
    doc: str


def describe_config() -> tuple[KeyDoc, ...]:
    """Return every key there is, from the structs that check them."""
    tables: list[tuple[str, Any]] = [
        ("[ads]", AdsConfig),
        ("[store]", StoreConfig),
        ("[[resource]]", ResourceConfig),
        ("[oasis]", OasisConfig),
        ("[[node]]", NodeConfig),
        ("[limits]", LimitsConfig),
        ("[responses]", ResponsesConfig),
        ("[[outage]]", OutageConfig),
        ("[web]", WebConfig),
        *notifying.described(),
    ]
    for name in REGISTRY:
        struct = config_type(name)
        tables.append((f"[sinks.{name}]", struct))
        tables += [(f"[[sinks.{name}.{part}]]", item) for part, item in getattr(struct, "TABLES", {}).items()]
    return tuple(row for table, struct in tables for row in _describe(table, struct))


# --- reading -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the file we are, so that an error can say so. ``number`` counts the tables of a [[list]] from 1."""

    file: Path
    text: str
    table: str = ""
    number: int = 0

    def at(self, table: str, number: int = 0) -> _Place:
        return _Place(self.file, self.text, table, number)

    def error(self, problem: str, key: str = "", cure: str = "") -> ConfigError:
        line = self._line(key)
        return ConfigError(
            problem,
            file=f"{self.file}:{line}" if line else str(self.file),
            table=f"[{self.table}]" if self.number else self.table,
            key=f"#{self.number} {key}".strip() if self.number else key,
            cure=cure,
        )

    def _line(self, key: str) -> int:
        """Return the line of the key, else of its table, else 0: good for plain files, a guess is never made."""
        found, seen, inside = 0, 0, not self.table
        for number, line in enumerate(self.text.splitlines(), start=1):
            header = re.match(r"\s*\[+\s*([^\[\]]+?)\s*\]", line)
            if header:
                ours = header[1] == self.table or (not key and header[1].startswith(f"{self.table}."))
                seen += ours
                inside = ours and seen == (self.number or 1)
                found = number if inside else found
            elif inside and key and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""", line):
                return number
        return found


def _table(raw: dict[str, Any], name: str, place: _Place) -> Any:
    if name not in raw:
        raise place.error(f"table [{name}] is missing")
    return raw[name]


def _resources(raw: Any, place: _Place) -> tuple[ResourceConfig, ...]:
    made = _listed(raw, "resource", ResourceConfig, place)
    if not made:
        raise place.at("resource").error("give each resource a table of its own, headed [[resource]]")
    for number, resource in enumerate(made, start=1):
        if resource.node and not is_node(resource.node):
            raise place.at("resource", number).error(f"{resource.node!r} cannot be the name of a node", "node")
    return made


def _nodes(raw: Any, place: _Place) -> tuple[NodeConfig, ...]:
    return _listed(raw, "node", NodeConfig, place)


def _listed(raw: Any, name: str, struct: type[Listed], place: _Place) -> tuple[Listed, ...]:
    """Make the structs of a [[list]]; an id may stand once."""
    places = _places(raw, name, place)
    made = tuple(_convert(table, struct, at) for table, at in zip(raw, places, strict=True))
    count = Counter(item.id for item in made)
    for item, at in zip(reversed(made), reversed(places), strict=True):
        if count[item.id] > 1:
            raise at.error(f"{item.id!r} stands twice; each {name} has its own registers", "id")
    return made


def _outages(raw: Any, place: _Place, known: set[str]) -> tuple[OutageConfig, ...]:
    places = _places(raw, "outage", place)
    made = tuple(_convert(table, OutageConfig, at) for table, at in zip(raw, places, strict=True))
    for item, at in zip(made, places, strict=True):
        if item.resource not in known:
            raise at.error(f"{item.resource!r} is no [[resource]]; known: {', '.join(sorted(known))}", "resource")
    return made


def _notifiers(raw: Any, place: _Place, known: set[str]) -> tuple[NotifyConfig, ...]:
    """Make each [[notify]] of the struct for all kinds and that of its own; a name may stand once."""
    made: list[NotifyConfig] = []
    for table, at in zip(raw, _places(raw, "notify", place), strict=True):
        if not isinstance(table, dict):
            raise at.error("must be a table")
        shared, own = notifying.parts(table)
        rules = _convert(shared, RulesConfig, at)
        struct = notify_type(rules.kind)
        _refuse_unknown(at, own, (*struct.__struct_fields__, *notifying.SHARED))
        made.append(NotifyConfig(rules, _convert(own, struct, at)))
        strange = [one for one in rules.resources if one not in known]
        if strange:
            raise at.error(f"{strange[0]!r} is no [[resource]]; known: {', '.join(sorted(known))}", "resources")
        if [one.rules.name for one in made].count(rules.name) > 1:
            raise at.error(f"{rules.name!r} stands twice; each [[notify]] has its own", "name")
    return tuple(made)


def _places(raw: Any, name: str, place: _Place) -> list[_Place]:
    if not isinstance(raw, list):
        raise place.at(name).error(f"give each {name} a table of its own, headed [[{name}]]")
    return [place.at(name, number) for number in range(1, len(raw) + 1)]


def _oasis(raw: dict[str, Any], place: _Place, environment: Environment, *, used: bool) -> OasisConfig:
    """Make the price service's table; its address must suit the environment where the table stands or a node does."""
    made = _convert(raw.get("oasis", {}), OasisConfig, place.at("oasis"))
    if used or "oasis" in raw:
        try:
            made.check_for(environment)
        except ConfigError as error:
            raise place.at("oasis").error(error.problem, error.key, error.cure) from error
    return made


def _sinks(raw: Any, place: _Place, store_path: Path) -> dict[str, SinkConfig]:
    """Make the configured sinks, and the status file that is always there."""
    if not isinstance(raw, dict):
        raise place.at("sinks").error("give each sink a table of its own, such as [sinks.modbus]")
    if isinstance(raw.setdefault("status", {}), dict):
        raw["status"].setdefault("path", f"{store_path}.status.json")
    if isinstance(raw.get("opcua"), dict):
        raw["opcua"].setdefault("directory", f"{store_path}.opcua")
    _refuse_unknown(place.at("sinks"), raw, REGISTRY, kind="sink")
    return {name: _convert(table, config_type(name), place.at(f"sinks.{name}")) for name, table in raw.items()}


def _convert(raw: Any, struct: type[T], place: _Place) -> T:
    """Make one table's struct; every failure becomes a ConfigError that knows its place."""
    if not isinstance(raw, dict):
        raise place.error("must be a table")
    _refuse_unknown(place, raw, struct.__struct_fields__)  # type: ignore[attr-defined]  # every T is a msgspec struct
    for key, value in raw.items():
        for number in _floats(value):
            if not math.isfinite(number):
                raise place.error(f"{number} is not a usable number", key)
    try:
        return msgspec.convert(raw, struct, dec_hook=_path_hook(place.file))
    except ConfigError as error:
        raise place.error(error.problem, error.key, error.cure) from error
    except msgspec.ValidationError as error:
        problem, key = _in_words(str(error))
        limits = [spec for name, spec in _properties(struct) if name == key and spec.keys() & {"enum", "minimum"}]
        allowed = f"; allowed: {_type_in_words(limits[0])}" if limits else ""
        raise place.error(problem + allowed, key) from error


def _floats(value: Any) -> Iterator[float]:
    """Yield each float of a value, also those of the tables and lists in it."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _floats(inner)


def _path_hook(source: Path) -> Callable[[type, Any], Any]:
    def hook(wanted: type, value: Any) -> Any:
        if wanted is Path and isinstance(value, str) and value.strip() and "\0" not in value:
            return source.absolute().parent / Path(value).expanduser()
        raise ValueError(f"Expected a file path, got {value!r}")

    return hook


_WORDS = {
    "str": "text in quotes",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "object": "a table",
    "array": "a list",
}


def _in_words(message: str) -> tuple[str, str]:
    """Split the validator's message into (problem, key), in the words of the file."""
    problem, _, path = message.partition(" - at `$")
    key = path.strip("`.").replace("...", "")
    missing = re.match(r"Object missing required field `(.+)`", problem)
    if missing:
        return "must be given", missing[1]
    problem = re.sub("`([^`]+)`", lambda found: _types_in_words(found[1]), problem)
    return problem[:1].lower() + problem[1:], key


def _types_in_words(theirs: str) -> str:
    """Turn ``int | str | null`` into words; a type we have no word for stays as the validator wrote it."""
    parts = [part for part in theirs.split(" | ") if part != "null"]
    if not all(part in _WORDS for part in parts):
        return f"`{theirs}`"
    return " or ".join(_WORDS[part] for part in parts)


def _refuse_unknown(place: _Place, raw: dict[str, Any], known: Iterable[str], kind: str = "key") -> None:
    names: Sequence[str] = tuple(known)
    for name in raw:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names)}"
            if kind == "key":
                raise place.error(f"unknown key {name!r}; {hint}", name)
            raise place.at(f"{place.table}.{name}".strip(".")).error(f"unknown {kind} {name!r}; {hint}")


def _describe(table: str, struct: Any) -> Iterable[KeyDoc]:
    for key, spec in _properties(struct):
        default = _literal(spec["default"]) if "default" in spec else ""
        yield KeyDoc(table, key, _type_in_words(spec), default, str(spec.get("description", "")))


def _properties(struct: Any) -> Iterable[tuple[str, dict[str, Any]]]:
    """Return (key, JSON schema) of each field; a field without a default has none there either."""
    _, parts = msgspec.json.schema_components([struct], schema_hook=lambda _: {"type": "path"})
    for key, spec in parts[struct.__name__]["properties"].items():
        named = [part["$ref"].rpartition("/")[2] for part in [spec, *spec.get("allOf", ())] if "$ref" in part]
        yield key, {**parts[named[0]], **spec} if named else spec


def _literal(default: Any) -> str:
    if default is None or default == "":
        return "none"
    return str(default).lower() if isinstance(default, bool) else repr(default).replace("'", '"')


def _type_in_words(spec: dict[str, Any]) -> str:
    if spec.get("format") == "date-time":
        return "time with its zone"
    if "enum" in spec:
        return " or ".join(f'"{value}"' for value in spec["enum"])
    options = spec.get("anyOf", ())
    kinds = [spec.get("type")] + [option.get("type", "table" if "$ref" in option else None) for option in options]
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list"}
    text = " or ".join(words.get(kind, kind) for kind in kinds if kind and kind != "null")
    low, high = spec.get("minimum"), spec.get("maximum")
    if low is not None and high is not None:
        return f"{text} {low:g}..{high:g}"
    return f"{text} ≥ {low:g}" if low is not None else text
