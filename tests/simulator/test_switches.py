from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from caiso_ads.errors import ConfigError
from caiso_ads.simulator.switches import Switches, table

DOC = Path(__file__).parents[2] / "docs" / "simulator.md"


def test_every_switch_is_listed_in_the_documentation_with_its_default_and_choices() -> None:
    text = DOC.read_text(encoding="utf-8")
    for row in table():
        assert f"| `{row.name}` | `{row.default}` | {row.choices} | {row.doc} |" in text, row.name


def test_documentation_lists_no_switch_that_is_not_there() -> None:
    section = DOC.read_text(encoding="utf-8").partition("## Switches")[2].partition("\n## ")[0]
    named = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
    assert named == {row.name for row in fields(Switches)}


def test_texts_become_typed_values() -> None:
    switches = Switches().with_texts(
        [
            "relist_changed=yes",
            "hourly_participant_s=60",
            "fault_status=200",
            "unknown_uid=empty",
            "trajectory_delay_s=2.5",
        ]
    )
    assert switches.relist_changed is True
    assert switches.hourly_participant_s == 60
    assert switches.fault_status == 200
    assert switches.unknown_uid == "empty"
    assert switches.trajectory_delay_s == 2.5


def test_values_of_a_file_become_typed_values() -> None:
    switches = Switches().with_all({"wrapped_base64": True, "hourly_close_s": 900}, source="x.toml")
    assert switches.wrapped_base64 is True
    assert switches.hourly_close_s == 900


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("nonsense=1", "nonsense"),
        ("unknown_uid", "unknown_uid"),
        ("unknown_uid=maybe", "maybe"),
        ("hourly_close_s=soon", "soon"),
        ("hourly_close_s=1.5", "1.5"),
        ("relist_changed=2", "relist_changed"),
    ],
)
def test_a_wrong_switch_is_refused_by_name(text: str, names: str) -> None:
    with pytest.raises(ConfigError, match=names):
        Switches().with_texts([text])
