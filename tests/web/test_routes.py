"""The one table: no route twice, a read is never unsafe, whatever changes something needs a role."""

from __future__ import annotations

import msgspec

from caiso_ads.web.routes import ANY_ROLE, EVERYBODY, all_routes
from caiso_ads.web.site import Role


def test_no_route_stands_twice() -> None:
    known = [(route.method, route.path) for route in all_routes()]
    assert len(known) == len(set(known))


def test_every_route_says_what_it_is() -> None:
    assert all(route.summary and route.handler.__doc__ for route in all_routes())
    assert {route.method for route in all_routes()} <= {"GET", "POST", "DELETE"}


def test_what_acts_for_a_plant_is_for_operators_only() -> None:
    acting = {route.path: route.roles for route in all_routes() if route.method == "POST"}
    for path in ("/api/v1/instructions/{uid}/accept", "/api/v1/overrides", "/api/v1/answers/{id}/second"):
        assert acting[path] == frozenset({Role.OPERATOR})


def test_what_is_for_everybody_tells_nothing_of_the_plant() -> None:
    told = {route.path for route in all_routes() if route.roles == EVERYBODY}
    assert {path for path in told if path.startswith("/api/v1/")} <= {"/api/v1/login", "/api/v1/me", "/api/v1/setup"}
    assert {"/healthz", "/readyz"} <= told
    assert frozenset(Role) == ANY_ROLE


def test_what_is_taken_refuses_what_it_does_not_know() -> None:
    for route in all_routes():
        if route.takes is not None:
            assert msgspec.inspect.type_info(route.takes).forbid_unknown_fields, route.path  # type: ignore[attr-defined]
