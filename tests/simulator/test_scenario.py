from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from caiso_ads.errors import ConfigError
from caiso_ads.simulator.scenario import Arm, Cancel, Issue, load, names, read
from caiso_ads.simulator.switches import Switches

DOC = Path(__file__).parents[2] / "docs" / "simulator.md"
EXPECTED = {"quiet-day", "contingency", "emergency-cancel", "market-outage", "revisions", "dst", "bad-server"}
EXPECTED |= {"dst-autumn-2025", "dst-spring-2026", "price-corrections", "late-prices"}


def test_every_named_scenario_loads_and_is_described() -> None:
    assert set(names()) >= EXPECTED
    page = DOC.read_text(encoding="utf-8")
    for name in names():
        scenario = load(name)
        assert scenario.name == name
        assert f"| `{name}` | {scenario.description} |" in page


def test_a_scenario_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'start = 2026-11-01T07:00:00\n[switches]\nrelist_changed = true\n[[event]]\naction = "cancel"\nat_s = 5\n',
        encoding="utf-8",
    )
    scenario = load(str(file))
    assert scenario.name == "mine"
    assert scenario.start == datetime(2026, 11, 1, 7, tzinfo=UTC)
    assert scenario.apply_switches(Switches()).relist_changed is True
    assert scenario.events == (Cancel(at_s=5.0),)


def test_events_keep_their_fields() -> None:
    contingency = load("contingency").events[0]
    assert isinstance(contingency, Issue)
    assert (contingency.mode, contingency.contingency_type, contingency.path_exclusion) == (2, "RTCD", "NTE")
    assert all(isinstance(event, Arm) for event in load("bad-server").events)


@pytest.mark.parametrize(
    ("text", "names_it"),
    [
        ("x = [", "not TOML"),
        ("surprise = 1", "surprise"),
        ("[switches]\nnonsense = 1", "nonsense"),
        ('[switches]\nunknown_uid = "maybe"', "unknown_uid"),
        ('[[event]]\naction = "explode"\nat_s = 1', r"\[event 1\] action.*explode"),
        ('[[event]]\naction = "cancel"\nat_s = "soon"', r"\[event 1\] at_s"),
        ('[[event]]\naction = "cancel"\nat_s = 1\n[[event]]\naction = "cancel"', r"\[event 2\].*at_s"),
        ('[[event]]\naction = "cancel"\nat_s = 1\nwhy = 2', r"\[event 1\].*why"),
        ('[[event]]\naction = "fault"\nat_s = 1\nkind = "drop"', r"\[event 1\] drop"),
        ('[[event]]\naction = "outage"\nat_s = 1\nfor_s = 1\nkinds = ["all"]', r"\[event 1\] kinds.*all"),
        ('[[event]]\naction = "correct-prices"\nat_s = 1\nadd_usd_per_mwh = 1.0\nmarket = "no"', r"\[event 1\] market"),
        ("event = 3", "event"),
    ],
)
def test_a_mistake_names_file_table_and_key(text: str, names_it: str) -> None:
    with pytest.raises(ConfigError, match=names_it) as caught:
        read(text, file="story.toml", name="story")
    assert "story" in str(caught.value)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        load("unheard-of")
    assert "quiet-day" in caught.value.cure


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml"):
        load(str(tmp_path / "gone.toml"))
