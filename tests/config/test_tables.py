from __future__ import annotations

import msgspec
import pytest

from caiso_ads.config.tables import LimitsConfig, ResourceConfig
from caiso_ads.core.directive import DEFAULT_FALLBACK, DEFAULT_LIMITS, Then
from caiso_ads.core.ramp import Machine
from caiso_ads.core.resource import Mode, Resource
from caiso_ads.errors import ConfigError


def made(**keys: object) -> ResourceConfig:
    return msgspec.convert({"id": "R1", "pmin_mw": 0.0, "pmax_mw": 100.0, **keys}, ResourceConfig)


def test_the_defaults_are_those_of_the_core() -> None:
    assert made().resource == Resource("R1", "R1", 0.0, 100.0)
    assert made().resource.fallback == DEFAULT_FALLBACK
    assert LimitsConfig().ages == DEFAULT_LIMITS


def test_every_key_reaches_the_core() -> None:
    resource = made(
        technology="wind", setpoint="ramp", operating_min_mw=10.0, ramp_mw_per_min=5.0, mismatch_mw=2.0,
        link_lost_hold_min=10, link_lost_then="value", fallback_mw=7.0, beyond_ramp="refuse",
    ).resource  # fmt: skip
    assert (resource.refuses_steps, made(beyond_ramp="publish").resource.refuses_steps) == (True, False)
    assert LimitsConfig(missed_intervals_alarm=5).ages.missed_intervals_alarm == 5
    assert (resource.renewable, resource.mode, resource.mismatch_mw) == (True, Mode.RAMP, 2.0)
    assert resource.machine == Machine(10.0, 5.0)
    assert (resource.fallback.hold_s, resource.fallback.then, resource.fallback.value_mw) == (600.0, Then.VALUE, 7.0)


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"fallback_mw": 5.0}, "fallback_mw"), ({"link_lost_then": "value"}, "fallback_mw"),
        ({"link_lost_then": "value", "fallback_mw": 101.0}, "fallback_mw"), ({"ramp_mw_per_min": 0.0}, "ramp_mw_per_min"),
        ({"beyond_ramp": "refuse"}, "beyond_ramp"), ({"pmin_mw": 101.0}, "pmin_mw"), ({"name": "a\nb"}, "name"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_by_its_key(keys: dict[str, object], key: str) -> None:
    with pytest.raises((ConfigError, msgspec.ValidationError)) as caught:
        made(**keys)
    cause = caught.value if isinstance(caught.value, ConfigError) else caught.value.__cause__
    assert isinstance(cause, ConfigError)
    assert cause.key == key


def test_a_technology_nobody_knows_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="technology"):
        made(technology="coal")
