"""The admin's routes: users, sessions and tokens; each change is told with who made it, and works at once."""

from __future__ import annotations

from caiso_ads.web.access.passwords import matches
from caiso_ads.web.access.people import Role
from tests.web.access.visiting import HASH, PHRASE, Heard, made, user, visiting

USERS, SESSIONS, TOKENS = "/api/v1/users", "/api/v1/sessions", "/api/v1/tokens"


async def test_an_admin_makes_changes_and_removes_users() -> None:
    heard = Heard()
    async with visiting(made(heard)) as (visitor, site):
        visitor.cookie(await user(site, "ada", Role.ADMIN))
        new = {"name": "bob", "password": PHRASE, "roles": ["operator", "viewer"]}
        assert (await visitor.post(USERS, new))[0] == 200
        assert (await visitor.post(USERS, new))[0] == 409
        assert (await visitor.post(USERS, {**new, "name": "eve", "password": "short"}))[1]["field"] == "password"
        assert (await visitor.post(USERS, {**new, "name": "eve", "roles": []}))[1]["field"] == "roles"
        assert (await visitor.post(USERS, {**new, "name": "eve", "roles": ["god"]}))[0] == 400
        assert (await visitor.post(f"{USERS}/bob/roles", {"roles": ["auditor"]}))[0] == 200
        assert (await visitor.post(f"{USERS}/bob/password", {"password": PHRASE + " two"}))[0] == 200
        assert matches(PHRASE + " two", site.guard.book.existing("bob").password)[0]
        shown = (await visitor.get(USERS))[1]["items"]
        assert [(one["name"], one["roles"], one["sessions"]) for one in shown] == [
            ("ada", ["admin"], 1), ("bob", ["auditor"], 0),
        ]  # fmt: skip
        assert "password" not in shown[0]
        assert (await visitor.ask("DELETE", f"{USERS}/bob"))[0] == 200
        assert (await visitor.ask("DELETE", f"{USERS}/bob"))[0] == 404
        assert (await visitor.ask("DELETE", f"{USERS}/ada"))[0] == 409
        assert {(fact.who, fact.kind) for fact in heard.facts} == {("ada", "access")}
        assert heard.texts == [
            "made the user bob, operator, viewer",
            "changed the roles of bob from viewer, operator to auditor",
            "changed the password of bob",
            "removed the user bob",
        ]


async def test_what_a_user_may_no_longer_ends_at_once() -> None:
    async with visiting() as (visitor, site):
        admin, bob = await user(site, "ada", Role.ADMIN), await user(site, "bob", Role.OPERATOR)
        visitor.cookie(admin)
        assert (await visitor.post(f"{USERS}/bob/roles", {"roles": ["viewer"]}))[0] == 200
        visitor.cookie(bob)
        assert (await visitor.get("/api/v1/snapshot"))[0] == 401


async def test_everybody_sees_and_ends_the_own_sessions_and_an_admin_all() -> None:
    async with visiting() as (visitor, site):
        admin, bob = await user(site, "ada", Role.ADMIN), await user(site, "bob", Role.VIEWER)
        other = await site.guard.let_in("bob", "10.0.0.9", HASH)
        visitor.cookie(bob)
        own = (await visitor.get(SESSIONS))[1]["items"]
        assert [(one["name"], one["address"], one["current"]) for one in own] == [
            ("bob", "127.0.0.1", True), ("bob", "10.0.0.9", False),
        ]  # fmt: skip
        (ada,) = [one.id for one in site.guard.book.sessions if one.name == "ada"]
        assert (await visitor.ask("DELETE", f"{SESSIONS}/{ada}"))[0] == 404
        assert (await visitor.ask("DELETE", f"{SESSIONS}/{own[1]['id']}"))[0] == 200
        visitor.cookie(other)
        assert (await visitor.get(SESSIONS))[0] == 401
        visitor.cookie(admin)
        assert {one["name"] for one in (await visitor.get(SESSIONS))[1]["items"]} == {"ada", "bob"}
        assert (await visitor.ask("DELETE", f"{SESSIONS}/{own[0]['id']}"))[0] == 200
        visitor.cookie(bob)
        assert (await visitor.get(SESSIONS))[0] == 401


async def test_a_token_is_shown_once_works_and_is_revoked() -> None:
    heard = Heard()
    async with visiting(made(heard)) as (visitor, site):
        visitor.cookie(await user(site, "ada", Role.ADMIN))
        assert (await visitor.post(TOKENS, {"name": "hist", "roles": ["admin"]}))[0] == 400
        assert (await visitor.post(TOKENS, {"name": "hist", "roles": ["viewer"], "days": 0}))[0] == 400
        status, token = await visitor.post(TOKENS, {"name": "hist", "roles": ["viewer"], "days": 30})
        assert status == 200
        by = {"Authorization": f"Bearer {token['token']}"}
        assert (await visitor.ask("GET", "/api/v1/snapshot", headers=by))[0] == 200
        shown = (await visitor.get(TOKENS))[1]["items"]
        assert [(one["name"], one["made_by"]) for one in shown] == [("hist", "ada")]
        assert token["token"] not in str(shown) + site.guard.live.keeper.path.read_text()
        assert (await visitor.ask("DELETE", f"{TOKENS}/{token['id']}"))[0] == 200
        assert (await visitor.ask("DELETE", f"{TOKENS}/{token['id']}"))[0] == 404
        assert (await visitor.ask("GET", "/api/v1/snapshot", headers=by))[0] == 401
        assert heard.texts == ["made the token hist, viewer, until 2026-07-31", "revoked the token hist"]


async def test_a_role_is_needed_for_each_and_refusals_are_told() -> None:
    heard = Heard()
    async with visiting(made(heard)) as (visitor, site):
        await user(site, "ada", Role.ADMIN)
        visitor.cookie(await user(site, "bob", Role.VIEWER, Role.OPERATOR, Role.AUDITOR))
        assert (await visitor.post(USERS, {"name": "eve", "password": PHRASE, "roles": ["admin"]}))[0] == 403
        assert heard.refusals == [("web", "127.0.0.1", f"POST {USERS} as bob")]
        assert site.guard.book.user("eve") is None
