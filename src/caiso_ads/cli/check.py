"""``caiso-ads check``: is this configuration good on this machine? Rule: it looks and tries, and changes nothing.

Exit code 0 when the gateway would start, 2 when it would not.
"""

from __future__ import annotations

import errno
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from caiso_ads.cli._errors import EXIT_LOCAL, one_line, report_errors
from caiso_ads.errors import CaisoAdsError, ConfigError

if TYPE_CHECKING:  # msgspec and ssl wait until the command runs
    from caiso_ads.config import Config
    from caiso_ads.config.web import WebConfig
    from caiso_ads.notify import NotifyConfig

_DAYS_TO_WARN = 30
_Identity: TypeAlias = "tuple[Path, Path | None, Path | None]"  # certificate, key, file of the passphrase


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the answer; ``result`` is OK, WARN or FAIL."""

    name: str
    result: str
    detail: str
    cure: str = ""


@click.command("check")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="TOML file to check.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of lines.")
@click.option("--document", is_flag=True, help="Print the page that lists every key, and check nothing.")
@report_errors()
def command(config_path: Path | None, *, as_json: bool, document: bool) -> None:
    """Check a configuration file and say what is wrong with it.

    Looks at the file, the certificate, the folders and the ports, without asking the ISO. A port counts as taken
    while the gateway itself is running. Ends with code 0 when all is well and 2 when something must be corrected.
    """
    if document:
        from caiso_ads.cli._configuration_page import page

        click.echo(page(), nl=False)
        return
    if config_path is None:
        raise click.UsageError("give --config FILE, or --document")
    checks = list(run_checks(config_path))
    if as_json:
        import json

        click.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            click.echo(f"{check.result:4}  {check.name}: {one_line(check.detail)}")
            if check.cure:
                click.echo(f"      cure: {one_line(check.cure)}")
    if any(check.result == "FAIL" for check in checks):
        raise click.exceptions.Exit(EXIT_LOCAL)


def run_checks(path: Path) -> Iterator[Check]:
    """Yield one line for each thing checked; stops after the first when the file itself cannot be used."""
    from caiso_ads.config import load_config

    try:
        config = load_config(path)
    except ConfigError as error:
        yield Check("configuration", "FAIL", str(error), error.cure)
        return
    served = ", ".join(resource.id for resource in config.resources)
    yield Check("configuration", "OK", f"{path}: {config.ads.environment}, resources {served}")
    for name, identity in _identities(config):
        yield _tried(f"{name}tls", partial(_tls, config, name, identity))
        yield _tried(f"{name}certificate", partial(_certificate, name, identity))
    yield _origin(config)
    yield _writable("store", "[store] path", config.store.path.parent)
    if config.nodes and config.oasis.poll:
        yield _tried("oasis", lambda: _oasis(config))
        yield _writable("oasis", "[oasis] pace_file", (config.oasis.pace_file or config.store.path).parent)
    for name, sink in config.sinks.items():
        yield from _sink(name, sink)
    if config.web is not None:
        yield from _page(config, config.web)
    for notifier in config.notify:
        yield _tried(f"notify {notifier.rules.name}", partial(_notifier, notifier))
    modbus: Any = config.sinks.get("modbus")
    if modbus is not None and modbus.custom_map is not None:
        yield _tried("custom map", lambda: _custom_map(config, modbus))


def _notifier(notifier: NotifyConfig) -> Check:
    notifier.way.build()
    return Check(f"notify {notifier.rules.name}", "OK", f"{notifier.rules.kind}; try it with: caiso-ads alarms test")


def _tried(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except CaisoAdsError as error:
        return Check(name, "FAIL", str(error), error.cure)


def _identities(config: Config) -> Iterator[tuple[str, _Identity]]:
    """Yield our certificate, and the one for answers where it is another: a name, then the files."""
    from caiso_ads.config.responses import identity_for_responses

    ads = config.ads
    yield "", (ads.certificate, ads.key, ads.passphrase_file)
    if config.responses.certificate is not None:
        yield "responses ", identity_for_responses(ads, config.responses)


def _tls(config: Config, name: str, identity: _Identity) -> Check:
    from caiso_ads.ads.tls import client_context

    ca_file, (certificate, key, passphrase_file) = config.ads.ca_file, identity
    client_context(ca_file=ca_file, certificate=certificate, key=key, passphrase_file=passphrase_file)
    trusted = f"authorities of {ca_file}" if ca_file else "authorities of this machine"
    return Check(f"{name}tls", "OK", f"key opens, belongs to the certificate; {trusted}")


def _oasis(config: Config) -> Check:
    from caiso_ads.ads.tls import checking_context

    checking_context(config.oasis.ca_file)
    trusted = f"authorities of {config.oasis.ca_file}" if config.oasis.ca_file else "authorities of this machine"
    nodes = ", ".join(node.id for node in config.nodes)
    return Check("oasis", "OK", f"{config.oasis.url}; {trusted}; nodes {nodes}")


def _certificate(name: str, identity: _Identity) -> Check:
    from caiso_ads.ads.certificates import facts, read_bundle
    from caiso_ads.ads.tls import read_passphrase
    from caiso_ads.ports import SystemClock

    certificate, key, passphrase_file = identity
    passphrase = read_passphrase(passphrase_file) if passphrase_file else None
    told = facts(read_bundle(certificate, passphrase, key=key), SystemClock().now().wall)
    name = f"{name}certificate"
    detail = f"{told.subject}, issued by {told.issuer}, valid until {told.valid_until:%Y-%m-%d} ({told.days_left} days)"
    if not told.in_date:
        return Check(name, "FAIL", detail, "ask CAISO for a new certificate, or set this machine's clock")
    if told.client_auth is False:
        return Check(name, "FAIL", f"{detail}; not made for clients", "name the certificate CAISO gave you")
    if told.days_left < _DAYS_TO_WARN:
        return Check(name, "WARN", detail, "ask CAISO for a new certificate now")
    return Check(name, "OK", detail)


def _origin(config: Config) -> Check:
    """Check that the simulator's files do not meet a real ISO."""
    from caiso_ads.app import refuse_simulator_files

    try:
        refuse_simulator_files(config)
    except ConfigError as error:
        return Check("environment", "FAIL", f"{config.ads.environment}, but {error.problem}", error.cure)
    return Check("environment", "OK", f"{config.ads.environment}; {config.ads.url}")


