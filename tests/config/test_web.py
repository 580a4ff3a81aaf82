"""``[web]``: a page that a network can reach has TLS, a proxy with it, or an owner who said that it has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from caiso_ads.config.web import WebConfig, is_loopback
from caiso_ads.errors import ConfigError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "::ffff:127.0.0.1"])
def test_this_machine_alone_needs_no_tls(host: str) -> None:
    assert not WebConfig(host=host).is_open
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "gateway.plant.example", "localhost.evil.example"])
def test_a_network_does(host: str) -> None:
    with pytest.raises(ConfigError, match="clear text") as caught:
        WebConfig(host=host)
    assert (caught.value.table, caught.value.key) == ("web", "host")
    assert "certificate" in caught.value.cure


@pytest.mark.parametrize("how", [{"certificate": Path("page.pem")}, {"proxy": ("10.0.0.2",)}, {"insecure_http": True}])
def test_or_says_how_it_is_safe(how: dict[str, Any]) -> None:
    assert WebConfig(host="0.0.0.0", **how).is_open


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"host": " "}, "host"),
        ({"hosts": ("https://gateway",)}, "hosts"),
        ({"hosts": ("gateway:8080",)}, "hosts"),
        ({"hosts": ("",)}, "hosts"),
        ({"proxy": ("proxy.plant.example",)}, "proxy"),
        ({"key": Path("page.key")}, "key"),
        ({"passphrase_file": Path("word")}, "passphrase_file"),
    ],
)
def test_what_cannot_work_is_named(keys: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        WebConfig(**keys)
    assert caught.value.key == named


@pytest.mark.parametrize("said", [{"port": -1}, {"port": 65_536}, {"port": "http"}, {"colour": "red"}])
def test_what_cannot_be_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(said, WebConfig)
