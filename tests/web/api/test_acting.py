"""What an operator does reaches the desk as the command line's command would, with who and from where."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from caiso_ads.core.directive import Environment
from caiso_ads.errors import CommandError
from caiso_ads.loop.commands import FIELDS, Command, Result
from tests.sinks.modbus.snapshots import IDS
from tests.web.rig import forms, serving, site, told

KINDS = ("accept", "partial", "decline", "second", "set", "clear")


class Noting:
    """Takes every command and says so; refuses an accept of revision 9."""

    slow = False

    def __init__(self) -> None:
        self.commands: list[Command] = []

    async def __call__(self, command: Command, now: datetime) -> Result:
        self.commands.append(command)
        if command.said.get("revision") == 9:
            raise CommandError("revision 9 was shown, revision 0 stands", field="revision")
        return Result(done=True, text="it is done")


async def post(base: str, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
    """POST as the page does."""
    async with aiohttp.ClientSession() as client:
        headers = await forms(client, base)
        async with client.post(base + path, json=dict(body), headers=headers) as answer:
            return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/api/v1/instructions/A-I1/accept", {"revision": 2}, {"kind": "accept", "instruction": "A-I1", "revision": 2}),
        (
            "/api/v1/instructions/A%2FI1/partial", {"revision": 2, "mw": 12.5, "reason_code": 13},
            {"kind": "partial", "instruction": "A/I1", "revision": 2, "mw": 12.5, "reason_code": 13},
        ),
        (
            "/api/v1/instructions/A-I1/decline", {"revision": 2, "reason_code": 11},
            {"kind": "decline", "instruction": "A-I1", "revision": 2, "reason_code": 11},
        ),
        ("/api/v1/answers/17/second", {}, {"kind": "second", "answer": 17}),
        (
            "/api/v1/overrides", {"resource": IDS[0], "mw": 5, "until": "2026-07-01T13:00:00Z", "reason": "work"},
            {
                "kind": "set", "resource": IDS[0], "mw": 5.0, "directive": None, "until": "2026-07-01T13:00:00Z",
                "reason": "work",
            },
        ),
        (
            f"/api/v1/overrides/{IDS[0]}/clear", {"reason": "over"},
            {"kind": "clear", "resource": IDS[0], "reason": "over"},
        ),
    ],
)  # fmt: skip
async def test_it_reaches_the_desk_as_a_command(path: str, body: dict[str, Any], said: dict[str, Any]) -> None:
    noting = Noting()
    async with serving(site(dict.fromkeys(KINDS, noting))) as (base, _):
        assert await post(base, path, body) == (200, {"done": True, "text": "it is done"})
    (command,) = noting.commands
    assert {key: command.said[key] for key in said} == said
    assert command.said.keys() <= FIELDS[command.kind]
    assert (command.said["who"], command.said["host"]) == ("anonymous (simulator)", "page, 127.0.0.1")


async def test_what_the_gateway_refuses_is_told_in_its_words() -> None:
    async with serving(site(dict.fromkeys(KINDS, Noting()))) as (base, _):
        status, told_back = await post(base, "/api/v1/instructions/A-I1/accept", {"revision": 9})
    assert (status, told_back["done"]) == (200, False)
    assert "revision 0 stands" in told_back["text"]


async def test_what_is_no_command_never_reaches_the_desk() -> None:
    noting = Noting()
    async with serving(site(dict.fromkeys(KINDS, noting))) as (base, _):
        for path, body, status in (
            ("/api/v1/instructions/A-I1/accept", {}, 400),
            ("/api/v1/instructions/A-I1/accept", {"revision": "2"}, 400),
            ("/api/v1/instructions/A-I1/accept", {"revision": 2, "who": "me"}, 400),
            ("/api/v1/answers/seventeen/second", {}, 404),
            ("/api/v1/overrides", {"resource": IDS[0], "directive": "follow", "until": "", "reason": "x"}, 400),
            ("/api/v1/overrides", {"resource": IDS[0], "mw": 1, "until": "", "reason": "x" * 70_000}, 413),
        ):
            assert (await post(base, path, body))[0] == status, (path, body)
    assert noting.commands == []


async def test_in_a_plant_nobody_acts_without_a_name(tmp_path: Path) -> None:
    noting = Noting()
    made = site(dict.fromkeys(KINDS, noting), tmp_path / "x.db", environment=Environment.PRODUCTION)
    async with serving(made) as (base, _):
        assert (await post(base, "/api/v1/instructions/A-I1/accept", {"revision": 1}))[0] in {401, 403}
    assert noting.commands == []


async def test_what_is_forced_is_listed(base: str) -> None:
    (one,) = (await told(base, "/api/v1/overrides"))["items"]
    assert (one["resource_id"], one["directive"], one["setpoint_mw"]) == (IDS[1], "HOLD", None)
    assert (one["until"], one["who"]) == ("2026-07-01T13:00:00Z", "somebody")
