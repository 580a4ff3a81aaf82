"""Every route by every role, and by nobody, against the real server: the table of the documentation is what happens."""

from __future__ import annotations

import re

import pytest

from caiso_ads.web.access import matrix
from caiso_ads.web.access.people import Role
from caiso_ads.web.routes import Route, all_routes
from tests.web.access.visiting import HASH, Heard, Visitor, made, user, visiting


async def status(visitor: Visitor, route: Route) -> int:
    """Return what is answered before any body is read; what is asked for does not exist."""
    path = re.sub(r"\{\w+(:[^}]*)?\}", "0", route.path)
    headers = {"Origin": visitor.base}
    if route.method != "GET":
        async with visitor.client.get(f"{visitor.base}/api/v1/me") as me:
            headers["X-CSRF-Token"] = (await me.json())["csrf"]
    async with visitor.client.request(route.method, visitor.base + path, data=b"?", headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize("who", matrix.COLUMNS)
async def test_each_route_is_open_to_those_of_the_table_and_to_nobody_else(who: str) -> None:
    heard = Heard()
    async with visiting(made(heard)) as (visitor, site):
        await user(site, "root", Role.ADMIN)
        if who in set(Role):
            await user(site, "somebody", Role(who))
        found, expected = {}, {}
        for route in all_routes():
            if who in set(Role):  # a new session each time: some routes end it
                visitor.cookie(await site.guard.let_in("somebody", "127.0.0.1", HASH))
            answered = await status(visitor, route)
            found[route.method, route.path] = answered if answered in (401, 403) else "may"
            refused = 403 if who in set(Role) else 401
            expected[route.method, route.path] = "may" if matrix.may(route, who) else refused
        assert found == expected
        asked = [what for _, _, what in heard.refusals]
        assert len(asked) == sum(one == 403 for one in expected.values())


def test_every_route_says_who_may_and_only_these_are_for_everybody() -> None:
    everybody = {route.path for route in all_routes() if matrix.may(route, matrix.COLUMNS[0])}
    allowed = {"/api/v1/me", "/api/v1/login", "/api/v1/setup", "/healthz", "/readyz", "/static/{path:.+}"}
    assert {path for path in everybody if path.startswith("/api/")} <= allowed
    for route in all_routes():
        if route.method != "GET" and route.path not in allowed:
            assert route.roles, route


def test_a_viewer_changes_nothing_but_the_own_session_and_password() -> None:
    own = {"/api/v1/logout", "/api/v1/me/password", "/api/v1/sessions/{id}", "/api/v1/login", "/api/v1/setup"}
    changing = {route.path for route in all_routes() if route.method != "GET"}
    for who in (Role.VIEWER, Role.AUDITOR):
        assert {r.path for r in all_routes() if r.method != "GET" and matrix.may(r, who)} <= own
    assert own <= changing


def test_the_page_has_one_line_for_each_route() -> None:
    page = matrix.page(all_routes())
    assert page.count("\n| `") == len(all_routes())
    assert "| `POST /api/v1/users` |  |  |  | yes |  |" in page
