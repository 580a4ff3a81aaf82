"""A site knows its store, its certificate and its start, and opens nothing by being made."""

from __future__ import annotations

from pathlib import Path

from caiso_ads.web.site import Role
from tests.web.rig import site


def test_it_knows_where_to_read_and_opens_nothing(tmp_path: Path) -> None:
    made = site(store=tmp_path / "gateway.db")
    assert made.reads.path == tmp_path / "gateway.db"
    assert made.started == made.clock.now()
    assert made.traffic.answered == {}
    assert list(tmp_path.iterdir()) == []


def test_the_roles_are_the_four_of_the_documentation() -> None:
    assert [role.value for role in Role] == ["viewer", "operator", "admin", "auditor"]
