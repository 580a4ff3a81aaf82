"""``caiso-ads check`` finds what would stop the gateway, names the cure, and changes nothing."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result

from caiso_ads.cli import main
from caiso_ads.cli._configuration_page import EXAMPLE, page
from caiso_ads.config import load_config

ROOT = Path(__file__).parents[2]
CONFIG = """\
[ads]
url = "https://127.0.0.1:8443/ADS/APIWebService/v8"
environment = "simulator"
certificate = "plant.pem"
ca_file = "ca.pem"

[store]
path = "data/gateway.db"

[[resource]]
id = "A"
pmin_mw = 0
pmax_mw = 10

[sinks.modbus]
port = 0

[sinks.files]
directory = "out"
"""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def plant(tmp_path: Path, authority: trustme.CA) -> Path:
    """Make a folder with a good configuration and return the file."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    write_certificate(tmp_path, authority, dt.datetime.now(dt.UTC) + dt.timedelta(days=200))
    (tmp_path / "gateway.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path / "gateway.toml"


def write_certificate(folder: Path, authority: trustme.CA, until: dt.datetime) -> None:
    """Issue a client certificate that ends then."""
    issued = authority.issue_cert("plant.example", not_after=until)
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "plant.pem")
    (folder / "plant.pem").chmod(0o600)


def check(config: Path, *more: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["check", "--config", str(config), *more])


def edit(config: Path, old: str, new: str) -> None:
    """Change the configuration."""
    text = config.read_text(encoding="utf-8")
    assert old in text
    config.write_text(text.replace(old, new), encoding="utf-8")


def failed(result: Result) -> list[str]:
    """Return the names of the lines that failed."""
    return [row["name"] for row in json.loads(result.stdout) if row["result"] == "FAIL"]


def test_a_good_set_up_is_all_ok_and_ends_with_0(plant: Path) -> None:
    result = check(plant)
    assert result.exit_code == 0, result.output
    assert all(line.startswith("OK") for line in result.stdout.splitlines())


def test_checking_makes_no_file_and_no_folder(plant: Path) -> None:
    before = sorted(plant.parent.rglob("*"))
    check(plant)
    assert sorted(plant.parent.rglob("*")) == before


def test_a_configuration_error_is_one_line_with_its_place_and_ends_with_2(plant: Path) -> None:
    edit(plant, "pmax_mw = 10", "pmax_mv = 10")
    result = check(plant)
    assert result.exit_code == 2
    assert len(result.stdout.splitlines()) == 1
    assert "gateway.toml:13 [[resource]] #1 pmax_mv" in result.stdout
    assert "did you mean 'pmax_mw'?" in result.stdout


def test_json_has_every_line_with_its_cure(plant: Path) -> None:
    (plant.parent / "plant.pem").unlink()
    result = check(plant, "--json")
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert result.exit_code == 2
    assert rows["configuration"]["result"] == "OK"
    assert "plant.pem" in rows["tls"]["detail"]
    assert rows["tls"]["cure"]


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps rights in access lists")
def test_a_key_that_others_can_read_is_found(plant: Path) -> None:
    (plant.parent / "plant.pem").chmod(0o644)
    result = check(plant)
    assert result.exit_code == 2
    assert "chmod 600" in result.stdout


def test_a_missing_or_useless_ca_file_is_found(plant: Path) -> None:
    (plant.parent / "ca.pem").write_text("nothing")
    assert failed(check(plant, "--json")) == ["tls"]
    (plant.parent / "ca.pem").unlink()
    assert failed(check(plant, "--json")) == ["tls"]


@pytest.mark.parametrize(("days", "result", "code"), [(-1, "FAIL", 2), (10, "WARN", 0), (200, "OK", 0)])
def test_the_end_of_the_certificate_is_told(
    plant: Path, authority: trustme.CA, days: int, result: str, code: int
) -> None:
    write_certificate(plant.parent, authority, dt.datetime.now(dt.UTC) + dt.timedelta(days=days, hours=1))
    told = check(plant, "--json")
    row = next(row for row in json.loads(told.stdout) if row["name"] == "certificate")
    assert (row["result"], told.exit_code) == (result, code)
    assert f"({days} days)" in row["detail"]


def test_a_certificate_for_answers_is_checked_too(plant: Path, authority: trustme.CA) -> None:
    assert "responses" not in check(plant).output
    edit(plant, "[sinks.modbus]", '[responses]\ncertificate = "answers.pem"\n\n[sinks.modbus]')
    assert failed(check(plant, "--json")) == ["responses tls", "responses certificate"]
    (plant.parent / "plant.pem").rename(plant.parent / "answers.pem")
    write_certificate(plant.parent, authority, dt.datetime.now(dt.UTC) + dt.timedelta(days=200))
    assert failed(check(plant, "--json")) == []
    with (plant.parent / "answers.pem").open("a") as file:
        file.write("# caiso-ads simulator\n")
    edit(plant, "https://127.0.0.1:8443", "https://ads.example")
    edit(plant, '"simulator"', '"production"')
    assert failed(check(plant, "--json")) == ["environment"]