def _custom_map(config: Config, modbus: Any) -> Check:
    """Read the plant's own map; ConfigError names the line that cannot be."""
    plan = modbus.plan(tuple(one.id for one in config.resources), tuple(one.id for one in config.nodes))
    return Check("custom map", "OK", f"{modbus.custom_map}: fits, units {', '.join(map(str, plan.unit_ids))}")


def _sink(name: str, sink: Any) -> Iterator[Check]:
    """Check what every sink's keys tell: a path is written to, a host and a port are listened on.

    A sink's ``only_read`` names the keys of files that are read and never written.
    """
    for key in sink.__struct_fields__:
        value = getattr(sink, key)
        if isinstance(value, Path) and key in getattr(sink, "only_read", ()):
            yield _readable(f"sinks.{name}", key, value)
        elif isinstance(value, Path):
            folder = value if key == "directory" else value.parent
            yield _writable(f"sinks.{name}", f"[sinks.{name}] {key}", folder)
    port = getattr(sink, "port", None)
    if isinstance(port, int):
        yield _bindable(f"sinks.{name}", str(getattr(sink, "host", "")), port)


def _readable(name: str, key: str, file: Path) -> Check:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        return Check(name, "FAIL", f"{file}: {error.strerror}", f"name an existing, readable file, or change {key}")
    return Check(name, "OK", f"{file}: readable")


def _page(config: Config, web: WebConfig) -> Iterator[Check]:
    """Check what the page needs: its port, its certificate, the file of its users."""
    yield _bindable("web", web.host, web.port)
    if web.certificate is not None:
        identity = (web.certificate, web.key, web.passphrase_file)
        yield _tried("web certificate", partial(_page_certificate, identity))
    elif web.is_open and not web.proxy:
        cure = "give [web] certificate and key"
        yield Check("web", "WARN", "insecure_http: passwords cross the network in clear text", cure)
    yield _tried("web users", partial(_users, config))


def _page_certificate(identity: _Identity) -> Check:
    from caiso_ads.ads.certificates import facts, read_bundle
    from caiso_ads.ads.tls import read_passphrase, server_context
    from caiso_ads.ports import SystemClock

    certificate, key, passphrase_file = identity
    server_context(certificate=certificate, key=key, passphrase_file=passphrase_file)
    passphrase = read_passphrase(passphrase_file) if passphrase_file else None
    told = facts(read_bundle(certificate, passphrase, key=key), SystemClock().now().wall)
    detail = f"{told.subject}, valid until {told.valid_until:%Y-%m-%d} ({told.days_left} days)"
    if not told.in_date:
        return Check("web certificate", "FAIL", detail, "give a new one, or set this machine's clock")
    result, cure = ("WARN", "ask for a new one now") if told.days_left < _DAYS_TO_WARN else ("OK", "")
    return Check("web certificate", result, detail, cure)


def _users(config: Config) -> Check:
    from caiso_ads.web.access.keeper import Keeper, folder_of

    keeper = Keeper(folder_of(config.store.path))
    many = len(keeper.read().users)
    if not many:
        return Check(
            "web users", "WARN", "no users yet", "start the gateway and use the set-up token, or: caiso-ads users add"
        )
    return Check("web users", "OK", f"{keeper.path}: {many} users")


def _writable(name: str, key: str, folder: Path) -> Check:
    """Try to make a file in the folder, or in the nearest one above it that exists."""
    present = next(part for part in (folder.absolute(), *folder.absolute().parents) if part.exists())
    try:
        with tempfile.TemporaryFile(dir=present):
            pass
    except OSError as error:
        return Check(name, "FAIL", f"{folder}: {error.strerror}", f"make it writable for this user, or change {key}")
    made = "" if present == folder.absolute() else ", will be made"
    return Check(name, "OK", f"{folder}: writable{made}")


def _bindable(name: str, host: str, port: int) -> Check:
    where = f"{host}:{port}"
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, number) as listener:
            if os.name == "posix":  # elsewhere this option would let two programs share a port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
    except OSError as error:
        return Check(name, "FAIL", f"{where}: {error.strerror}", _port_cure(name, error))
    return Check(name, "OK", f"{where}: free" if port else f"{host}: any free port")


def _port_cure(name: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"stop what listens there (a running gateway?), or change [{name}] port"
    if error.errno == errno.EACCES:
        return f"give the service the right to ports below 1024, or change [{name}] port to one above"
    return f"change [{name}] host to an address of this machine, such as 0.0.0.0 for all"
