"""The keys both MQTT sinks share: addresses, secrets and TLS, each refused with its key."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from pathlib import Path

import pytest
import trustme

from caiso_ads.errors import ConfigError
from caiso_ads.sinks._mqtt_config import broker, parsed, refuse_proactor
from caiso_ads.sinks.mqtt import Config

PLAIN = "mqtt://127.0.0.1:1883"
POSIX = pytest.mark.skipif(os.name != "posix", reason="rights of files are POSIX's")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("mqtts://broker.plant", ("mqtts", "broker.plant", 8883)),
        ("mqtt://10.0.0.5/", ("mqtt", "10.0.0.5", 1883)),
        ("mqtts://[::1]:8884", ("mqtts", "::1", 8884)),
    ],
)
def test_an_address_names_the_broker_and_whether_by_tls(url: str, found: tuple[str, str, int]) -> None:
    assert parsed(url) == found


@pytest.mark.parametrize(
    "url", ["", "broker", "http://x", "mqtt://", "mqtt://h/path", "mqtt://h?x=1", "mqtt://h:99999", "mqtt://[x"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(url=url)
    assert caught.value.key == "url"
    assert "mqtts://host:8883" in caught.value.cure


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        Config(url="mqtts://plant:s3cret@broker")
    assert "s3cret" not in f"{caught.value} {caught.value.cure}"


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"url": PLAIN, "ca_file": Path("ca.pem")}, "ca_file"),
        ({"url": PLAIN, "certificate": Path("c.pem")}, "certificate"),
        ({"url": "mqtts://b", "key": Path("k.pem")}, "key"),
        ({"url": PLAIN, "password_file": Path("p")}, "password_file"),
        ({"url": PLAIN, "client_id": "a\nb"}, "client_id"),
    ],
)
def test_keys_that_do_not_belong_together_are_refused(keys: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**keys)  # type: ignore[arg-type]  # keys of several types
    assert caught.value.key == key


def test_the_password_comes_from_a_file_and_is_shown_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\nmore\n")
    secret.chmod(0o600)
    made = broker(Config(url=PLAIN, username="plant", password_file=secret), "us")
    assert (made.password, made.username, made.client_id, made.tls) == ("s3cret", "plant", "us", None)
    assert "s3cret" not in f"{made} {made!r}"


@POSIX
def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret")
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="lets others use it"):
        broker(Config(url=PLAIN, username="plant", password_file=secret), "us")


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_secret_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    secret = tmp_path / "password"
    secret.write_bytes(content)
    secret.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        broker(Config(url=PLAIN, username="plant", password_file=secret), "us")
    assert caught.value.key == "password_file"


def test_files_that_are_not_there_are_named_with_their_key(tmp_path: Path) -> None:
    for key in ("ca_file", "certificate"):
        with pytest.raises(ConfigError) as caught:
            broker(Config(url="mqtts://b", **{key: tmp_path / "none.pem"}), "us")  # type: ignore[arg-type]  # a path
        assert caught.value.key == key


def test_tls_checks_chain_and_name_and_nothing_can_switch_that_off(tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    made = broker(Config(url="mqtts://b", ca_file=tmp_path / "ca.pem"), "us").tls
    assert made is not None
    assert (made.check_hostname, made.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert made.minimum_version is ssl.TLSVersion.TLSv1_2
    assert [key for key in Config.__struct_fields__ if "insecure" in key or "verify" in key] == []


def test_an_encrypted_key_without_its_passphrase_is_an_error_and_no_question(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form

    issued = trustme.CA().issue_cert("us")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    key = form.load_pem_private_key(issued.private_key_pem.bytes(), None)
    kind = form.PrivateFormat.TraditionalOpenSSL
    pem = key.private_bytes(form.Encoding.PEM, kind, form.BestAvailableEncryption(b"word"))
    for name, content in (("key.pem", pem), ("word", b"word\n")):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    keys = {"url": "mqtts://b", "certificate": tmp_path / "cert.pem", "key": tmp_path / "key.pem"}
    with pytest.raises(ConfigError, match="not usable"):
        broker(Config(**keys), "us")  # type: ignore[arg-type]
    assert broker(Config(**keys, passphrase_file=tmp_path / "word"), "us").tls  # type: ignore[arg-type]


def test_a_plain_connection_to_another_machine_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        broker(Config(url=PLAIN), "us")
        broker(Config(url="mqtt://localhost"), "us")
        assert caplog.text == ""
        broker(Config(url="mqtt://10.0.0.5"), "us")
    assert "neither secret" in caplog.text


def test_the_proactor_loop_of_windows_is_refused() -> None:
    class ProactorEventLoop:
        """As asyncio names it on Windows."""

    with pytest.raises(ConfigError, match="proactor"):
        refuse_proactor(ProactorEventLoop(), "sinks.mqtt")
    loop = asyncio.new_event_loop()
    refuse_proactor(loop, "sinks.mqtt") if os.name == "posix" else None
    loop.close()
