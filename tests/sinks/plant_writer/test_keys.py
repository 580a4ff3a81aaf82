"""What cannot work is refused at start, with the name of the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from caiso_ads.errors import ConfigError
from caiso_ads.sinks.plant_writer.keys import PlantKeys
from caiso_ads.sinks.plant_writer.rules import Item, OnRelease

LEAST: dict[str, Any] = {
    "resource": "A", "host": "10.0.0.5", "rate_mw_per_min": 5.0, "readback_tolerance": 0.1, "setpoint": {"address": 100},
}  # fmt: skip


def keys(**changes: Any) -> PlantKeys:
    known = {key: value for key, value in (LEAST | changes).items() if value is not None}
    return msgspec.convert(known, PlantKeys)


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("setpoint", {"setpoint": None}),
        ("profile", {"profile": "sunspec-704"}),
        ("on_release", {"on_release": "disable"}),
        ("release_mw", {"on_release": "value"}),
        ("release_mw", {"release_mw": 5.0}),
        ("enable", {"enable": {"address": 1, "on": 2, "off": 2}}),
        ("enable", {"enable": {"address": 101}}),
        ("heartbeat", {"heartbeat": {"address": 100}}),
        ("high", {"high_limit": {"address": 99}}),
        ("setpoint", {"setpoint": {"address": 65_535}}),
        ("setpoint", {"setpoint": {"address": 5, "table": "input"}}),
        ("tls_ca_file", {"tls_key": "x.pem"}),
    ],
)
def test_what_cannot_work_is_refused(key: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        msgspec.convert(
            {name: value for name, value in (LEAST | changes).items() if value is not None},
            PlantKeys,
            dec_hook=lambda kind, value: Path(value),
        )
    assert caught.value.key == key


@pytest.mark.parametrize("wrong", [{"rate_mw_per_min": 0}, {"readback_tolerance": 0}, {"unit": 3}, {"port": 0}])
def test_what_is_no_number_or_key_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        keys(**wrong)


def test_the_rules_are_those_of_the_keys() -> None:
    made = keys(
        enable={"address": 1, "on": 5, "off": 6}, mode={"address": 2, "value": 9}, permit={"address": 3, "value": 1},
        heartbeat={"address": 4}, high_limit={"address": 10}, on_hold="keep", on_release="disable",
    )  # fmt: skip
    rules = made.rules(made.points(), live=True)
    assert (rules.on, rules.off, rules.permit, rules.fixed) == (5, 6, 1, {Item.MODE: 9})
    assert (rules.limits, rules.heartbeat, rules.keep_on_hold) == (frozenset({Item.HIGH}), True, True)
    assert (rules.on_release, rules.live) == (OnRelease.DISABLE, True)
    assert not keys().rules(keys().points(), live=False).live


def test_sunspec_brings_enable_and_mode_of_its_own() -> None:
    made = keys(profile="sunspec-704", setpoint=None, on_release="disable")
    rules = made.rules(made.points(), live=True)
    assert (rules.on, rules.off, rules.fixed) == (1, 0, {Item.MODE: 1})
    assert made.points().sunspec


def test_an_input_register_may_be_read_where_a_holding_register_is_written() -> None:
    assert keys(actual={"address": 100, "table": "input"}).points().powers[Item.ACTUAL].function == 4


def test_files_of_tls_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    assert keys().tls() is None
    made = PlantKeys(**(LEAST | {"setpoint": keys().setpoint}), tls_ca_file=tmp_path / "none.pem")
    with pytest.raises(ConfigError) as caught:
        made.tls()
    assert caught.value.key == "tls_ca_file"
