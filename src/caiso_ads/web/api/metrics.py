"""Everything a monitoring system watches, as Prometheus text. Rule: a value that is not known has no sample, never a 0.

Every point of the catalogue is there with its quality as a label, so that no number is read without it; times are unix
seconds. Format: Prometheus text exposition 0.0.4.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from aiohttp import web

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point, PointValue
from caiso_ads.core.quality import Directive
from caiso_ads.web.api.health import Health, state_of
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import Site

TYPE = "text/plain"
_VERSION = "0.0.4"
Sample = tuple[Mapping[str, str], float | None]


def family(name: str, doc: str, kind: str, samples: Iterable[Sample]) -> Iterator[str]:
    """Yield the lines of one metric; nothing where no sample is known."""
    head = [f"# HELP caiso_ads_{name} {_escaped(doc, quotes=False)}", f"# TYPE caiso_ads_{name} {kind}"]
    for labels, value in samples:
        if value is not None and math.isfinite(value):
            yield from head
            head = []
            inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
            yield f"caiso_ads_{name}{{{inner}}} {_number(value)}" if inner else f"caiso_ads_{name} {_number(value)}"


def _escaped(text: str, *, quotes: bool = True) -> str:
    plain = text.replace("\\", "\\\\").replace("\n", "\\n")
    return plain.replace('"', '\\"') if quotes else plain


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


async def metrics(site: Site, _request: web.Request, _query: None) -> web.StreamResponse:
    """Return all metrics."""
    text = "\n".join([*lines(site, await state_of(site)), ""])
    return web.Response(
        body=text.encode(),
        headers={"Content-Type": f"{TYPE}; version={_VERSION}; charset=utf-8", "Cache-Control": "no-store"},
    )


def lines(site: Site, health: Health) -> Iterator[str]:
    """Yield all lines."""
    snapshot = site.feed.latest
    age = (site.clock.now().wall - snapshot.at).total_seconds()
    about = {"version": health.version, "environment": health.environment}
    yield from family("info", "what runs here", "gauge", [(about, 1)])
    yield from family("uptime_seconds", "time since start", "gauge", [({}, health.uptime_s)])
    yield from family("snapshot_age_seconds", "age of the newest snapshot", "gauge", [({}, age)])
    yield from family("snapshots_total", "snapshots published", "counter", [({}, snapshot.generation)])
    yield from _points("gateway", GATEWAY_POINTS, {"": snapshot.gateway}, "")
    yield from _directives(snapshot.resources)
    yield from _points("resource", RESOURCE_POINTS, snapshot.resources, "resource")
    yield from _points("node", NODE_POINTS, snapshot.nodes, "node")
    yield from _itself(site, health)


def _points(
    prefix: str, points: Sequence[Point], rows: Mapping[str, Sequence[PointValue]], label: str
) -> Iterator[str]:
    for place, point in enumerate(points):
        samples = (
            ({**({label: name} if label else {}), "quality": row[place].quality.name}, _value(row[place]))
            for name, row in rows.items()
        )
        unit = f" ({point.unit})" if point.unit and point.kind is not Kind.TIME else ""
        yield from family(f"{prefix}_{point.key}", f"{point.doc}{unit}", "gauge", samples)


def _value(known: PointValue) -> float | None:
    return known.value.timestamp() if isinstance(known.value, datetime) else known.value


def _directives(rows: Mapping[str, Sequence[PointValue]]) -> Iterator[str]:
    """Yield each directive as a state of its own: 1 for the one that stands."""
    place = [point.key for point in RESOURCE_POINTS].index("directive")
    samples = [
        ({"resource": name, "directive": word.name}, float(row[place].value == word))
        for name, row in rows.items()
        for word in Directive
    ]
    yield from family("directive", "1 for the directive that stands", "gauge", samples)


def _itself(site: Site, health: Health) -> Iterator[str]:
    serving = [
        ({"sink": sink.name, "required": str(sink.required).lower()}, float(sink.health == "serving"))
        for sink in health.sinks
    ]
    counts = [({"sink": sink.name, "what": name}, n) for sink in health.sinks for name, n in sink.counters.items()]
    traffic, certificate = site.traffic, health.certificate
    yield from family("sink_serving", "1 while the sink serves", "gauge", serving)
    restarts = [({"sink": sink.name}, sink.restarts) for sink in health.sinks]
    yield from family("sink_restarts_total", "times the sink was started again", "counter", restarts)
    yield from family("sink_events_total", "what a sink counts", "counter", counts)
    days = None if certificate is None else certificate.days_left
    yield from family("certificate_days_left", "days the client certificate still holds", "gauge", [({}, days)])
    yield from family("store_bytes", "size of the database (bytes)", "gauge", [({}, health.store.bytes)])
    yield from family("disk_free_bytes", "free on its disk (bytes)", "gauge", [({}, health.store.free_bytes)])
    yield from family("web_listeners", "open pages that hear events", "gauge", [({}, site.broadcast.listeners)])
    answered = [({"status": f"{kind}xx"}, count) for kind, count in sorted(traffic.answered.items())]
    yield from family("web_requests_total", "requests answered", "counter", answered)
    yield from family("web_request_seconds_total", "time spent answering", "counter", [({}, traffic.seconds)])


ROUTES = (Route("GET", "/metrics", metrics, ANY_ROLE, "all metrics as Prometheus text", kind=TYPE),)
