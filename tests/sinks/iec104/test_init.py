from __future__ import annotations

from typing import Any

import pytest

from caiso_ads.errors import ConfigError
from caiso_ads.sinks.iec104 import Config


def test_it_listens_on_this_machine_only_unless_told() -> None:
    assert Config().host == "127.0.0.1"


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"host": " "}, "host"),
        ({"allow": ("10.0.0.0/99",)}, "allow"),
        ({"common_address": 65_535}, "common_address"),
        ({"deadband_mw": float("nan")}, "deadband_mw"),
        ({"t1_s": 10.0}, "t2_s"),
        ({"k": 7}, "w"),
    ],
)
def test_a_value_that_cannot_work_names_its_key(keys: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Config(**keys)
    assert named in str(raised.value)
