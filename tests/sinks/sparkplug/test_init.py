"""The keys of ``[sinks.sparkplug]``."""

from __future__ import annotations

import pytest

from caiso_ads.errors import ConfigError
from caiso_ads.sinks.sparkplug import Config

URL = "mqtt://127.0.0.1:1883"


@pytest.mark.parametrize("key", ["group", "edge_node", "primary_host"])
@pytest.mark.parametrize("word", ["a/b", "a+", "#", "$x", "a\nb"])
def test_a_name_that_is_no_level_of_a_topic_is_refused(key: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(url=URL, **{key: word})  # type: ignore[arg-type]  # each of these keys is text
    assert caught.value.key == key


def test_a_group_and_an_edge_node_must_have_names_and_a_primary_host_need_not() -> None:
    for key in ("group", "edge_node"):
        with pytest.raises(ConfigError):
            Config(url=URL, **{key: ""})  # type: ignore[arg-type]  # both are text
    assert Config(url=URL).primary_host == ""
