"""Whatever is asked of any route, by the description the API gives of itself: no 5xx, and what comes back is as described."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from msgspec.structs import replace
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from caiso_ads.web.access.book import Token, digest
from caiso_ads.web.access.people import Role
from caiso_ads.web.access.rates import Rates
from caiso_ads.web.api.openapi import described
from caiso_ads.web.routes import all_routes
from tests.fakes import START
from tests.web.filling import NODE, fill, well
from tests.web.rig import serving, site

pytestmark = pytest.mark.slow
EXAMPLES = 8
"""Of each route; the seed is fixed."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


SECRET = "what no script has"
EVERY_ROLE = Token(
    id="1", digest=digest(SECRET), name="everything", roles=tuple(Role), made_at=START,
    expires_at=START + timedelta(days=1), made_by="test",
)  # fmt: skip
"""A token that nobody can make: so that each route is asked by somebody who may."""


@contextmanager
def beside(store: Path) -> Iterator[str]:
    """Serve a filled store from a thread of its own and yield the address."""
    found: list[str] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        await fill(store)
        async with serving(site(store=store, node=NODE)) as (base, made):
            await made.guard.live.change(lambda book: replace(book, tokens=(EVERY_ROLE,)))
            made.guard.rates = Rates(1000.0)
            made.feed.publish(well())
            found.append(base)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(30)
        yield found[0]
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with beside(tmp_path_factory.mktemp("api") / "data" / "gateway.db") as address:
        yield address


schema = schemathesis.openapi.from_dict(described(all_routes())).exclude(path="/api/v1/events")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_no_route_fails_and_each_answers_as_described(case: Any, base: str) -> None:
    case.call_and_validate(base_url=base, checks=CHECKS, headers={"Authorization": f"Bearer {SECRET}"})


@pytest.mark.parametrize(
    "path",
    [
        "/static/%2e%2e/__init__.py", "/static/..%2f..%2fpyproject.toml", "/static//etc/passwd", "/static/%00",
        "/api/v1/batches/..%2f..%2fetc%2fpasswd/xml", "/api/v1/batches/%2e%2e/xml", "/api/v1/batches/%ff%fe",
        "/api/v1/evidence/instruction/%00", "/api/v1/evidence/instruction/" + "A" * 5000,
        "/api/v1/instructions?resource=%00%ff&cursor=%f0%9f%92%a9", "/api/v1/instructions?limit=" + "9" * 400,
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_store_or_the_package(base: str, path: str) -> None:
    answer = requests.Session().send(_as_it_stands(base + path), timeout=10)
    assert answer.status_code in {400, 404, 200}, answer.text
    if answer.status_code == 200:
        assert answer.json()["items"] == []


def _as_it_stands(url: str) -> requests.PreparedRequest:
    prepared = requests.Request("GET", "http://localhost").prepare()
    prepared.url = url
    return prepared
