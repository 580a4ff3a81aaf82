"""``caiso-ads cert``: nothing secret on screen or in arguments, files private, exit codes right."""

from __future__ import annotations

import json
import os
import ssl
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from caiso_ads.ads.tls import client_context
from caiso_ads.cli import main
from tests.ads.pki import PASSPHRASE, Authority, Identity, secret, triple_des


@pytest.fixture(scope="module")
def ca() -> Authority:
    return Authority("Test Root")


@pytest.fixture(scope="module")
def plant(ca: Authority) -> Identity:
    return Authority("Test Issuing", parent=ca).issue("plantx1", rsa_bits=2048)


def run(*arguments: str | Path, typed: str | None = None) -> Result:
    return CliRunner().invoke(main, ["cert", *map(str, arguments)], input=typed)


def secrets_in(result: Result) -> bool:
    return PASSPHRASE.decode() in result.output or "PRIVATE KEY" in result.output


def modes(folder: Path) -> set[int]:
    return {each.stat().st_mode & 0o777 for each in folder.iterdir()} if os.name == "posix" else {0o600}


@pytest.mark.parametrize("legacy", [False, True], ids=["modern", "3DES"])
def test_import_asks_for_the_passphrase_and_writes_an_encrypted_key_that_works(
    *, tmp_path: Path, ca: Authority, plant: Identity, legacy: bool
) -> None:
    file = plant.p12(tmp_path / "plant.pfx", encryption=triple_des() if legacy else None)
    out = tmp_path / "new" / "folder"
    result = run("import", file, "--out", out, typed=PASSPHRASE.decode() + "\n")
    assert result.exit_code == 0, result.output
    assert not secrets_in(result)
    assert modes(out) == {0o600}
    assert b"ENCRYPTED PRIVATE KEY" in (out / "plant.key.pem").read_bytes()
    assert (out / "plant.crt.pem").read_bytes().count(b"BEGIN CERTIFICATE") == 2, "the chain is kept"
    client_context(
        ca_file=secret(tmp_path / "ca.pem", ca.pem),
        certificate=out / "plant.crt.pem",
        key=out / "plant.key.pem",
        passphrase_file=secret(tmp_path / "pass", PASSPHRASE),
    )


def test_import_prints_toml_that_can_be_copied(tmp_path: Path, plant: Identity) -> None:
    passphrase = secret(tmp_path / "pass", PASSPHRASE)
    result = run("import", plant.p12(tmp_path / "plant.p12"), "--out", tmp_path, "--passphrase-file", passphrase)
    table = tomllib.loads(result.stdout[result.stdout.index("[ads]") :])["ads"]
    assert table == {
        "certificate": str(tmp_path / "plant.crt.pem"),
        "key": str(tmp_path / "plant.key.pem"),
        "passphrase_file": str(passphrase),
    }


def test_import_with_a_new_passphrase(tmp_path: Path, plant: Identity) -> None:
    new = secret(tmp_path / "new", b"another")
    result = run(
        "import", plant.p12(tmp_path / "plant.p12", None), "--out", tmp_path, "--new-passphrase-file", new, typed="\n"
    )
    assert result.exit_code == 0, result.output
    context = ssl.create_default_context()
    context.load_cert_chain(tmp_path / "plant.crt.pem", tmp_path / "plant.key.pem", password=b"another")


def test_import_writes_a_clear_key_only_when_asked_and_then_0600(tmp_path: Path, plant: Identity) -> None:
    file, out = plant.p12(tmp_path / "plant.p12"), tmp_path / "out"
    result = run("import", file, "--out", out, "--plain-key", typed=PASSPHRASE.decode() + "\n")
    assert result.exit_code == 0, result.output
    assert b"-----BEGIN PRIVATE KEY-----" in (out / "plant.key.pem").read_bytes()
    assert modes(out) == {0o600}
    assert "passphrase_file" not in result.output


def test_import_of_an_open_file_without_new_passphrase_writes_nothing(tmp_path: Path, plant: Identity) -> None:
    file, out = plant.p12(tmp_path / "plant.p12", None), tmp_path / "out"
    result = run("import", file, "--out", out, typed="\n")
    assert result.exit_code == 2
    assert "--plain-key" in result.stderr
    assert not out.exists()


def test_wrong_passphrase_is_one_line_and_a_cure_with_exit_code_2(tmp_path: Path, plant: Identity) -> None:
    result = run("import", plant.p12(tmp_path / "plant.p12"), "--out", tmp_path / "out", typed="wrong-canary\n")
    assert result.exit_code == 2
    assert "error: " in result.stderr
    assert "cure: " in result.stderr
    assert "Traceback" not in result.output
    assert "wrong-canary" not in result.output
    assert not (tmp_path / "out").exists()


