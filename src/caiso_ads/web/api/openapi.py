"""The description of the API for programs, OpenAPI 3.1. Rule: derived from the table of routes, nothing is written twice.

What a route takes and gives are the very types that check and encode it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from aiohttp import web

from caiso_ads import __version__
from caiso_ads.web.answers import Problem, of_json
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import Site

_REFS = "#/components/schemas/{name}"
_IN_PATH = re.compile(r"{(\w+)(?::[^{}]*)?}")
_INTRODUCTION = (
    "Times are UTC (ISO 8601), power is MW, prices are USD/MWh, ages are seconds; what is not known is null, never 0. "
    "Lists come in pages: `next` is the `cursor` of the following one. A refusal is `{error, field?}`."
)


def types_of(route: Route) -> tuple[Any, ...]:
    """Return the types of what a route gives; none for what is no JSON of ours."""
    if route.gives is None:
        return ()
    return route.gives if isinstance(route.gives, tuple) else (route.gives,)


def described(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document."""
    known = tuple(routes)
    types = [Problem, *(each for route in known for each in types_of(route))]
    types += [route.takes for route in known if route.takes is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFS)
    schema_of = {id(each): schema for each, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in known:
        path = _IN_PATH.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, schema_of, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "caiso-ads", "version": __version__, "description": _INTRODUCTION},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, schema_of: Mapping[int, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    given = [schema_of[id(each)] for each in types_of(route)]
    content = given[0] if len(given) == 1 else {"anyOf": given} if given else {"type": "string"}
    refused = {"description": "refused", "content": {"application/json": {"schema": schema_of[id(Problem)]}}}
    made: dict[str, Any] = {
        "operationId": f"{route.method.lower()} {route.path}",
        "summary": route.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in _IN_PATH.findall(route.path)
        ],
        "responses": {
            "200": {"description": route.summary, "content": {route.kind: {"schema": content}}},
            "default": refused,
        },
        "x-roles": sorted(route.roles),
    }
    if route.roles:
        made["security"] = [{}, {"token": []}] if route.roles == ANY_ROLE else [{"token": []}]
    if route.takes is not None:
        reference = schema_of[id(route.takes)]
        if route.method in {"GET", "HEAD"}:
            made["parameters"] += _parameters(components[reference["$ref"].rpartition("/")[2]])
        else:
            made["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference}}}
    return made


def _parameters(struct: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    required = set(struct.get("required", ()))
    for name, schema in struct["properties"].items():
        yield {"name": name, "in": "query", "required": name in required, "schema": _of_query(schema)}


def _of_query(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema without null: a query leaves out what it does not say."""
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return choices[0] if len(choices) == 1 else {key: value for key, value in schema.items() if value is not None}


@cache
def _encoded() -> bytes:
    from caiso_ads.web.routes import all_routes  # noqa: PLC0415 - the table holds this module's route too

    return msgspec.json.encode(described(all_routes()))


async def openapi(_site: Site, _request: web.Request, _query: None) -> web.StreamResponse:
    """Return the document."""
    return of_json(_encoded())


ROUTES = (Route("GET", "/api/openapi.json", openapi, ANY_ROLE, "this description", gives=dict[str, Any]),)
