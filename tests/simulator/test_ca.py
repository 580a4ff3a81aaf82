from __future__ import annotations

import os
import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import DNSName, IPAddress, SubjectAlternativeName
from cryptography.x509.oid import NameOID

from caiso_ads.errors import CertificateError
from caiso_ads.simulator.ca import MARK, P12_PASSPHRASE, Authority, Validity, read_pair, write_private


def test_a_client_certificate_has_the_subject_pattern_of_caiso() -> None:
    subject = Authority().client("Plant Operatorx1234").certificate.subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "Plant Operatorx1234"
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "CAISO"


def test_the_server_certificate_is_for_this_machine_only() -> None:
    names = Authority().server().certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    assert names.get_values_for_type(DNSName) == ["localhost"]
    assert [str(a) for a in names.get_values_for_type(IPAddress)] == ["127.0.0.1", "::1"]


def test_an_expired_certificate_can_be_had() -> None:
    authority = Authority()
    for pair in (authority.client("x", validity=Validity.expired()), authority.server(validity=Validity.expired())):
        assert pair.certificate.not_valid_after_utc < datetime.now(UTC)


def test_the_p12_opens_with_its_passphrase_and_holds_the_chain() -> None:
    authority = Authority()
    pair = authority.client("x")
    opened = pkcs12.load_pkcs12(authority.pkcs12(pair), P12_PASSPHRASE.encode())
    assert opened.cert is not None
    assert opened.cert.certificate == pair.certificate
    assert len(opened.additional_certs) == 1


def test_an_authority_is_kept_in_its_directory(tmp_path: Path) -> None:
    first = Authority.at(tmp_path / "kit")
    again = Authority.at(tmp_path / "kit")
    assert again.certificate_pem == first.certificate_pem
    assert first.issued(again.client("x").certificate)
    assert not first.issued(Authority().client("x").certificate)
    assert (tmp_path / "kit" / "ca.pem").read_bytes().startswith(MARK)


def test_the_marked_ca_file_can_be_trusted(tmp_path: Path) -> None:
    Authority.at(tmp_path)
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    assert len(context.get_ca_certs()) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has access lists instead of modes")
def test_private_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    write_private(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"new"


def test_the_server_demands_a_client_certificate_and_tls_1_2() -> None:
    context = Authority().server_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_server_without_client_certificates_asks_for_none() -> None:
    context = Authority().server_context(client_certificate=False)
    assert context.verify_mode is ssl.CERT_NONE
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_damaged_authority_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense", encoding="utf-8")
    (tmp_path / "ca-key.pem").write_text("nonsense", encoding="utf-8")
    with pytest.raises(CertificateError, match=r"ca\.pem") as caught:
        Authority.at(tmp_path)
    assert caught.value.cure
    with pytest.raises(CertificateError, match=r"gone\.pem"):
        read_pair(tmp_path / "gone.pem", tmp_path / "ca-key.pem")
