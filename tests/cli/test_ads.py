"""``caiso-ads ads``: tables, JSON and XML of a live answer; errors as one line with the right exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from caiso_ads.cli import main
from caiso_ads.cli._ads_tables import pacific, utc
from tests.ads.documents import (
    BATCH,
    HEADER,
    LIST,
    TRAJECTORY,
    batch,
    batch_list,
    gives,
    header,
    packed,
    trajectory_list,
)
from tests.ads.pki import PASSPHRASE, Authority, secret
from tests.ads.server import Behaviour, answer, fault, server_context, serving_in_a_thread


@dataclass(frozen=True)
class Plant:
    """Files of a plant, and the server's side."""

    folder: Path
    iso_ca: Authority
    plant_ca: Authority

    def options(self, url: str) -> list[str]:
        return [
            *("--url", url, "--certificate", str(self.folder / "plant.p12")),
            *("--passphrase-file", str(self.folder / "pass"), "--ca-file", str(self.folder / "ca.pem")),
        ]

    def ask(self, behaviour: Behaviour, *arguments: str, config: bool = False) -> Result:
        """Run ``caiso-ads ads …`` against a server that behaves so."""
        context = server_context(self.iso_ca.issue("iso", hosts=("localhost",)), self.plant_ca)
        with serving_in_a_thread(context, behaviour) as server:
            options = ["--config", self._config(server.url)] if config else self.options(server.url)
            return CliRunner().invoke(main, ["ads", *arguments, *options])

    def _config(self, url: str) -> str:
        path = self.folder / "gateway.toml"
        path.write_text(
            f'[ads]\nurl = "{url}"\nenvironment = "simulator"\ncertificate = "plant.p12"\npassphrase_file = "pass"\n'
            'ca_file = "ca.pem"\n[store]\npath = "ads.sqlite"\n'
            '[[resource]]\nid = "PLANT_7_UNIT 1"\npmin_mw = 0\npmax_mw = 50\n'
        )
        return str(path)


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    iso_ca, plant_ca = Authority("Test ISO Root"), Authority("Test Plant Root")
    plant_ca.issue("plantx1").p12(tmp_path / "plant.p12")
    secret(tmp_path / "pass", PASSPHRASE)
    secret(tmp_path / "ca.pem", iso_ca.pem)
    return Plant(tmp_path, iso_ca, plant_ca)


def test_list_shows_each_batch_in_utc_and_pacific_time(plant: Plant) -> None:
    result = plant.ask(gives(LIST, batch_list(header("D1"), header("D2"))), "list")
    assert result.exit_code == 0, result.output
    for text in ("D1", "D2", "2 dispatch batches", "3 closed", "2026-07-21 23:20:00Z", "07-21 16:20:00 PDT"):
        assert text in result.stdout


def test_list_names_items_that_cannot_be_read(plant: Plant) -> None:
    bad = '<DispatchBatch batchUID="D2"><batchStatus>odd</batchStatus></DispatchBatch>'
    result = plant.ask(gives(LIST, batch_list(header("D1"), bad)), "list")
    assert "1 dispatch batches" in result.stdout
    assert "cannot be read: D2" in result.stdout
    plainly = json.loads(plant.ask(gives(LIST, batch_list(header("D1"), bad)), "list", "--json").stdout)
    assert [each.get("batch_uid") or each["uid"] for each in plainly] == ["D1", "D2"]
    assert plainly[1]["error"]


def test_empty_list_says_so(plant: Plant) -> None:
    result = plant.ask(gives(LIST, batch_list()), "list", "--since", "D9")
    assert (result.exit_code, result.stdout.strip()) == (0, "no dispatch batches")


def test_get_shows_resource_and_megawatts(plant: Plant) -> None:
    result = plant.ask(gives(BATCH, packed(batch("D1"))), "get", "D1")
    assert result.exit_code == 0, result.output
    for text in ("PLANT_7_UNIT 1", "DOT MW", "25", "SCHD=47 SUPP=-22", "2026-07-21 23:22:30Z"):
        assert text in result.stdout


