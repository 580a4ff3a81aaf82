"""Every behaviour nobody has documented, as a named switch with its default: the one table.

Rule: where the simulator had to invent, there is a row here; what is documented is not switchable. Choices come from
the type of the field, so that the parser, the help and docs/simulator.md cannot disagree with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from caiso_ads.errors import ConfigError


def _switch(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """One choice for each undocumented behaviour. Durations in seconds."""

    unknown_uid: Literal["full", "empty", "fault"] = _switch(
        "full", "answer of the two list operations to an unknown or expired UID"
    )
    mixed_uid: Literal["fault", "unknown"] = _switch(
        "fault", "a trajectory UID given to a dispatch operation, or the reverse"
    )
    unknown_validate: Literal["fault", "silent"] = _switch("fault", "validateDispatchBatch of an unknown UID")
    stranger: Literal["forbidden", "fault", "empty"] = _switch(
        "forbidden", "a certificate of the right authority that has no resources: HTTP 403, SOAP fault or no content"
    )
    fault_status: Literal[500, 200] = _switch(500, "HTTP status of a SOAP fault")
    relist_changed: bool = _switch(False, "whether a changed batch appears again in the since-list")
    validation_revises: bool = _switch(False, "whether apiValidated counts as a change and bumps the revisions")
    uid_mode: Literal["time", "random"] = _switch("time", "time-based identifiers as captured, or random ones")
    instruction_status: Literal["observed", "batch"] = _switch(
        "observed", "statusCode of new instructions: 0 as captured, or the batch's status"
    )
    cancel_instructions: bool = _switch(True, "whether an emergency cancel also sets the instructions' statusCode")
    hourly_participant_s: int = _switch(1200, "length of the participants' response window of an hourly batch")
    hourly_close_s: int = _switch(915, "end of the operator's window, before the hour (one capture: 15 min 15 s)")
    hourly_timeout: Literal["minimum", "decline"] = _switch(
        "minimum", "no response in time: accept minAccept where present (15), or always decline (16)"
    )
    hourly_timeout_status: Literal[2, 3] = _switch(2, "final status of an hourly batch with a timed-out instruction")
    partial_range: Literal["hourly_dot", "threshold"] = _switch(
        "hourly_dot", "upper end of a partial acceptance: the hourly DOT (since 2023-11-15) or the threshold (before)"
    )
    trajectory_delay_s: float = _switch(1.5, "arrival of the trajectory batch after the 5-minute batch")
    trajectory_step_s: int = _switch(60, "distance of operating points")
    mss_refusal: Literal["row", "fault"] = _switch(
        "row", "a load-following request for a resource without the right: row not validated, or SOAP fault"
    )
    result_form: Literal["escaped", "cdata", "inline"] = _switch("escaped", "how a document stands inside result")
    wrapped_base64: bool = _switch(False, "base64 broken into lines of 76 characters")
    payload_namespace: Literal["http://ads.caiso.com", "http://ads.caiso.com/api/schema/v6"] = _switch(
        "http://ads.caiso.com", "namespace of the documents: as captured, or as printed in the specification"
    )
    time_format: Literal["Z", "offset7"] = _switch("Z", "dateTime as captured, or with offset and seven decimals")
    stray_spaces: bool = _switch(False, "blanks around identifiers, as in the specification's samples")
    extra_elements: bool = _switch(False, "elements no version we know has")
    wsdl_use: Literal["literal", "encoded"] = _switch("literal", "use attribute of the served WSDL")
    rtd_posting: Literal["early", "late"] = _switch(
        "early", "whether a 5-minute price appears before its interval begins or after"
    )
    rtd_posting_s: float = _switch(150.0, "how long before or after; the jitter comes later still")
    price_jitter_s: float = _switch(20.0, "largest jitter of a publication")
    not_posted: Literal["xml", "1000"] = _switch(
        "xml", "answer where nothing is published yet: XML without rows, or error 1000"
    )
    edge_rows: bool = _switch(True, "whether the interval that begins at a window's end is in the answer too")
    node_limit: int = _switch(200, "most nodes in one request, then error 1017 (10 by the specification)")
    throttle_s: float = _switch(5.0, "least time between two requests of one address, in market seconds; 0 for none")
    throttle_status: Literal[429, 200] = _switch(429, "HTTP status of the page that refuses a request too soon")
    retention_days: int = _switch(1186, "how long prices are kept (39 months were seen)")
    too_early: Literal["1014", "1000"] = _switch("1014", "error code of a start before that")
    price_corrections: bool = _switch(True, "whether one trade date in four has an hour corrected on the third day")

    def with_value(self, name: str, value: object, *, source: str = "--switch") -> Switches:
        """Return a copy with one switch set from text or a TOML value; raises ConfigError naming it."""
        if name not in {row.name for row in fields(self)}:
            raise ConfigError("no such switch", file=source, key=name, cure=f"known: {', '.join(sorted(_TYPES()))}")
        chosen: dict[str, Any] = {name: _convert(name, value, source)}
        return replace(self, **chosen)

    def with_all(self, values: Mapping[str, object], *, source: str) -> Switches:
        """Return a copy with all those switches set; raises ConfigError naming the first wrong one."""
        chosen = self
        for name, value in values.items():
            chosen = chosen.with_value(name, value, source=source)
        return chosen

    def with_texts(self, pairs: Iterable[str], *, source: str = "--switch") -> Switches:
        """Return a copy with each ``name=value`` set; raises ConfigError naming the first wrong one."""
        chosen = self
        for pair in pairs:
            name, equals, value = pair.partition("=")
            if not equals:
                raise ConfigError("expected name=value", file=source, key=pair)
            chosen = chosen.with_value(name.strip(), value.strip(), source=source)
        return chosen


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """One row of the table, for people."""

    name: str
    default: str
    choices: str
    doc: str


def table() -> list[SwitchRow]:
    """Return every switch with its default, its choices and its meaning, in the order of the class."""
    return [
        SwitchRow(row.name, as_text(row.default), _choices(_TYPES()[row.name]), row.metadata["doc"])
        for row in fields(Switches)
    ]


def as_text(value: object) -> str:
    """Write a switch's value the way it is given on the command line."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _TYPES() -> dict[str, Any]:  # noqa: N802 - reads as the constant it stands for; resolved late, after the class
    return get_type_hints(Switches)


def _choices(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    return {bool: "yes, no", int: "whole number", float: "seconds"}[kind]


def _convert(name: str, value: object, source: str) -> object:
    kind, text = _TYPES()[name], as_text(value).lower() if isinstance(value, bool) else str(value)
    known: dict[str, object] = {}
    if get_origin(kind) is Literal:
        known = {str(choice): choice for choice in get_args(kind)}
    elif kind is bool:
        known = {"yes": True, "true": True, "no": False, "false": False}
    elif text.replace(".", "", 1 if kind is float else 0).isascii() and _digits(text, kind):
        return kind(text)
    if text not in known:
        raise ConfigError(f"{text!r} is not a choice", file=source, key=name, cure=f"choose from: {_choices(kind)}")
    return known[text]


def _digits(text: str, kind: type) -> bool:
    return text.replace(".", "", 1).isdigit() if kind is float else text.isdigit()
