from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from caiso_ads.simulator.kit_login import APPLICATION_URI, write_login
from caiso_ads.sinks.opcua.users import SHORTEST


def test_the_password_is_random_long_enough_and_kept(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first = write_login(tmp_path)
    assert len(first.password()) >= SHORTEST
    assert write_login(tmp_path / "other").password() != first.password()
    assert write_login(tmp_path).password() == first.password()


@pytest.mark.skipif(os.name == "nt", reason="Windows has access lists instead of modes")
def test_password_and_key_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    login = write_login(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (login.password_file, login.key)}
    assert set(modes.values()) == {0o600}


def test_an_empty_password_file_left_by_an_interrupted_start_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "opcua-password").touch()
    assert write_login(tmp_path).password()


def test_the_certificate_is_the_keys_names_the_client_and_is_kept(tmp_path: Path) -> None:
    login = write_login(tmp_path)
    before = login.certificate.read_bytes()
    made = x509.load_der_x509_certificate(before)
    key = serialization.load_pem_private_key(login.key.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert made.public_key() == key.public_key()
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [APPLICATION_URI]
    assert write_login(tmp_path).certificate.read_bytes() == before
    login.key.unlink()
    assert write_login(tmp_path).certificate.read_bytes() != before