def test_get_json_has_names_with_units_codes_with_names_and_times_in_utc(plant: Plant) -> None:
    result = plant.ask(gives(BATCH, packed(batch("D1"))), "get", "D1", "--json")
    found = json.loads(result.stdout)
    instruction = found["instructions"][0]
    assert (instruction["dot_mw"], instruction["pre_goto_mw"], instruction["detail"][1]["mw"]) == (25.0, 47.0, -22.0)
    assert instruction["start_time"] == "2026-07-21T23:22:30Z"
    assert instruction["end_time"] is None
    assert found["batch_status"] == {"code": 3, "name": "CLOSED"}


def test_get_xml_is_the_document_as_received_unpacked(plant: Plant) -> None:
    xml = batch("D1", extra="<newThing>1</newThing>")
    result = plant.ask(gives(BATCH, packed(xml)), "get", "D1", "--xml")
    assert result.stdout == xml + "\n"


def test_get_names_elements_that_are_not_in_the_table(plant: Plant) -> None:
    result = plant.ask(gives(BATCH, packed(batch("D1", extra="<newThing>1</newThing>"))), "get", "D1")
    assert "newThing" in result.stdout


def test_xml_of_a_batch_that_cannot_be_decoded_is_still_shown(plant: Plant) -> None:
    behaviour = gives(BATCH, packed(batch("D1", dot="1u5")))
    refused = plant.ask(behaviour, "get", "D1")
    assert (refused.exit_code, "dot" in refused.stderr) == (1, True)
    assert "1u5" in plant.ask(behaviour, "get", "D1", "--xml").stdout


def test_batch_without_visible_instruction_says_so(plant: Plant) -> None:
    assert "visible to this certificate" in plant.ask(gives(BATCH, packed(header("D1"))), "get", "D1").stdout


def test_trajectory_shows_points_and_compliance(plant: Plant) -> None:
    result = plant.ask(gives(TRAJECTORY, packed(trajectory_list("TRAJ-1"))), "trajectory", "--since", "TRAJ-0")
    assert result.exit_code == 0, result.output
    for text in ("TRAJ-1", "31.5", "DOP MW", "2026-07-21 23:17:00Z", "PDT", "expected MWh", "2.5"):
        assert text in result.stdout
    assert "no trajectory batches" in plant.ask(gives(TRAJECTORY, packed(trajectory_list())), "trajectory").stdout


def test_status_shows_status_and_revision(plant: Plant) -> None:
    result = plant.ask(gives(HEADER, header("D1")), "status", "D1")
    assert result.exit_code == 0, result.output
    assert "3 closed" in result.stdout
    found = json.loads(plant.ask(gives(HEADER, header("D1")), "status", "D1", "--json").stdout)
    assert (found["batch_status"]["name"], found["revision_no"]) == ("CLOSED", 2)


def test_configuration_file_says_whom_to_ask(plant: Plant) -> None:
    result = plant.ask(gives(LIST, batch_list(header("D1"))), "list", config=True)
    assert result.exit_code == 0, result.output
    assert "D1" in result.stdout


def test_text_of_the_iso_cannot_style_or_steer_the_terminal(plant: Plant) -> None:
    behaviour = gives(LIST, batch_list(header("[red]D1[/red]")))
    assert "[red]D1[/red]" in plant.ask(behaviour, "list").stdout


def test_fault_is_one_line_with_exit_code_1(plant: Plant) -> None:
    result = plant.ask(answer(fault("no such\nbatch \x9b31m"), status=500), "get", "D1")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: SOAP fault")
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.output


def test_unreachable_server_is_exit_code_1(plant: Plant) -> None:
    result = CliRunner().invoke(main, ["ads", "list", *plant.options("https://localhost:1/ADS/APIWebService/v8")])
    assert result.exit_code == 1
    assert "localhost:1" in result.stderr


@pytest.mark.parametrize("file", ["plant.p12", "pass", "ca.pem"])
def test_missing_file_is_exit_code_2_with_its_name_and_a_cure(plant: Plant, file: str) -> None:
    (plant.folder / file).unlink()
    result = CliRunner().invoke(main, ["ads", "list", *plant.options("https://localhost:1/ADS/APIWebService/v8")])
    assert result.exit_code == 2
    assert file in result.stderr
    assert "cure: " in result.stderr


def test_neither_configuration_nor_address_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["ads", "list"])
    assert result.exit_code == 2
    assert "--config FILE, or --url and --certificate" in result.stderr


def test_times_that_are_absent_are_empty() -> None:
    assert (utc(None), pacific(None)) == ("", "")
