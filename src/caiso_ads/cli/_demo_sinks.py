"""Which ways to read are on in the demo beside Modbus, files and status, where each stands, and how to read it.

Rule: whatever can be served is on, at a free port of this machine; what cannot is named with its cure. Each sink has
one line in ``OFFERS``, or one in ``NOT_OFFERED`` with the reason.
"""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import click

from caiso_ads.sinks import REGISTRY

HOST = "127.0.0.1"
BROKER = f"mqtt://{HOST}:1883"
ALL_INSTALLED = "python3 tasks.py demo --with-all"
_BROKER_WAIT_S = 0.3

Value = str | int | Path


@dataclass(frozen=True, slots=True)
class Place:
    """What a sink of the demo is made for: its folder, its port, its first resource, and the broker if one answers."""

    directory: Path
    resource_id: str
    port: int = 0
    broker: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One sink that is on: its table of the configuration, where it stands, its first setpoint, and commands."""

    name: str
    table: dict[str, Value]
    where: str
    setpoint: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """How to put one sink into the demo. ``library`` decides whether it can be; without one it always can."""

    make: Callable[[Place], Told]
    library: str = ""
    extra: str = ""
    port: int = 0
    needs_broker: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What is on, and what is left out: name and cure."""

    on: tuple[Told, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> dict[str, dict[str, Value]]:
        """The tables of the configuration by name of the sink."""
        return {told.name: told.table for told in self.on}


def _dnp3(place: Place) -> Told:
    where = f"{HOST}:{place.port}, outstation 10, master 1"
    return Told("dnp3", {"port": place.port}, where, "AI 103 in kW; AI 100 is the directive")


def _opcua(place: Place) -> Told:
    from caiso_ads.simulator.kit_login import write_login
    from caiso_ads.sinks.opcua.users import add_user

    login = write_login(place.directory)
    users = place.directory / "opcua-users"
    users.unlink(missing_ok=True)
    add_user(users, login.user, login.password())
    url, node = f"opc.tcp://{HOST}:{place.port}/caiso-ads", f"ns=2;s={place.resource_id}.setpoint_mw"
    password, certificate, key = map(shown, (login.password_file, login.certificate, login.key))
    command = (
        f"# OPC UA: user {login.user}, the password stands in {password}",
        f'{program("uaread")} -u {url} -n "{node}" \\',
        f'  --user {login.user} --password "$(cat {password})" \\',
        f"  --security Basic256Sha256,SignAndEncrypt,{certificate},{key}",
    )
    table: dict[str, Value] = {"port": place.port, "users_file": users}
    return Told("opcua", table, url, node, command)


def _iec104(place: Place) -> Told:
    where = f"{HOST}:{place.port}, common address 1"
    return Told("iec104", {"port": place.port}, where, "IOA 1004 in MW; IOA 1001 is the directive")


def _mqtt(place: Place) -> Told:
    topic = f"caiso-ads/{place.resource_id}"
    host, port = _address(place.broker)
    command = f"mosquitto_sub -h {host} -p {port} -v -t 'caiso-ads/#'"
    return Told(
        "mqtt", {"url": place.broker}, place.broker, f"below caiso-ads/, in the document of {topic}", (command,)
    )


def _sparkplug(place: Place) -> Told:
    host, port = _address(place.broker)
    command = f"mosquitto_sub -h {host} -p {port} -F '%t %l bytes' -t 'spBv1.0/caiso-ads/#'"
    return Told("sparkplug", {"url": place.broker}, place.broker, "spBv1.0/caiso-ads/DDATA/gateway/..", (command,))


OFFERS: dict[str, Offer] = {
    "dnp3": Offer(_dnp3, library="dnp3", extra="dnp3", port=20000),
    "opcua": Offer(_opcua, library="asyncua", extra="opcua", port=4840),
    "iec104": Offer(_iec104, port=2404),
    "mqtt": Offer(_mqtt, library="aiomqtt", extra="mqtt", needs_broker=True),
    "sparkplug": Offer(_sparkplug, library="aiomqtt", extra="mqtt", needs_broker=True),
}

NOT_OFFERED: dict[str, str] = {
    "modbus": "always on",
    "files": "always on",
    "status": "always on, without a table",
    "plant_writer": "it writes into a plant, and the demo has none",
}


def choose(
    directory: Path,
    resource_id: str,
    *,
    broker: str | None = None,
    registered: Iterable[str] = REGISTRY,
    installed: Callable[[str], bool] = lambda library: find_spec(library) is not None,
) -> Choice:
    """Decide what is on and write what it needs into the directory. ``broker`` None: the usual one, if it answers."""
    on: list[Told] = []
    left_out: dict[str, str] = {}
    found: list[str] = []  # the broker is asked once, and only where a sink wants it
    for name in registered:
        offer = OFFERS.get(name)
        if offer is None:
            continue
        if offer.library and not installed(offer.library):
            left_out[name] = f"pip install 'caiso-ads[{offer.extra}]', or {ALL_INSTALLED}"
            continue
        url = ""
        if offer.needs_broker:
            found = found or [broker or (BROKER if answers(*_address(BROKER)) else "")]
            url = found[0]
            if not url:
                left_out[name] = f"no broker answers at {BROKER}; name one with --mqtt"
                continue
        port = free_port(offer.port) if offer.port else 0
        on.append(offer.make(Place(directory, resource_id, port, url)))
    return Choice(tuple(on), left_out)


def free_port(preferred: int) -> int:
    """Return the usual port when it is free, else one the system picks."""
    for wanted in (preferred, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, wanted))
            except OSError:
                continue
            port: int = probe.getsockname()[1]
            return port
    raise click.ClickException(f"no free TCP port on {HOST}")


def answers(host: str, port: int) -> bool:
    """Whether something takes a TCP connection there."""
    try:
        socket.create_connection((host, port), _BROKER_WAIT_S).close()
    except OSError:
        return False
    return True


def _address(url: str) -> tuple[str, int]:
    """Return host and port of a broker's URL; the sink checks the rest of it."""
    scheme, _, rest = url.partition("://")
    host, _, port = rest.strip("/").rpartition(":")
    usual = 8883 if scheme == "mqtts" else 1883
    return (host, int(port)) if host and port.isdigit() else (rest.strip("/"), usual)


def shown(path: Path) -> str:
    """Return a path as short as it can be typed here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def program(name: str = "caiso-ads") -> str:
    """Return how a program of this environment is called from here: it may be in one that is not on the path."""
    if shutil.which(name):
        return name
    own = Path(sys.argv[0]).absolute()
    return shown(own if name == "caiso-ads" else own.with_name(name))
