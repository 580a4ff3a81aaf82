"""``caiso-ads users``: who may use the page, also while the gateway runs. Rule: no password and no token on the command line.

The same file is changed as by the page, under its lock; a running gateway follows within a second and tells the evidence
who did it. Nothing of the page is imported but that file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caiso_ads.cli._errors import one_line, report_errors

if TYPE_CHECKING:  # these wait until the command runs
    from caiso_ads.web.access.book import Book
    from caiso_ads.web.access.keeper import Keeper
    from caiso_ads.web.access.people import Role

_ROLES = ("viewer", "operator", "admin", "auditor")
_config = click.option(
    "--config", "config_path", type=click.Path(path_type=Path), default=Path("gateway.toml"), show_default=True,
    help="Configuration of the gateway.",
)  # fmt: skip
_password = click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    help="File whose first line is the password; asked for if not given.",
)
_role = click.option(
    "--role", "roles", type=click.Choice(_ROLES), multiple=True, required=True, help="A role; repeat it for several."
)


@click.group("users", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Say who may use the page, and what."""


@command.command("list")
@_config
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@report_errors()
def list_users(config_path: Path, *, as_json: bool) -> None:
    """Show every user and the roles."""
    book = _keeper(config_path).read()
    if as_json:
        rows = [
            {
                "name": u.name,
                "roles": [*u.roles],
                "made_at": u.made_at.isoformat(),
                "changed_at": u.changed_at.isoformat(),
            }
            for u in book.users
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for user in book.users:
        click.echo(f"{user.name}: {', '.join(user.roles)}; changed {user.changed_at:%Y-%m-%d %H:%M} UTC")
    for one in book.tokens:
        click.echo(
            f"token {one.name}: {', '.join(one.roles)}; until {one.expires_at:%Y-%m-%d}, by {one_line(one.made_by)}"
        )
    if not book.users:
        click.echo("No users yet: caiso-ads users setup-token, or caiso-ads users add.")


@command.command("add")
@click.argument("name")
@_role
@_password
@_config
@report_errors()
def add(*, name: str, roles: tuple[str, ...], password_file: Path | None, config_path: Path) -> None:
    """Make the user NAME; the password is asked for without echo."""
    from caiso_ads.web.access import book as books

    books.checked_name(name)
    keeper, kept = _keeper(config_path), _hash(name, password_file)
    text = f"made the user {name}, {', '.join(sorted(set(roles)))}"
    _change(keeper, text, lambda book, now: books.with_user(book, name, kept, _as_roles(roles), now))
    keeper.remove_setup()


@command.command("password")
@click.argument("name")
@_password
@_config
@report_errors()
def password(*, name: str, password_file: Path | None, config_path: Path) -> None:
    """Give NAME another password; the sessions of NAME end."""
    from caiso_ads.web.access import book as books

    keeper = _keeper(config_path)
    known = keeper.read().existing(name).name
    kept = _hash(known, password_file)
    _change(keeper, f"changed the password of {known}", lambda book, now: books.with_password(book, known, kept, now))


@command.command("roles")
@click.argument("name")
@_role
@_config
@report_errors()
def set_roles(*, name: str, roles: tuple[str, ...], config_path: Path) -> None:
    """Give NAME these roles and no others; the sessions of NAME end."""
    from caiso_ads.web.access import book as books

    keeper = _keeper(config_path)
    old = keeper.read().existing(name)
    text = f"changed the roles of {old.name} from {', '.join(old.roles)} to {', '.join(sorted(set(roles)))}"
    _change(keeper, text, lambda book, now: books.with_roles(book, old.name, _as_roles(roles), now))


@command.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask back.")
@_config
@report_errors()
def remove(*, name: str, config_path: Path, yes: bool) -> None:
    """Remove NAME; the sessions of NAME end."""
    from caiso_ads.web.access import book as books

    keeper = _keeper(config_path)
    known = keeper.read().existing(name).name
    if not yes and not click.confirm(f"Remove the user {known}?", err=True):
        raise click.exceptions.Abort
    _change(keeper, f"removed the user {known}", lambda book, _: books.without_user(book, known))


@command.command("setup-token")
@_config
@report_errors()
def setup_token(*, config_path: Path) -> None:
    """Write a new one-time token for the first user; it holds for an hour, and any older one ends."""
    from caiso_ads.errors import CommandError
    from caiso_ads.web.access.setup import offer_setup

    keeper = _keeper(config_path)
    if not offer_setup(keeper, _now()):
        raise CommandError("there are users already", cure="an admin makes further ones, or: caiso-ads users add")
    click.echo(f"The token is in {keeper.setup_path}, for an hour. Give it on the page once.")


@command.command("token")
@click.argument("name")
@_role
@click.option("--days", type=click.IntRange(1, 366), default=90, show_default=True, help="Days until it expires.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="New file, for its owner only, to write it to."
)
@_config
@report_errors()
def token(*, name: str, roles: tuple[str, ...], days: int, out: Path, config_path: Path) -> None:
    """Make the token NAME for a script, and write it to a file; it is shown nowhere."""
    from caiso_ads.ads.certificates import write_private
    from caiso_ads.loop.commands import whoami
    from caiso_ads.web.access import book as books

    keeper = _keeper(config_path)
    made, secret = books.new_token(name, _as_roles(roles), days, whoami(), _now())
    books.with_token(keeper.read(), made)  # refused before a file is written
    write_private(out, f"{secret}\n".encode(), force=False)
    text = f"made the token {name}, {', '.join(sorted(set(roles)))}, until {made.expires_at:%Y-%m-%d}"
    _change(keeper, text, lambda book, _: books.with_token(book, made))


@command.command("revoke")
@click.argument("name")
@_config
@report_errors()
def revoke(*, name: str, config_path: Path) -> None:
    """Revoke the token NAME of a script."""
    from caiso_ads.web.access import book as books

    keeper = _keeper(config_path)
    number = next((one.id for one in keeper.read().tokens if one.name.lower() == name.lower()), "")
    _change(keeper, f"revoked the token {name}", lambda book, _: books.without_token(book, number))


@command.command("matrix")
def show_matrix() -> None:
    """Print which role may use which route, as Markdown."""
    from caiso_ads.web.access.matrix import page
    from caiso_ads.web.routes import all_routes

    click.echo(page(all_routes()), nl=False)


def _keeper(config_path: Path) -> Keeper:
    from caiso_ads.config import load_config
    from caiso_ads.web.access.keeper import Keeper, folder_of

    return Keeper(folder_of(load_config(config_path).store.path))


def _hash(name: str, file: Path | None) -> str:
    from caiso_ads.ads.tls import read_passphrase
    from caiso_ads.web.access.passwords import checked_password, hashed

    if file is not None:
        given = read_passphrase(file).decode("utf-8", "replace")
    else:
        given = click.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True)
    return hashed(checked_password(name, given))


def _change(keeper: Keeper, text: str, work: Callable[[Book, datetime], Book]) -> None:
    """Change the file, with a line for the evidence that the next look of the gateway takes over."""
    from msgspec.structs import replace

    from caiso_ads.loop.commands import whoami
    from caiso_ads.web.access.book import Change

    now = _now()
    said = Change(at=now, who=whoami(), text=f"{text}, by the command line")

    def changed(book: Book) -> Book:
        done = work(book, now)
        return replace(done, untold=(*done.untold, said))

    keeper.change(changed)
    click.echo(one_line(f"{text}; a running gateway follows within a second"))


def _as_roles(names: tuple[str, ...]) -> list[Role]:
    from caiso_ads.web.access.people import Role

    return [Role(name) for name in names]


def _now() -> datetime:
    from caiso_ads.ports import SystemClock

    return SystemClock().now().wall