def test_import_refuses_to_overwrite_either_file_and_leaves_the_other_unwritten(
    tmp_path: Path, plant: Identity
) -> None:
    passphrase, out = secret(tmp_path / "pass", PASSPHRASE), tmp_path / "out"
    out.mkdir()
    (out / "plant.crt.pem").write_text("old")
    arguments = ("import", plant.p12(tmp_path / "plant.p12"), "--out", out, "--passphrase-file", passphrase)
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert "exists already" in refused.stderr
    assert [each.name for each in out.iterdir()] == ["plant.crt.pem"]
    assert run(*arguments, "--force").exit_code == 0
    assert (out / "plant.crt.pem").read_text() != "old"


def test_there_is_no_way_to_give_a_passphrase_as_an_argument() -> None:
    text = run("import", "--help").output
    assert "--passphrase-file" in text
    assert "--passphrase " not in text
    assert "--password" not in text


def test_show_tells_everything_and_exits_0(tmp_path: Path, plant: Identity) -> None:
    result = run("show", plant.pem(tmp_path, "plant"))
    assert result.exit_code == 0, result.output
    for text in ("CN=plantx1", "CN=Test Issuing", "days left   90", "RSA 2048 bits", "key match   yes", "chain"):
        assert text in result.output
    assert not secrets_in(result)


def test_show_json_has_the_same_facts(tmp_path: Path, plant: Identity) -> None:
    file = plant.p12(tmp_path / "plant.pfx")
    result = run("show", file, "--json", "--passphrase-file", secret(tmp_path / "pass", PASSPHRASE))
    found = json.loads(result.stdout)
    assert (found["common_name"], found["days_left"], found["key_bits"]) == ("plantx1", 90, 2048)
    assert (found["key_matches"], found["usable"], found["chain"]) == (True, True, ["CN=Test Issuing"])
    assert found["valid_until"].endswith("Z")


def test_show_of_a_certificate_alone_needs_no_passphrase(tmp_path: Path, plant: Identity) -> None:
    result = run("show", secret(tmp_path / "plant.crt", plant.certificate_pem()))
    assert result.exit_code == 0
    assert "no key given" in result.output


@pytest.mark.parametrize("starts", [-10, 1], ids=["expired", "not yet valid"])
def test_show_exits_1_when_out_of_date(tmp_path: Path, ca: Authority, starts: int) -> None:
    days = timedelta(days=starts)
    file = ca.issue("plantx1", starts_in=days, ends_in=days + timedelta(days=2)).pem(tmp_path, "plant")
    result = run("show", file)
    assert result.exit_code == 1
    assert ("EXPIRED" if starts < 0 else "NOT YET VALID") in result.output


def test_show_exits_1_when_the_key_is_foreign(tmp_path: Path, ca: Authority, plant: Identity) -> None:
    certificate = secret(tmp_path / "plant.crt", plant.certificate_pem())
    result = run("show", certificate, "--key", secret(tmp_path / "other.key", ca.issue("other").key_pem()))
    assert result.exit_code == 1
    assert "belongs to another certificate" in result.output


def test_show_of_a_missing_file_is_an_error_on_our_side(tmp_path: Path) -> None:
    result = run("show", tmp_path / "nowhere.pem")
    assert result.exit_code == 2
    assert "nowhere.pem" in result.stderr


def test_import_refuses_what_is_no_pair(tmp_path: Path, ca: Authority, plant: Identity) -> None:
    alone = secret(tmp_path / "alone.pem", plant.certificate_pem())
    mixed = secret(tmp_path / "mixed.pem", plant.certificate_pem() + ca.issue("other").key_pem())
    for file, problem in ((alone, "holds no private key"), (mixed, "belongs to another certificate")):
        result = run("import", file, "--out", tmp_path / "out", "--plain-key", typed="\n")
        assert result.exit_code == 2
        assert problem in result.stderr
        assert not (tmp_path / "out").exists()


def test_import_into_a_folder_that_cannot_be_made_is_named(tmp_path: Path, plant: Identity) -> None:
    (tmp_path / "file").write_text("in the way")
    result = run("import", plant.pem(tmp_path, "plant"), "--out", tmp_path / "file" / "x", "--plain-key", typed="\n")
    assert result.exit_code == 2
    assert "--out" in result.stderr
