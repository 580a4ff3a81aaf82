"""``[web]``: the page and the HTTP API. Rule: without the table there is no listener; it listens on this machine only until told otherwise.

Passwords never cross a network in clear text by accident: an address of a network needs a certificate, a proxy that has
one, or ``insecure_http``, which says what it is.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from caiso_ads.errors import ConfigError
from caiso_ads.sinks._allow import AllowList

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class WebConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``[web]``. ConfigError names the key of a value that cannot work."""

    host: Annotated[str, Meta(description="address to listen on; 0.0.0.0 is every network of this machine")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65_535, description="TCP port; 0 is any free one")] = 8080
    hosts: Annotated[
        tuple[str, ...],
        Meta(description="names by which people reach the page, such as gateway.plant.example; addresses need none"),
    ] = ()
    certificate: Annotated[
        Path | None, Meta(description="certificate of the page, PEM with its chain, or .p12/.pfx; TLS 1.2 or newer")
    ] = None
    key: Annotated[Path | None, Meta(description="its private key, where it stands in a file of its own")] = None
    passphrase_file: Annotated[Path | None, Meta(description="file whose first line opens the key")] = None
    proxy: Annotated[
        tuple[str, ...],
        Meta(description="addresses of reverse proxies; only theirs is believed of X-Forwarded-For and -Proto"),
    ] = ()
    insecure_http: Annotated[
        bool, Meta(description="serve a network without TLS: passwords can be read on the way; logged at each start")
    ] = False
    idle_min: Annotated[
        int, Meta(ge=1, le=720, description="minutes without anybody at the page after which a session ends")
    ] = 15

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        if not self.host.strip():
            raise ConfigError(f"{self.host!r} is not an address such as 127.0.0.1", table="web", key="host")
        for name in self.hosts:
            if not _HOST.fullmatch(name):
                cure = "write the name alone, without https:// and without the port"
                raise ConfigError(f"{name!r} is not the name of a machine", table="web", key="hosts", cure=cure)
        AllowList(self.proxy, table="web", key="proxy")
        if self.certificate is None and (self.key or self.passphrase_file):
            key = "key" if self.key else "passphrase_file"
            raise ConfigError("belongs to a certificate, which is not given", table="web", key=key)
        if self.is_open and not (self.certificate or self.proxy or self.insecure_http):
            raise ConfigError(
                f"{self.host!r} can be reached from a network, and passwords would cross it in clear text",
                table="web", key="host",
                cure="give certificate and key, or proxy, or listen on 127.0.0.1; insecure_http = true accepts it",
            )  # fmt: skip

    @property
    def is_open(self) -> bool:
        """Whether other machines can reach it."""
        return not is_loopback(self.host)


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own, which no other machine can reach."""
    if address.lower() == "localhost":
        return True
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)
