"""The chain in pages with its hashes, the life of an instruction, and the verdict; only for who may see it."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from caiso_ads.store.chain import AuditRow, first_broken
from caiso_ads.store.looking import microseconds
from caiso_ads.web.answers import ProblemError
from caiso_ads.web.api.evidence import AUDITORS, ROUTES, EvidenceQuery, evidence, verify
from caiso_ads.web.site import Role
from tests.web.filling import NODE, fill
from tests.web.rig import site, told

REQUEST: Any = SimpleNamespace()


def body(answer: Any) -> Any:
    return msgspec.json.decode(answer.body)


async def test_whoever_has_the_pages_can_verify_the_chain(store: Path) -> None:
    made = site(store=store, node=NODE)
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = body(await evidence(made, REQUEST, EvidenceQuery(limit=7, cursor=cursor)))
        rows += page["items"]
        cursor = page["next"]
    chain = [_row(one) for one in rows]
    assert [row.row for row in chain] == list(range(1, len(chain) + 1))
    assert first_broken(chain) is None
    verdict = body(await verify(made, REQUEST, None))
    assert (verdict["good"], verdict["good_rows"], verdict["newest_hash"]) == (True, len(chain), rows[-1]["hash"])
    made.reads.close()


def _row(one: dict[str, Any]) -> AuditRow:
    at = msgspec.convert(one["at"], type=datetime)
    return AuditRow(
        one["row"], microseconds(at), one["kind"], one["who"], one["resource_id"], one["text"], one["detail"],
        bytes.fromhex(one["previous_hash"]), bytes.fromhex(one["hash"]),
    )  # fmt: skip


async def test_rows_are_chosen_by_day_time_and_kind(store: Path) -> None:
    made = site(store=store)

    async def kinds(**query: Any) -> set[str]:
        asked = msgspec.convert(query, EvidenceQuery)
        return {one["kind"] for one in body(await evidence(made, REQUEST, asked))["items"]}

    assert await kinds(kind="override set") == {"override set"}
    assert await kinds(day="2026-06-30") == set()
    assert "batch stored" in await kinds(day="2026-07-01")
    assert "batch stored" not in await kinds(since="2026-07-01T12:00:00Z")
    with pytest.raises(ProblemError):
        await kinds(day="2026-07-01", since="2026-07-01T12:00:00Z")
    made.reads.close()


async def test_the_life_of_an_instruction_is_told_step_by_step(base: str) -> None:
    life = await told(base, "/api/v1/evidence/instruction/HOUR-1-I0")
    assert [one["step"] for one in life["items"]] == ["received", "stored", "answer proposed"]
    assert life["items"][2]["who"] == "Ann"
    assert (await told(base, "/api/v1/evidence/instruction/NOBODY-I1", 404))["field"] == "uid"


async def test_the_chain_is_for_auditors(base: str) -> None:
    assert frozenset({Role.AUDITOR, Role.ADMIN}) == AUDITORS
    assert [route.roles for route in ROUTES if route.path != "/api/v1/evidence/instruction/{uid}"] == [AUDITORS] * 2
    await told(base, "/api/v1/evidence", 403)


@pytest.mark.parametrize("change", ["text = x'00'", "at = 'never'", "detail = 7", "hash = 'none'", "resource = 1.5"])
async def test_altered_rows_are_shown_as_they_are_and_the_verdict_names_the_first(tmp_path: Path, change: str) -> None:
    path = tmp_path / "data" / "gateway.db"
    await fill(path)
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("DROP TRIGGER audit_no_update")
    raw.execute("PRAGMA ignore_check_constraints = ON")
    raw.execute(f"UPDATE audit SET {change} WHERE id >= 3")
    raw.close()
    made = site(store=path)
    assert len(body(await evidence(made, REQUEST, EvidenceQuery()))["items"]) > 3
    verdict = body(await verify(made, REQUEST, None))
    assert (verdict["good"], verdict["good_rows"], verdict["first_altered"]) == (False, 2, 3)
    made.reads.close()
