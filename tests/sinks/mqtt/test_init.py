"""The keys of ``[sinks.mqtt]``."""

from __future__ import annotations

import pytest

from caiso_ads.errors import ConfigError
from caiso_ads.sinks.mqtt import Config

URL = "mqtt://127.0.0.1:1883"


@pytest.mark.parametrize("prefix", ["", "/a", "a/", "a//b", "a+b", "a/#", "$SYS", "a\0b", "x" * 201])
def test_a_prefix_that_cannot_begin_a_topic_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigError, match="cannot begin a topic") as caught:
        Config(url=URL, prefix=prefix)
    assert caught.value.key == "prefix"
    with pytest.raises(ConfigError):
        Config(url=URL, home_assistant_prefix=prefix)


def test_a_prefix_may_have_levels_and_letters_of_any_language() -> None:
    assert Config(url=URL, prefix="werk/süd").prefix == "werk/süd"
