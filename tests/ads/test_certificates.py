"""Reading, describing and writing certificates."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import NoEncryption, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509 import CertificateBuilder, load_pem_x509_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID

from caiso_ads.ads.certificates import Bundle, common_name, facts, is_encrypted, key_pem, read_bundle, write_private
from caiso_ads.errors import CertificateError
from tests.ads.pki import PASSPHRASE, Authority, Identity, name, secret, triple_des

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def issuing() -> Authority:
    return Authority("Test Issuing", parent=Authority("Test Root"))


@pytest.fixture(scope="module")
def plant(issuing: Authority) -> Identity:
    identity = issuing.issue("plantx1")
    assert issuing.parent
    return Identity(
        identity.certificate, identity.key, (issuing.parent.certificate, issuing.certificate)
    )  # wrong order


def same(bundle: Bundle, identity: Identity) -> bool:
    return (
        bundle.certificate == identity.certificate
        and bundle.key is not None
        and bundle.key.public_key() == (identity.key.public_key())
    )


@pytest.mark.parametrize("kind", ["modern", "3des", "none"])
def test_pkcs12_of_every_age_is_read_with_its_chain_in_order(tmp_path: Path, plant: Identity, kind: str) -> None:
    passphrase = None if kind == "none" else PASSPHRASE
    file = plant.p12(tmp_path / "plant.p12", passphrase, triple_des() if kind == "3des" else None)
    bundle = read_bundle(file, passphrase)
    assert same(bundle, plant)
    root, issuing = plant.chain
    assert bundle.chain == (issuing, root)


def test_rc2_pkcs12_is_read(tmp_path: Path, plant: Identity) -> None:
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("no openssl here to make an RC2 file")
    pem, file = plant.pem(tmp_path, "plant"), tmp_path / "rc2.pfx"
    secret(tmp_path / "pass", PASSPHRASE)
    made = subprocess.run(
        [openssl, "pkcs12", "-export", "-legacy", "-in", pem, "-out", file, "-passout", f"file:{tmp_path / 'pass'}"],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("this openssl has no legacy part")
    assert b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x06" in file.read_bytes(), "the file must really use RC2-40"
    assert same(read_bundle(file, PASSPHRASE), plant)


@pytest.mark.parametrize("passphrase", [None, b"wrong-canary"])
def test_pkcs12_that_does_not_open_tells_both_causes(tmp_path: Path, plant: Identity, passphrase: bytes | None) -> None:
    with pytest.raises(CertificateError, match=r"passphrase is wrong.*RC2/RC4") as caught:
        read_bundle(plant.p12(tmp_path / "plant.p12"), passphrase)
    assert "none was given" in str(caught.value) if passphrase is None else "canary" not in str(caught.value)
    assert "CRYPTOGRAPHY_OPENSSL_NO_LEGACY" in caught.value.cure


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<html>", "neither PKCS#12 nor PEM"),
        (b"", "neither PKCS#12 nor PEM"),
        (b"\x30\x82garbage", "cannot be opened"),
        (b"-----BEGIN NONSENSE-----", "no certificate in PEM form"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(CertificateError, match=problem) as caught:
        read_bundle(secret(tmp_path / "odd.file", content), None)
    assert "odd.file" in str(caught.value)


def test_pem_with_key_in_either_order_and_encrypted_or_not(tmp_path: Path, plant: Identity) -> None:
    for index, content in enumerate(
        (
            plant.certificate_pem() + plant.key_pem(),
            plant.key_pem() + plant.certificate_pem(),
            plant.certificate_pem() + plant.key_pem(PASSPHRASE),
        )
    ):
        assert same(read_bundle(secret(tmp_path / f"{index}.pem", content), PASSPHRASE), plant)


def test_pem_with_separate_key(tmp_path: Path, plant: Identity) -> None:
    certificate = secret(tmp_path / "plant.crt", plant.certificate_pem())
    assert same(read_bundle(certificate, None, key=secret(tmp_path / "plant.key", plant.key_pem())), plant)
    with pytest.raises(CertificateError, match="no private key in PEM form"):
        read_bundle(certificate, None, key=certificate)


@pytest.mark.parametrize(("passphrase", "problem"), [(None, "is encrypted"), (b"wrong", "does not open")])
def test_encrypted_pem_key_tells_what_is_missing(
    tmp_path: Path, plant: Identity, passphrase: bytes | None, problem: str
) -> None:
    file = secret(tmp_path / "plant.pem", plant.certificate_pem() + plant.key_pem(PASSPHRASE))
    with pytest.raises(CertificateError, match=problem):
        read_bundle(file, passphrase)


def test_facts_say_what_the_certificate_is(tmp_path: Path, issuing: Authority) -> None:
    identity = issuing.issue("plantx1", rsa_bits=2048)
    found = facts(Bundle(identity.certificate, identity.key, (issuing.certificate,)), NOW)
    assert (found.subject, found.issuer, found.common_name) == ("CN=plantx1", "CN=Test Issuing", "plantx1")
    assert (found.key_type, found.key_bits, found.key_matches, found.client_auth) == ("RSA", 2048, True, True)
    assert found.days_left == 90
    assert found.chain == ("CN=Test Issuing",)
    assert found.chain_linked
    assert found.usable
    assert found.valid_until.tzinfo is not None


@pytest.mark.parametrize(("starts", "ends", "days_left"), [(-10, -1, -1), (1, 10, 9)], ids=["expired", "not yet valid"])
def test_facts_of_a_certificate_out_of_date(issuing: Authority, starts: int, ends: int, days_left: int) -> None:
    identity = issuing.issue("x", starts_in=timedelta(days=starts), ends_in=timedelta(days=ends))
    found = facts(
        Bundle(identity.certificate, None), identity.certificate.not_valid_after_utc - timedelta(days=days_left)
    )
    assert found.days_left == days_left
    at = facts(Bundle(identity.certificate, None), NOW)
    assert not at.in_date
    assert not at.usable


def test_last_second_counts_and_the_next_one_does_not(issuing: Authority) -> None:
    identity = issuing.issue("x")
    end = identity.certificate.not_valid_after_utc
    assert facts(Bundle(identity.certificate, None), end).usable
    after = facts(Bundle(identity.certificate, None), end + timedelta(seconds=1))
    assert (after.days_left, after.usable) == (-1, False)


def test_foreign_key_server_certificate_and_broken_chain_show(issuing: Authority) -> None:
    identity, other = issuing.issue("x"), Authority("Other")
    assert facts(Bundle(identity.certificate, issuing.issue("y").key), NOW).key_matches is False
    assert facts(Bundle(identity.certificate, None), NOW).key_matches is None
    assert not facts(Bundle(identity.certificate, None, (other.certificate,)), NOW).chain_linked
    server = issuing.issue("x", usage=ExtendedKeyUsageOID.SERVER_AUTH)
    assert facts(Bundle(server.certificate, None), NOW).client_auth is False


def test_repr_never_shows_the_key(plant: Identity) -> None:
    assert "Private" not in repr(Bundle(plant.certificate, plant.key))


def test_key_pem_is_encrypted_unless_clear_text_is_asked_for(plant: Identity) -> None:
    locked = key_pem(plant.key, PASSPHRASE)
    assert b"ENCRYPTED PRIVATE KEY" in locked
    assert load_pem_private_key(locked, PASSPHRASE).public_key() == plant.key.public_key()
    assert b"-----BEGIN PRIVATE KEY-----" in key_pem(plant.key, None)


def test_chain_pem_starts_with_the_certificate(plant: Identity) -> None:
    found = load_pem_x509_certificates(Bundle(plant.certificate, None, plant.chain).chain_pem())
    assert found == [plant.certificate, *plant.chain]


def test_is_encrypted_looks_into_the_file(tmp_path: Path, plant: Identity) -> None:
    assert is_encrypted(plant.p12(tmp_path / "a.p12"))
    assert is_encrypted(secret(tmp_path / "b.pem", plant.key_pem(PASSPHRASE)))
    assert not is_encrypted(plant.pem(tmp_path, "c"))


def test_private_file_is_complete_owner_only_and_leaves_nothing_beside(tmp_path: Path) -> None:
    write_private(tmp_path / "key.pem", b"line\nline\n", force=False)
    assert (tmp_path / "key.pem").read_bytes() == b"line\nline\n"
    assert [each.name for each in tmp_path.iterdir()] == ["key.pem"]
    if os.name == "posix":
        assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600


def test_existing_file_is_replaced_only_by_force(tmp_path: Path) -> None:
    target = tmp_path / "key.pem"
    target.write_bytes(b"old")
    target.chmod(0o644)
    with pytest.raises(CertificateError, match="exists already") as caught:
        write_private(target, b"new", force=False)
    assert "--force" in caught.value.cure
    assert target.read_bytes() == b"old"
    write_private(target, b"new", force=True)
    assert target.read_bytes() == b"new"
    if os.name == "posix":
        assert target.stat().st_mode & 0o777 == 0o600


def test_symbolic_link_is_not_written_through(tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("links need rights on Windows")
    (tmp_path / "key.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CertificateError):
        write_private(tmp_path / "key.pem", b"new", force=False)
    write_private(tmp_path / "key.pem", b"new", force=True)
    assert not (tmp_path / "elsewhere").exists()


def test_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="nowhere"):
        write_private(tmp_path / "nowhere" / "key.pem", b"x", force=False)


def test_key_type_of_elliptic_and_edwards_curves(issuing: Authority) -> None:
    found = facts(Bundle(issuing.issue("x").certificate, None), NOW)
    assert (found.key_type, found.key_bits) == ("EC secp256r1", 256)
    key = ed25519.Ed25519PrivateKey.generate()
    builder = CertificateBuilder(name("ca"), name("ed"), key.public_key(), 1, NOW, NOW + timedelta(days=2))
    modern = facts(Bundle(builder.sign(key, None), key), NOW + timedelta(days=1))
    assert (modern.key_type, modern.key_bits, modern.key_matches) == ("Ed25519", 0, True)


def test_certificate_that_names_no_use_may_be_used_for_any(issuing: Authority) -> None:
    assert facts(Bundle(issuing.certificate, None), NOW).client_auth is None


def test_pkcs12_of_authorities_only_is_refused(tmp_path: Path, issuing: Authority) -> None:
    data = serialize_key_and_certificates(None, None, None, [issuing.certificate], NoEncryption())
    with pytest.raises(CertificateError, match="no certificate with its private key"):
        read_bundle(secret(tmp_path / "cas.p12", data), None)


def test_failed_write_leaves_neither_the_name_nor_a_part(tmp_path: Path) -> None:
    if os.name != "posix" or os.geteuid() == 0:
        folder = tmp_path / "key.pem"
        folder.mkdir()  # a folder in the way cannot be replaced, by root either
        with pytest.raises(CertificateError):
            write_private(folder, b"x", force=True)
    else:
        tmp_path.chmod(0o500)
        with pytest.raises(CertificateError):
            write_private(tmp_path / "key.pem", b"x", force=False)
        tmp_path.chmod(0o700)
    assert not [each for each in tmp_path.iterdir() if each.is_file()]


def test_the_common_name_needs_no_key(tmp_path: Path, plant: Identity) -> None:
    assert common_name(plant.p12(tmp_path / "plant.p12", PASSPHRASE), PASSPHRASE) == "plantx1"
    file = tmp_path / "plant.pem"
    file.write_bytes(Bundle(plant.certificate, None, ()).chain_pem() + b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n")
    assert common_name(file, None) == "plantx1"
    file.write_bytes(b"-----BEGIN NOTHING-----")
    with pytest.raises(CertificateError, match="no certificate"):
        common_name(file, None)
