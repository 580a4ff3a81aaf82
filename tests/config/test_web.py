"""``[web]``: without the table there is no page; by default it listens on this machine only."""

from __future__ import annotations

import msgspec
import pytest

from caiso_ads.config.web import WebConfig
from caiso_ads.errors import ConfigError


def test_it_listens_on_this_machine_only_until_told_otherwise() -> None:
    assert (WebConfig().host, WebConfig().port) == ("127.0.0.1", 8080)
    assert WebConfig(host="0.0.0.0").host == "0.0.0.0"


def test_an_address_that_is_none_is_refused_by_its_key() -> None:
    with pytest.raises(ConfigError) as refused:
        WebConfig(host="  ")
    assert (refused.value.table, refused.value.key) == ("web", "host")


@pytest.mark.parametrize("said", [{"port": -1}, {"port": 65_536}, {"port": "http"}, {"colour": "red"}])
def test_what_cannot_be_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(said, WebConfig)
