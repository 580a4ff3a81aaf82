"""Everything a user needs to talk to a simulator: certificates, keys and a ready gateway.toml, in one directory.

Rule: the directory's certificate authority is the simulator's; files that exist and still fit are kept, so that a
configuration copied from here works after the next start too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from caiso_ads.errors import CertificateError
from caiso_ads.simulator.ca import MARK, P12_PASSPHRASE, Authority, Pair, read_pair, write_private
from caiso_ads.simulator.fleet import OPERATOR, Fleet, Resource
from caiso_ads.simulator.oasis_nodes import HUB

_NOTICE = """\
# Written by the caiso-ads SIMULATOR. Everything here is invented; nothing of it comes from CAISO.
"""


@dataclass(frozen=True, slots=True)
class KitPaths:
    """Where the files are. ``certificate``, ``key`` and ``p12`` belong to the plant's operator (primary role)."""

    config: Path
    ca: Path
    certificate: Path
    key: Path
    p12: Path
    store: Path
    files: Path


def write_kit(
    directory: Path,
    url: str,
    response_url: str,
    fleet: Fleet,
    *,
    modbus_port: int,
    poll_interval_s: float,
    oasis_url: str = "",
    common_name: str = OPERATOR,
    modbus_host: str = "127.0.0.1",
    sinks: Mapping[str, Mapping[str, str | int | Path]] | None = None,
    web_port: int | None = None,
) -> KitPaths:
    """Write certificates of all identities and the configuration of one; give the simulator the same directory.

    ``poll_interval_s`` in seconds; ``oasis_url`` empty leaves prices out; ``sinks`` are tables beside Modbus and files;
    ``web_port`` None leaves the page out. Raises CertificateError for files that cannot be read.
    """
    directory = directory.resolve()
    authority = Authority.at(directory)
    for identity in fleet.identities:
        _write_client(authority, directory, identity.common_name)
    certificate, key, p12 = _client_files(directory, common_name)
    paths = KitPaths(
        config=directory / "gateway.toml",
        ca=directory / "ca.pem",
        certificate=certificate,
        key=key,
        p12=p12,
        store=directory / "gateway.db",
        files=directory / "files",
    )
    text = _config(paths, url, response_url, poll_interval_s, modbus_host, modbus_port)
    if web_port is not None:
        text += f"\n[web]\nport = {web_port}\n"
    for name, table in (sinks or {}).items():
        text += f"\n[sinks.{name}]\n" + "".join(f"{key} = {_text(value)}\n" for key, value in table.items())
    if oasis_url:
        text += _prices(paths, oasis_url, fleet.visible_to(common_name))
    text += _resources(fleet, common_name, priced=bool(oasis_url))
    paths.config.write_text(text, encoding="utf-8")
    return paths


def _config(
    paths: KitPaths, url: str, response_url: str, poll_interval_s: float, modbus_host: str, modbus_port: int
) -> str:
    return f"""{_NOTICE}
[ads]
url = {_text(url)}
response_url = {_text(response_url)}
certificate = {_text(paths.certificate)}
key = {_text(paths.key)}
ca_file = {_text(paths.ca)}
environment = "simulator"
poll_interval_s = {poll_interval_s}
acknowledge = true

[store]
path = {_text(paths.store)}

[sinks.modbus]
host = {_text(modbus_host)}
port = {modbus_port}

[sinks.files]
directory = {_text(paths.files)}
"""


def _prices(paths: KitPaths, oasis_url: str, resources: Sequence[Resource]) -> str:
    """Write the price service, the first resource's node and a hub; the other resources name their own nodes."""
    text = f"""
[oasis]
url = {_text(oasis_url)}
ca_file = {_text(paths.ca)}
"""
    for node, name in [*((each.node, each.name) for each in resources[:1]), (HUB, "Northern hub")]:
        text += f"""
[[node]]
id = {_text(node)}
name = {_text(name)}
"""
    return text


def _resources(fleet: Fleet, common_name: str, *, priced: bool) -> str:
    """Write the limits; a unit that is shut down and started must be allowed 0 MW below its Pmin."""
    return "".join(
        f"""
[[resource]]
id = {_text(resource.resource_id)}
name = {_text(resource.name)}
pmin_mw = {0.0 if resource.commits else resource.pmin_mw}
pmax_mw = {resource.pmax_mw}
technology = {_text(resource.technology.value)}
operating_min_mw = {resource.pmin_mw if resource.commits else 0.0}
"""
        + (f"node = {_text(resource.node)}\n" if priced else "")
        for resource in fleet.visible_to(common_name)
    )


def _text(value: str | int | Path) -> str:
    """Quote for TOML; a JSON string is one. Paths stand beside the configuration, so the folder can be moved."""
    return json.dumps(value.name if isinstance(value, Path) else value)


def _client_files(directory: Path, common_name: str) -> tuple[Path, Path, Path]:
    stem = "-".join(common_name.lower().split())
    return directory / f"{stem}.pem", directory / f"{stem}-key.pem", directory / f"{stem}.p12"


def _write_client(authority: Authority, directory: Path, common_name: str) -> None:
    certificate, key, p12 = _client_files(directory, common_name)
    if certificate.exists() and key.exists() and p12.exists() and _fits(authority, certificate, key):
        return
    pair = authority.client(common_name)
    certificate.write_bytes(MARK + pair.certificate_pem)
    write_private(key, pair.key_pem)
    write_private(p12, authority.pkcs12(pair, P12_PASSPHRASE))


def _fits(authority: Authority, certificate: Path, key: Path) -> bool:
    """Whether a pair kept from an earlier start was issued by this authority and lasts another day."""
    try:
        pair: Pair = read_pair(certificate, key)
    except CertificateError:
        return False  # left half-written by an interrupted start: make a new one
    lasts = pair.certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=1)
    return lasts and authority.issued(pair.certificate)
