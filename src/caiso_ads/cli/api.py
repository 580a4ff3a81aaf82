"""``caiso-ads api``: what the HTTP API has, for people and for programs. Rule: written from the table of routes alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # the web server's library waits until the command runs
    from caiso_ads.web.routes import Route

_HEAD = """\
# HTTP API

This page is generated: `caiso-ads api --document > docs/api.md`.

What the page of the gateway shows, a program can ask too. The API is there with the page: give `[web]` in the
[configuration](configuration.md). It listens on this machine only until told otherwise.

```
curl http://127.0.0.1:8080/api/v1/snapshot
curl -H "Authorization: Bearer $TOKEN" "https://gateway.plant.example/api/v1/instructions?tab=realtime&limit=20"
curl -N http://127.0.0.1:8080/api/v1/events
```

```python
import json
from urllib.request import urlopen

with urlopen("http://127.0.0.1:8080/api/v1/resources", timeout=10) as answer:
    for resource in json.load(answer)["items"]:
        print(resource["id"], resource["pmin_mw"], resource["pmax_mw"])
```

- Times are UTC (ISO 8601 with `Z`), power is MW, prices are USD/MWh, ages are seconds. **What is not known is `null`,
  never 0**, and each point of the snapshot travels with its quality: a number whose quality is not `GOOD` is none to
  follow.
- A list is `{"items": [...], "next": "..."}`. `limit` is 1 to 500, by default 100; give `next` as `cursor` for the
  following page, `null` is the end. A cursor names a place, so that nothing is skipped or told twice when something new
  comes in between.
- A refusal is `{"error": "a sentence", "field": "what is wrong with"}` with status 400, 401, 403, 404, 405, 409, 413,
  429 or 503. A question may take 5 seconds, then it is stopped and answered with 503: ask for less at once.
- What an operator does is answered with `{"done": true or false, "text": "..."}`. `done` false is no failure of the
  request: the gateway or the ISO refused it, or it is **not known yet** whether the ISO has it. The text says which.
  Look before you ask again.
- `/api/v1/events` are server-sent events: `snapshot` once with everything, then `change` with what differs (each point
  as `[value, quality, source time, word]`), `alarms` and `news`; a comment at least every 2 seconds. Hear nothing for
  5 seconds, and what you have is old. Who does not keep up gets the whole snapshot again.
- `/healthz` is 200 while the gateway publishes, `/readyz` while it has also polled once, the store takes writes and every
  required sink serves. `/metrics` is Prometheus text; each point has its quality as a label, an unknown one no sample.
- All of it, with every field, is described as OpenAPI 3.1: `/api/openapi.json`, or `caiso-ads api`.

## Routes

"Everybody" needs no name; "any role" is whoever has one.

| method | path | who | what |
|---|---|---|---|
"""


@click.command("api")
@click.option("--document", is_flag=True, help="Print the page of the documentation instead of OpenAPI.")
def command(*, document: bool) -> None:
    """Print the description of the HTTP API, OpenAPI 3.1 as JSON."""
    from caiso_ads.web.routes import all_routes

    if document:
        click.echo(_HEAD + "".join(_lines(all_routes())), nl=False)
        return
    import json

    from caiso_ads.web.api.openapi import described

    click.echo(json.dumps(described(all_routes()), indent=1))


def _lines(routes: tuple[Route, ...]) -> Iterator[str]:
    from caiso_ads.web.routes import ANY_ROLE

    for route in routes:
        who = "any role" if route.roles == ANY_ROLE else ", ".join(sorted(route.roles)) or "everybody"
        path = route.path.replace(":.+", "")
        yield f"| {route.method} | `{path}` | {who} | {route.summary} |\n"
