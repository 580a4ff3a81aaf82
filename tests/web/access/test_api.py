"""One's own access over HTTP: what is asked for is checked, and what is answered holds no secret."""

from __future__ import annotations

import pytest

from caiso_ads.web.access.people import Role
from tests.web.access.visiting import user, visiting


@pytest.mark.parametrize(
    "body",
    [{}, {"name": "ada"}, {"name": 1, "password": "x"}, {"name": "a" * 2000, "password": "x"}, {"a": 1}, [], "x"],
)
@pytest.mark.parametrize("path", ["/api/v1/login", "/api/v1/setup"])
async def test_a_body_of_another_form_is_refused(path: str, body: object) -> None:
    async with visiting() as (visitor, _):
        assert (await visitor.post(path, body))[0] == 400


async def test_who_came_by_no_password_has_none_to_change() -> None:
    async with visiting() as (visitor, _):
        said = {"current": "whatever it is", "password": "a phrase of words"}
        assert (await visitor.post("/api/v1/me/password", said))[0] == 403


async def test_me_says_who_and_what_to_post_with() -> None:
    async with visiting() as (visitor, site):
        visitor.cookie(await user(site, "ada", Role.AUDITOR, Role.VIEWER))
        me = (await visitor.get("/api/v1/me"))[1]
        assert len(me.pop("csrf")) == 64
        assert me == {"name": "ada", "roles": ["viewer", "auditor"], "setup_needed": False, "anonymous": False}
