"""Which MQTT broker, as whom, and how the connection is protected: the keys all that speak MQTT share.

Rule: a broker is reached by TLS unless the URL says ``mqtt://``; nothing switches checks of TLS off, and no secret
stands in the configuration, in an argument or in a log.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import ssl
import stat
from collections.abc import Callable
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Meta

from caiso_ads.errors import ConfigError

log = logging.getLogger(__name__)

EXPIRY_S = 60
"""How long a broker keeps a message that nobody renews (MQTT 5)."""

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_LONGEST = 200
_TLS_KEYS = ("ca_file", "certificate", "key", "passphrase_file")
_FORM = "write mqtts://host:8883, or mqtt://127.0.0.1:1883 for a plain connection"


class BrokerKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of the connection alone. ConfigError names the key of a value that cannot work."""

    only_read: ClassVar[tuple[str, ...]] = (*_TLS_KEYS, "password_file")

    url: Annotated[str, Meta(description="the broker: mqtts://host:8883, or mqtt://host:1883 for a plain connection")]
    client_id: Annotated[
        str, Meta(description="name of this client at the broker, one for each gateway; by default from the topics")
    ] = ""
    protocol: Annotated[
        Literal["5", "3.1.1"], Meta(description="MQTT version; with 3.1.1 the broker keeps messages for ever")
    ] = "5"
    username: Annotated[str, Meta(description="user name at the broker; empty is none")] = ""
    password_file: Annotated[Path | None, Meta(description="file whose first line is that user's password")] = None
    ca_file: Annotated[
        Path | None, Meta(description="authorities that may sign the broker; by default the machine's")
    ] = None
    certificate: Annotated[Path | None, Meta(description="our client certificate at the broker, PEM")] = None
    key: Annotated[Path | None, Meta(description="its private key, PEM; by default in the certificate file")] = None
    passphrase_file: Annotated[Path | None, Meta(description="file whose first line is that key's passphrase")] = None

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        scheme, _, _ = parsed(self.url)
        given = [key for key in _TLS_KEYS if getattr(self, key) is not None]
        if scheme == "mqtt" and given:
            raise ConfigError("is of no use with mqtt://", key=given[0], cure="write mqtts:// in url")
        if self.key is not None and self.certificate is None:
            raise ConfigError("is of no use without certificate", key="key", cure="name the certificate too")
        if self.password_file is not None and not self.username:
            raise ConfigError("is of no use without username", key="password_file", cure="give username")
        if not _plain_text(self.client_id):
            raise ConfigError("must be printable and short", key="client_id")

    def needs(self, table: str) -> None:
        """Raise ConfigError where the library is missing or the running loop cannot serve it."""
        if find_spec("aiomqtt") is None:
            raise ConfigError("needs the library aiomqtt", table=table, cure="pip install 'caiso-ads[mqtt]'")
        try:
            refuse_proactor(asyncio.get_running_loop(), table)
        except RuntimeError:  # no loop runs yet: asked again when the sink starts
            return


class BrokerConfig(BrokerKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of both sinks. ConfigError names the key of a value that cannot work."""

    refresh_s: Annotated[
        float, Meta(ge=1, le=30, description="what has not changed is sent again after so long, with its ages")
    ] = 20.0
    stall_limit_s: Annotated[
        float, Meta(ge=2, le=60, description="without a new snapshot for so long nothing is served as good")
    ] = 5.0
    required: Annotated[bool, Meta(description="acknowledge to the ISO only while this sink serves")] = False


class Broker(msgspec.Struct, frozen=True):
    """What the connection needs. ``password`` is shown nowhere."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    client_id: str
    version: int
    username: str | None
    password: str | None

    def __repr__(self) -> str:
        return f"Broker({self.host}:{self.port})"


def parsed(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port. Raises ConfigError, which does not repeat the text: it may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError("is not the address of a broker", key="url", cure=_FORM) from error
    if parts.username is not None or parts.password is not None:
        raise ConfigError("must not hold a user or password", key="url", cure="use username and password_file")
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError("is not the address of a broker", key="url", cure=_FORM)
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]


def broker(config: BrokerKeys, client_id: str) -> Broker:
    """Read the files and return how to connect. Blocks. Raises ConfigError."""
    scheme, host, port = parsed(config.url)
    tls = _context(config) if scheme == "mqtts" else None
    if tls is None and not _is_loopback(host):
        log.warning(
            "MQTT: %s:%d is another machine, and mqtt:// is neither secret nor proof against change", host, port
        )
    password = first_line(config.password_file, "password_file") if config.password_file else None
    version = 5 if config.protocol == "5" else 4
    return Broker(host, port, tls, config.client_id or client_id, version, config.username or None, password)


def refuse_proactor(loop: object, table: str) -> None:
    """Raise ConfigError on Windows' default loop, which cannot watch the library's socket."""
    if type(loop).__name__ == "ProactorEventLoop":
        raise ConfigError(
            "the library cannot run on the proactor loop of Windows", table=table, cure="run the gateway on Linux"
        )


def level(text: str) -> str:
    """Return an identifier as one level of a topic: whatever could mean something there is percent-encoded."""
    return quote(text, safe="")


def topic_prefix(text: str, key: str) -> str:
    """Return the text when it can begin a topic: levels without ``+ #``, none empty. Raises ConfigError."""
    if not _plain_text(text) or re.search(r"[+#]", text) or text.startswith("$") or not all(text.split("/")):
        raise ConfigError(
            f"{text!r} cannot begin a topic", key=key, cure="write words parted by /, without + # or a leading $"
        )
    return text


def _plain_text(text: str) -> bool:
    return len(text) <= _LONGEST and text.isprintable()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _ClosingSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; the library forgets it then."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature is ssl's
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _context(config: BrokerKeys) -> ssl.SSLContext:
    """Return a context that checks the broker's chain and name, and shows our certificate if there is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _ClosingSocket
    if config.ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _tried("ca_file", config.ca_file, lambda: context.load_verify_locations(cafile=config.ca_file))
    if config.certificate is not None:
        secret = config.key or config.certificate
        _refuse_shared(secret, "key" if config.key else "certificate")
        # Without an answer OpenSSL would ask on the terminal and a service would hang.
        word = first_line(config.passphrase_file, "passphrase_file") if config.passphrase_file else ""
        chain = config.certificate
        _tried("certificate", chain, lambda: context.load_cert_chain(chain, config.key, password=lambda: word))
    return context


def _tried(key: str, path: Path, load: Callable[[], object]) -> None:
    try:
        load()
    except ssl.SSLError as error:
        reason = error.reason or "unreadable"
        raise ConfigError(
            f"{path}: not usable ({reason})", key=key, cure="name PEM files that belong together"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", key=key, cure="name an existing, readable file") from error


def first_line(path: Path, key: str) -> str:
    """Return the secret in the first line of a file that others cannot read. Blocks. Raises ConfigError."""
    _refuse_shared(path, key)
    try:
        line = next(iter(path.read_text(encoding="utf-8").splitlines()), "")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", key=key, cure="name an existing, readable file") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not text in UTF-8", key=key) from None
    if not line:
        raise ConfigError(f"{path}: the first line is empty", key=key, cure="write the secret into the first line")
    return line


def _refuse_shared(path: Path, key: str) -> None:
    """Refuse a secret that others can read (POSIX; Windows keeps rights in lists that are not looked at)."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", key=key, cure="name an existing, readable file") from error
    if os.name == "posix" and mode & 0o077:
        raise ConfigError(f"{path}: secret, but mode {mode:04o} lets others use it", key=key, cure=f"chmod 600 {path}")