@pytest.fixture
def taken() -> Iterator[int]:
    """Listen on a port and return it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_found(plant: Path, taken: int) -> None:
    edit(plant, "port = 0", f"port = {taken}")
    result = check(plant)
    assert result.exit_code == 2
    assert f"127.0.0.1:{taken}" in result.stdout
    assert "change [sinks.modbus] port" in result.stdout


def test_an_address_that_is_not_ours_is_found(plant: Path) -> None:
    edit(plant, "port = 0", 'host = "192.0.2.1"\nport = 0')
    result = check(plant)
    assert result.exit_code == 2
    assert "change [sinks.modbus] host" in result.stdout


@pytest.mark.parametrize(("key", "name"), [('"out"', "sinks.files"), ('"data/gateway.db"', "store")])
def test_a_folder_that_takes_no_files_is_found(plant: Path, key: str, name: str) -> None:
    (plant.parent / "blocked").write_text("a file, no folder")
    edit(plant, key, '"blocked/in/it"')
    result = check(plant, "--json")
    assert name in failed(result)


def test_a_file_that_is_only_read_need_not_stand_where_we_may_write(plant: Path) -> None:
    table = '[sinks.mqtt]\nurl = "mqtts://broker"\nca_file = "broker.pem"\n\n[sinks.files]'
    edit(plant, "[sinks.files]", table)
    result = check(plant)
    assert "broker.pem: No such file" in result.stdout
    assert "change ca_file" in result.stdout
    (plant.parent / "broker.pem").write_text("here")
    result = check(plant)
    assert result.exit_code == 0, result.stdout
    assert "broker.pem: readable" in result.stdout


def test_the_simulators_certificate_is_refused_elsewhere(plant: Path) -> None:
    with (plant.parent / "ca.pem").open("a") as file:
        file.write("# caiso-ads simulator\n")
    assert check(plant).exit_code == 0
    edit(plant, "https://127.0.0.1:8443", "https://ads.example")
    edit(plant, '"simulator"', '"production"')
    assert failed(check(plant, "--json")) == ["environment"]


def test_the_price_service_is_checked_where_there_is_something_to_ask_it(plant: Path) -> None:
    assert "oasis" not in check(plant).output
    table = (
        '[oasis]\nurl = "https://127.0.0.1:8444/oasisapi"\nca_file = "ca.pem"\n[[node]]\nid = "TH_NP15_GEN-APND"\n\n'
    )
    edit(plant, "[sinks.modbus]", f"{table}[sinks.modbus]")
    good = check(plant)
    assert good.exit_code == 0
    assert "OK    oasis: https://127.0.0.1:8444/oasisapi" in good.output
    assert "nodes TH_NP15_GEN-APND" in good.output
    edit(plant, '8444/oasisapi"\nca_file = "ca.pem"', '8444/oasisapi"\nca_file = "none.pem"')
    assert "FAIL  oasis" in check(plant).output
    edit(plant, 'ca_file = "none.pem"', 'ca_file = "none.pem"\npoll = false')
    assert "oasis" not in check(plant).output


def test_a_custom_map_is_read_and_its_wrong_line_is_named(plant: Path) -> None:
    edit(plant, "port = 0", 'port = 0\ncustom_map = "map.csv"')
    (plant.parent / "map.csv").write_text(
        "point,resource,table,address,type,scale\ndop_mw,A,holding,200,int16,0.1\n", encoding="utf-8"
    )
    assert "OK    custom map" in check(plant).output
    edit(plant.parent / "map.csv", "dop_mw", "dop")
    result = check(plant)
    assert "FAIL  custom map" in result.output
    assert "map.csv:2 column point" in result.output


def test_the_page_is_checked_its_port_certificate_and_users(plant: Path, authority: trustme.CA, tmp_path: Path) -> None:
    edit(plant, "[sinks.files]", '[web]\nport = 0\ncertificate = "plant.pem"\n\n[sinks.files]')
    result = check(plant)
    assert result.exit_code == 0, result.output
    assert "OK    web certificate" in result.output
    assert "WARN  web users: no users yet" in result.output
    (tmp_path / "data" / "gateway.db.access").mkdir(parents=True)
    (tmp_path / "data" / "gateway.db.access" / "users.json").write_text("{")
    edit(plant, 'certificate = "plant.pem"\n\n', 'certificate = "missing.pem"\n\n')
    assert failed(check(plant, "--json")) == ["web certificate", "web users"]


def test_clear_text_over_a_network_is_warned_of(plant: Path) -> None:
    edit(plant, "[sinks.files]", '[web]\nport = 0\nhost = "0.0.0.0"\ninsecure_http = true\n\n[sinks.files]')
    assert "WARN  web: insecure_http" in check(plant).output


def test_without_a_file_the_usage_is_told() -> None:
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 2
    assert "--config FILE" in result.stderr


def test_the_documentation_is_the_one_the_code_tells() -> None:
    printed = CliRunner().invoke(main, ["check", "--document"]).stdout
    written = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert printed == page() == written, "run: caiso-ads check --document > docs/configuration.md"


def test_the_example_of_the_documentation_is_good(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(EXAMPLE, encoding="utf-8")
    assert load_config(tmp_path / "gateway.toml").resources[0].pmax_mw == 150.0
    assert EXAMPLE in page()
