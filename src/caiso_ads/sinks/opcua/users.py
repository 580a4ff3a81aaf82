"""Who may read by OPC UA: a file of names with scrypt hashes, one a line. Rule: a password is never kept or logged.

A line is ``name:scrypt$salt$hash`` with both in hexadecimal; ``#`` begins a comment.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from caiso_ads.errors import ConfigError

SHORTEST = 12
_N, _R, _P = 1 << 14, 8, 1
_KIND = "scrypt"
_LONGEST = 256  # what is longer is no password, and hashing it would only cost time


def hashed(password: str, salt: bytes | None = None) -> str:
    """Return ``scrypt$salt$hash`` of a password, with a fresh salt by default."""
    salt = secrets.token_bytes(16) if salt is None else salt
    return f"{_KIND}${salt.hex()}${_hash(password, salt).hex()}"


def matches(password: str, kept: str) -> bool:
    """Whether a password is the one whose hash was kept; takes the same time for any."""
    if len(password) > _LONGEST:
        return False
    _, salt, digest = kept.split("$")
    return hmac.compare_digest(_hash(password, bytes.fromhex(salt)), bytes.fromhex(digest))


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "replace"), salt=salt, n=_N, r=_R, p=_P)


def read_users(path: Path) -> dict[str, str]:
    """Return name to hash. Raises ConfigError naming file and line, never what stands there."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(f"{path} cannot be read: {error}") from error
    users: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, _, kept = text.partition(":")
        if not _is_name(name) or not _is_hash(kept):
            raise _wrong(f"{path} line {number} is not a name with a hash")
        if name in users:
            raise _wrong(f"{path} line {number}: the name stands twice")
        users[name] = kept
    return users


def add_user(path: Path, name: str, password: str) -> None:
    """Write a user into the file (mode 0600), in place of one of that name. ConfigError for a weak or wrong one."""
    if not _is_name(name):
        raise _wrong(f"{name!r} cannot be a user name", cure="use letters, digits, and . _ @ -")
    if not SHORTEST <= len(password) <= _LONGEST:
        raise _wrong("the password is too short or too long", cure=f"use {SHORTEST} to {_LONGEST} characters")
    users = read_users(path) if path.exists() else {}
    users[name] = hashed(password)
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{one}:{kept}\n" for one, kept in users.items())
    part.replace(path)


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 64 and name.isascii() and all(sign.isalnum() or sign in "._@-" for sign in name)


def _is_hash(kept: str) -> bool:
    parts = kept.split("$")
    try:
        return parts[0] == _KIND and [len(bytes.fromhex(part)) for part in parts[1:]] == [16, 64]
    except ValueError:
        return False


def _wrong(problem: str, cure: str = "make it with: caiso-ads opcua add-user") -> ConfigError:
    return ConfigError(problem, table="sinks.opcua", key="users_file", cure=cure)
