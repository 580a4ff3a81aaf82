"""``caiso-ads cert``: bring the CAISO certificate into use, and look at it. Rule: no passphrase on the command line.

A passphrase is asked for without echo or read from the first line of a file; it is never an argument, which every
user of the machine could read.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caiso_ads.cli._errors import report_errors
from caiso_ads.errors import CertificateError

if TYPE_CHECKING:
    from caiso_ads.ads.certificates import Bundle, CertificateFacts

_FILE = click.Path(path_type=Path)
_SOON_DAYS = 60


@click.group("cert", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Import and inspect the CAISO certificate."""


@command.command("import")
@click.argument("source", metavar="PLANT.pfx", type=_FILE)
@click.option("--out", type=_FILE, default=Path(), help="Folder for the PEM files; made if missing. [default: here]")
@click.option("--passphrase-file", type=_FILE, help="File whose first line opens PLANT.pfx; asked for when not given.")
@click.option("--encrypt/--plain-key", default=True, help="Encrypt the key (default), or leave it in clear text, 0600.")
@click.option(
    "--new-passphrase-file", type=_FILE, help="Passphrase for the written key. [default: the one of PLANT.pfx]"
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@report_errors()
def import_(
    *,
    source: Path,
    out: Path,
    passphrase_file: Path | None,
    encrypt: bool,
    new_passphrase_file: Path | None,
    force: bool,
) -> None:
    """Turn PLANT.pfx (or .p12, old RC2/3DES files too) into a PEM certificate with its chain, and a PEM key."""
    from caiso_ads.ads.certificates import facts, key_pem, read_bundle, write_private
    from caiso_ads.ads.tls import read_passphrase

    opening = _passphrase(source, passphrase_file)
    bundle = read_bundle(source, opening)
    if bundle.key is None:
        raise CertificateError(f"{source}: holds no private key", cure="export it again together with its key")
    closing = read_passphrase(new_passphrase_file) if new_passphrase_file else opening
    if encrypt and not closing:
        raise CertificateError(
            f"{source}: has no passphrase to encrypt the key with", cure="give --new-passphrase-file or --plain-key"
        )
    found = facts(bundle, datetime.now(UTC))
    if not found.key_matches:
        raise CertificateError(f"{source}: the key belongs to another certificate", cure="export it again")
    certificate, key = out / f"{source.stem}.crt.pem", out / f"{source.stem}.key.pem"
    _make_folder(out)
    if not force:
        _refuse_existing(certificate, key)
    write_private(key, key_pem(bundle.key, closing if encrypt else None), force=force)
    write_private(certificate, bundle.chain_pem(), force=force)
    _say_facts(found)
    click.echo("\n[ads]")
    click.echo(f"certificate = {_toml(certificate)}\nkey = {_toml(key)}")
    if encrypt:
        file = new_passphrase_file or passphrase_file
        click.echo(f"passphrase_file = {_toml(file) if file else '# a file, mode 0600, with the passphrase just used'}")


@command.command("show")
@click.argument("file", type=_FILE)
@click.option("--key", type=_FILE, help="The private key, when it stands in a file of its own.")
@click.option("--passphrase-file", type=_FILE, help="File whose first line is the passphrase; asked for when needed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@report_errors()
def show(*, file: Path, key: Path | None, passphrase_file: Path | None, as_json: bool) -> None:
    """Show subject, issuer, days left, key size, match and chain. Exit code 1 when it cannot be used now."""
    from caiso_ads.ads.certificates import facts
    from caiso_ads.core.plain import plain, to_json

    found = facts(_open(file, key, passphrase_file), datetime.now(UTC))
    if as_json:
        click.echo(to_json({**plain(found), "usable": found.usable}))
    else:
        _say_facts(found)
    if not found.usable:
        raise click.exceptions.Exit(1)


def _open(file: Path, key: Path | None, passphrase_file: Path | None) -> Bundle:
    from caiso_ads.ads.certificates import is_encrypted, read_bundle

    passphrase = _passphrase(key or file, passphrase_file) if is_encrypted(key or file) else None
    return read_bundle(file, passphrase, key=key)


def _passphrase(source: Path, file: Path | None) -> bytes | None:
    from caiso_ads.ads.tls import read_passphrase

    if file:
        return read_passphrase(file)
    asked: str = click.prompt(f"Passphrase of {source.name}", hide_input=True, default="", show_default=False, err=True)
    return asked.encode() or None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CertificateError(f"{folder}: {error.strerror}", cure="choose another --out") from error


def _refuse_existing(*files: Path) -> None:
    """Look at all names before the first is written, so that a refusal leaves nothing behind."""
    for file in files:
        if file.exists():
            raise CertificateError(f"{file}: exists already", cure="choose another --out, or replace with --force")


def _toml(path: Path) -> str:
    return json.dumps(str(path.absolute()), ensure_ascii=False)  # a TOML basic string has JSON's escapes


def _say_facts(found: CertificateFacts) -> None:
    rows = [
        ("subject", found.subject),
        ("issuer", found.issuer),
        ("serial", found.serial),
        ("valid", f"{found.valid_from:%Y-%m-%d %H:%M} to {found.valid_until:%Y-%m-%d %H:%M} UTC"),
        ("days left", _days(found)),
        ("key", f"{found.key_type} {found.key_bits} bits" if found.key_bits else found.key_type),
        (
            "key match",
            {True: "yes", False: "NO: this key belongs to another certificate", None: "no key given"}[
                found.key_matches
            ],
        ),
        ("client use", {True: "yes", False: "NO: not made for clients", None: "not restricted"}[found.client_auth]),
    ]
    rows += [("chain", each) for each in found.chain] or [("chain", "none in this file")]
    if not found.chain_linked:
        rows.append(("chain", "NOT LINKED: a certificate is not signed by another one of this file"))
    for name, text in rows:
        click.echo(f"{name:<11} {text}")


def _days(found: CertificateFacts) -> str:
    if found.days_left < 0:
        return f"EXPIRED {-found.days_left} day(s) ago"
    if not found.in_date:
        return "NOT YET VALID"
    return f"{found.days_left}" + (": renew it soon" if found.days_left < _SOON_DAYS else "")
