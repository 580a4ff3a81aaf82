"""Every route of the table is described, with what it takes, gives and who may; every reference leads somewhere."""

from __future__ import annotations

import json
import re
from typing import Any

from caiso_ads.web.api.openapi import described, types_of
from caiso_ads.web.routes import all_routes
from caiso_ads.web.site import Role
from tests.web.rig import told

DOCUMENT = described(all_routes())
NO_JSON = {"text/html", "*/*", "text/event-stream", "text/plain", "text/xml"}


def operation(method: str, path: str) -> Any:
    return DOCUMENT["paths"][path][method]


async def test_it_is_served(base: str) -> None:
    assert await told(base, "/api/openapi.json") == json.loads(json.dumps(DOCUMENT))
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_route_of_the_table_is_in_it() -> None:
    listed = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert listed == {(route.method, re.sub(r":[^{}]*}", "}", route.path)) for route in all_routes()}


def test_every_json_answer_is_described_by_its_type() -> None:
    silent = [route.path for route in all_routes() if route.kind not in NO_JSON and not types_of(route)]
    assert silent == []


def test_every_reference_leads_somewhere() -> None:
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT)))
    assert names <= DOCUMENT["components"]["schemas"].keys()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in DOCUMENT["components"]["schemas"])


def test_a_query_is_parameters_and_a_body_is_a_body() -> None:
    asked = {one["name"]: one for one in operation("get", "/api/v1/timeline")["parameters"]}
    assert asked["start"]["required"] is True
    assert asked["start"]["schema"]["format"] == "date-time"
    limit = next(one for one in operation("get", "/api/v1/batches")["parameters"] if one["name"] == "limit")
    assert (limit["required"], limit["schema"]["maximum"], limit["schema"]["default"]) == (False, 500, 100)
    accept = operation("post", "/api/v1/instructions/{uid}/accept")
    assert [one["name"] for one in accept["parameters"]] == ["uid"]
    assert accept["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Accept"}
    assert accept["x-roles"] == [Role.OPERATOR]
