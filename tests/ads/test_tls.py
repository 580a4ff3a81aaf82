"""The context towards the ISO: what it checks, which key files it takes, which it refuses and how it says so."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from caiso_ads.ads import tls
from caiso_ads.ads.tls import client_context, read_passphrase
from caiso_ads.errors import CertificateError
from tests.ads.pki import PASSPHRASE, Authority, Identity, secret, triple_des

posix_only = pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")


@pytest.fixture(scope="module")
def ca() -> Authority:
    return Authority("Test Root")


@pytest.fixture(scope="module")
def plant(ca: Authority) -> Identity:
    return Authority("Test Issuing", parent=ca).issue("plantx1")


@pytest.fixture
def ca_file(tmp_path: Path, ca: Authority) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(ca.pem)
    return path


@pytest.fixture
def passphrase_file(tmp_path: Path) -> Path:
    return secret(tmp_path / "passphrase", PASSPHRASE + b"\r\nsecond line\n")


def test_every_check_is_on_and_tls_is_at_least_1_2(tmp_path: Path, ca_file: Path, plant: Identity) -> None:
    context = client_context(ca_file=ca_file, certificate=plant.pem(tmp_path, "plant"))
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.keylog_filename is None


def test_only_the_authorities_of_ca_file_are_trusted(
    tmp_path: Path, ca_file: Path, ca: Authority, plant: Identity
) -> None:
    context = client_context(ca_file=ca_file, certificate=plant.pem(tmp_path, "plant"))
    (trusted,) = context.get_ca_certs(binary_form=True)
    assert ssl.DER_cert_to_PEM_cert(trusted).strip() == ca.pem.decode().strip()


def test_an_authority_without_key_identifier_drops_the_strict_form_checks_and_nothing_else(
    tmp_path: Path, plant: Identity
) -> None:
    old = tmp_path / "old-ca.pem"
    old.write_bytes(Authority("Old Root", key_identifiers=False).pem)
    context = client_context(ca_file=old, certificate=plant.pem(tmp_path, "plant"))
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_the_function_has_no_parameter_that_could_switch_verification_off() -> None:
    import inspect

    names = set(inspect.signature(client_context).parameters)
    assert names == {"ca_file", "certificate", "key", "passphrase_file"}


def test_pem_with_separate_encrypted_key(tmp_path: Path, ca_file: Path, plant: Identity, passphrase_file: Path) -> None:
    certificate = tmp_path / "plant.crt"
    certificate.write_bytes(plant.certificate_pem())
    key = secret(tmp_path / "plant.key", plant.key_pem(PASSPHRASE))
    client_context(ca_file=ca_file, certificate=certificate, key=key, passphrase_file=passphrase_file)


@pytest.mark.parametrize("suffix", [".p12", ".pfx", ".PFX"])
def test_pkcs12_is_loaded_directly(
    tmp_path: Path, ca_file: Path, plant: Identity, passphrase_file: Path, suffix: str
) -> None:
    file = plant.p12(tmp_path / f"plant{suffix}")
    client_context(ca_file=ca_file, certificate=file, passphrase_file=passphrase_file)


def test_legacy_3des_pkcs12_is_loaded(tmp_path: Path, ca_file: Path, plant: Identity, passphrase_file: Path) -> None:
    file = plant.p12(tmp_path / "old.pfx", encryption=triple_des())
    client_context(ca_file=ca_file, certificate=file, passphrase_file=passphrase_file)


def test_pkcs12_without_passphrase_is_loaded(tmp_path: Path, ca_file: Path, plant: Identity) -> None:
    client_context(ca_file=ca_file, certificate=plant.p12(tmp_path / "open.p12", None))


def test_wrong_passphrase_of_pkcs12_names_both_causes_and_not_the_passphrase(
    tmp_path: Path, ca_file: Path, plant: Identity
) -> None:
    wrong = secret(tmp_path / "wrong", b"wrong-canary")
    with pytest.raises(CertificateError, match=r"passphrase is wrong.*RC2") as caught:
        client_context(ca_file=ca_file, certificate=plant.p12(tmp_path / "plant.p12"), passphrase_file=wrong)
    assert "wrong-canary" not in f"{caught.value} {caught.value!r} {caught.value.cure}"
    assert caught.value.cure


def test_wrong_passphrase_of_pem_names_the_file(tmp_path: Path, ca_file: Path, plant: Identity) -> None:
    file = secret(tmp_path / "plant.pem", plant.certificate_pem() + plant.key_pem(PASSPHRASE))
    wrong = secret(tmp_path / "wrong", b"wrong-canary")
    with pytest.raises(CertificateError, match=r"plant\.pem: the passphrase does not open the key"):
        client_context(ca_file=ca_file, certificate=file, passphrase_file=wrong)


def test_encrypted_key_without_passphrase_is_an_error_and_never_a_prompt(
    tmp_path: Path, ca_file: Path, plant: Identity
) -> None:
    file = secret(tmp_path / "plant.pem", plant.certificate_pem() + plant.key_pem(PASSPHRASE))
    with pytest.raises(CertificateError, match="the key is encrypted") as caught:
        client_context(ca_file=ca_file, certificate=file)
    assert "passphrase_file" in caught.value.cure


def test_key_of_another_certificate_is_refused(tmp_path: Path, ca: Authority, ca_file: Path, plant: Identity) -> None:
    certificate = tmp_path / "plant.crt"
    certificate.write_bytes(plant.certificate_pem())
    key = secret(tmp_path / "other.key", ca.issue("other").key_pem())
    with pytest.raises(CertificateError, match=r"other\.key: the key belongs to another certificate"):
        client_context(ca_file=ca_file, certificate=certificate, key=key)


def test_key_beside_a_pkcs12_is_refused(tmp_path: Path, ca_file: Path, plant: Identity) -> None:
    key = secret(tmp_path / "plant.key", plant.key_pem())
    with pytest.raises(CertificateError, match="holds its own key"):
        client_context(ca_file=ca_file, certificate=plant.p12(tmp_path / "plant.p12", None), key=key)


@posix_only
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_key_that_others_may_use_is_refused_with_file_and_mode(
    tmp_path: Path, ca_file: Path, plant: Identity, mode: int
) -> None:
    file = plant.pem(tmp_path, "plant")
    file.chmod(mode)
    with pytest.raises(CertificateError, match=rf"plant\.pem: secret, but mode {mode:04o}") as caught:
        client_context(ca_file=ca_file, certificate=file)
    assert caught.value.cure == f"chmod 600 {file}"


@posix_only
def test_passphrase_file_that_others_may_read_is_refused(passphrase_file: Path) -> None:
    passphrase_file.chmod(0o644)
    with pytest.raises(CertificateError, match="mode 0644"):
        read_passphrase(passphrase_file)


def test_certificate_without_key_may_be_public(tmp_path: Path, ca_file: Path, plant: Identity) -> None:
    certificate = tmp_path / "plant.crt"
    certificate.write_bytes(plant.certificate_pem())
    certificate.chmod(0o644)
    client_context(ca_file=ca_file, certificate=certificate, key=secret(tmp_path / "k", plant.key_pem()))


def test_passphrase_is_the_first_line(passphrase_file: Path) -> None:
    assert read_passphrase(passphrase_file) == PASSPHRASE


def test_empty_passphrase_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="first line is empty"):
        read_passphrase(secret(tmp_path / "empty", b""))


@pytest.mark.parametrize("missing", ["ca_file", "certificate", "passphrase_file"])
def test_missing_file_is_named(
    tmp_path: Path, ca_file: Path, plant: Identity, passphrase_file: Path, missing: str
) -> None:
    files = {"ca_file": ca_file, "certificate": plant.pem(tmp_path, "plant"), "passphrase_file": passphrase_file}
    with pytest.raises(CertificateError, match="nowhere"):
        client_context(**{**files, missing: tmp_path / "nowhere"})


def test_ca_file_without_certificates_is_named(tmp_path: Path, plant: Identity) -> None:
    bad = tmp_path / "ca.pem"
    bad.write_text("<html>login</html>")
    with pytest.raises(CertificateError, match=r"ca\.pem: no authority certificates"):
        client_context(ca_file=bad, certificate=plant.pem(tmp_path, "plant"))


def test_certificate_file_of_something_else_is_named(tmp_path: Path, ca_file: Path) -> None:
    with pytest.raises(CertificateError, match=r"plant\.pem: no certificate and private key in PEM form"):
        client_context(ca_file=ca_file, certificate=secret(tmp_path / "plant.pem", b"garbage"))


NO_PROC = Path("/nowhere")


@pytest.mark.parametrize("memory_files", [tls._MEMORY_FILES, NO_PROC], ids=["memory", "temporary file"])
def test_the_key_of_a_pkcs12_stands_nowhere_in_clear_text_and_is_gone_afterwards(
    plant: Identity, memory_files: Path
) -> None:
    from caiso_ads.ads.certificates import key_pem

    with tls._private_path(key_pem(plant.key, b"once"), memory_files) as path:
        content = Path(path).read_bytes()
        in_folder = Path(path).parent == Path(tempfile.gettempdir())
        shared = os.name == "posix" and in_folder and Path(path).stat().st_mode & 0o077
    assert b"ENCRYPTED PRIVATE KEY" in content
    assert in_folder is (memory_files == NO_PROC or sys.platform != "linux")
    assert not shared
    assert not Path(path).exists()


def test_temporary_key_file_is_removed_when_loading_fails() -> None:
    held: list[str] = []

    def load() -> None:
        with tls._private_path(b"content", NO_PROC) as path:
            held.append(path)
            raise ssl.SSLError

    with pytest.raises(ssl.SSLError):
        load()
    assert not Path(held[0]).exists()


def test_pem_does_not_import_cryptography(tmp_path: Path, ca_file: Path, plant: Identity) -> None:
    program = (
        "import sys; from pathlib import Path; from caiso_ads.ads.tls import client_context;"
        f"client_context(ca_file=Path({str(ca_file)!r}), certificate=Path({str(plant.pem(tmp_path, 'p'))!r}));"
        "sys.exit('cryptography' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_pkcs12_without_key_or_with_a_foreign_key_is_refused(
    tmp_path: Path, ca: Authority, ca_file: Path, plant: Identity
) -> None:
    alone = serialize_key_and_certificates(None, None, plant.certificate, None, NoEncryption())
    with pytest.raises(CertificateError, match="no certificate with its private key"):
        client_context(ca_file=ca_file, certificate=secret(tmp_path / "alone.p12", alone))
    misnamed = secret(tmp_path / "misnamed.p12", plant.certificate_pem())
    with pytest.raises(CertificateError, match="holds no private key"):
        client_context(ca_file=ca_file, certificate=misnamed)
    mixed = _mixed(plant, ca.issue("other"))
    with pytest.raises(CertificateError, match="belongs to another certificate"):
        client_context(ca_file=ca_file, certificate=secret(tmp_path / "mixed.p12", mixed))


def _mixed(one: Identity, other: Identity) -> bytes:
    return one.certificate_pem() + other.key_pem()


def test_missing_certificate_beside_a_good_key_is_named(tmp_path: Path, ca_file: Path, plant: Identity) -> None:
    key = secret(tmp_path / "plant.key", plant.key_pem())
    with pytest.raises(CertificateError, match=r"nowhere\.crt"):
        client_context(ca_file=ca_file, certificate=tmp_path / "nowhere.crt", key=key)


def test_without_ca_file_the_machines_own_list_is_used_and_every_check_stays(tmp_path: Path, plant: Identity) -> None:
    context = client_context(ca_file=None, certificate=plant.pem(tmp_path, "plant"))
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
