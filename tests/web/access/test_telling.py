"""No secret is told: planted ones are looked for in logs, evidence, answers and the file."""

from __future__ import annotations

import json
import logging

import pytest

from caiso_ads.web.access.people import Role
from tests.web.access.visiting import Heard, made, user, visiting

CANARY = "canary phrase that nobody may see"
SECOND = "canary phrase number two, as unseen"


async def test_no_secret_stands_in_logs_evidence_answers_or_the_file(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    heard, answers = Heard(), []
    async with visiting(made(heard)) as (visitor, site):
        keeper = site.guard.live.keeper
        setup = keeper.setup_path.read_text().strip()
        said = {"token": setup, "name": "ada", "password": CANARY}
        answers.append(await visitor.post("/api/v1/setup", said))
        secrets = {CANARY, SECOND, setup, *(cookie.value for cookie in visitor.client.cookie_jar)}
        answers.append(await visitor.post("/api/v1/setup", said))
        answers.append(await visitor.post("/api/v1/login", {"name": CANARY, "password": CANARY}))
        answers.append(await visitor.post("/api/v1/login", {"name": "ada", "password": SECOND}))
        answers.append(await visitor.post("/api/v1/login", {"name": "ada", "password": CANARY, "more": CANARY}))
        answers.append(await visitor.post("/api/v1/users", {"name": CANARY, "password": SECOND, "roles": ["viewer"]}))
        answers.append(await visitor.post("/api/v1/me/password", {"current": CANARY, "password": SECOND}))
        secrets |= {cookie.value for cookie in visitor.client.cookie_jar}
        made_token = (await visitor.post("/api/v1/tokens", {"name": "hist", "roles": ["viewer"]}))[1]["token"]
        secrets.add(made_token)
        answers.append(await visitor.ask("GET", "/api/v1/tokens", headers={"Authorization": f"Bearer x{made_token}"}))
        answers += [await visitor.get(f"/api/v1/{what}") for what in ("users", "sessions", "tokens", "me")]
        outputs = {
            "log": caplog.text,
            "evidence": repr(heard.facts) + repr(heard.refusals),
            "answers": json.dumps(answers),
            "file": keeper.path.read_text(),
        }
        assert [status for status, _ in answers] == [200, 401, 401, 401, 400, 400, 200, 401, 200, 200, 200, 200]
        assert len(secrets) == 6
        found = [(where, secret) for where, text in outputs.items() for secret in secrets if secret in text]
        assert found == []
        assert heard.texts[-1].startswith("made the token hist")


async def test_what_is_told_says_who_and_from_where() -> None:
    heard = Heard()
    async with visiting(made(heard)) as (visitor, site):
        visitor.cookie(await user(site, "ada", Role.ADMIN))
        await visitor.post("/api/v1/logout")
        (fact,) = heard.facts
        assert (fact.kind, fact.who, fact.text, fact.detail) == ("access", "ada", "signed out", {"from": "127.0.0.1"})
