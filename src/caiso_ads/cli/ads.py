"""``caiso-ads ads``: ask the ISO directly, as the gateway does. Rule: it only reads; it never validates or answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from caiso_ads.cli._errors import report_errors

if TYPE_CHECKING:
    from caiso_ads.ads.client import AdsClient
    from caiso_ads.ports import Receipt

_T = TypeVar("_T")
_Function = TypeVar("_Function", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path)
_OPTIONS = (
    click.option("--config", type=_FILE, help="Configuration file; its [ads] table says whom to ask and who we are."),
    click.option("--url", help="Address of the dispatch service, https only."),
    click.option("--certificate", type=_FILE, help="Our certificate: PEM or .p12/.pfx."),
    click.option("--key", type=_FILE, help="Our key, when it stands in a file of its own."),
    click.option("--passphrase-file", type=_FILE, help="File whose first line is the passphrase of the key."),
    click.option("--ca-file", type=_FILE, help="Authorities that may sign the server. [default: the machine's]"),
)
_FORMATS = (
    click.option("--json", "form", flag_value="json", help="Print JSON: names with units, times in UTC."),
    click.option("--xml", "form", flag_value="xml", help="Print the document as received, unpacked."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whom to ask, and with which certificate; what a configuration gives, or the options, which win."""

    url: str
    certificate: Path
    version: str | None = None
    key: Path | None = None
    passphrase_file: Path | None = None
    ca_file: Path | None = None


def _target_options(function: _Function) -> _Function:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def _formats(function: _Function) -> _Function:
    for option in reversed(_FORMATS):
        function = option(function)
    return function


@click.group("ads", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Ask the ISO's ADS directly. Reads only: nothing is acknowledged, accepted or declined.

    \b
    caiso-ads ads list --config gateway.toml
    caiso-ads ads get UID --url https://… --certificate plant.pfx --passphrase-file secret --ca-file ca.pem
    """


@command.command("list")
@click.option("--since", metavar="UID", default="-1", show_default=True, help="Batches after this one; -1: 24 hours.")
@_target_options
@_formats
@report_errors()
def list_(since: str, form: str | None, **options: Any) -> None:
    """List dispatch batches: headers, in the ISO's order."""
    from caiso_ads.cli._ads_tables import show_headers

    receipt = _call(options, lambda ads: ads.list_since(since))
    _print(receipt, form, show_headers)


@command.command("get")
@click.argument("uid")
@_target_options
@_formats
@report_errors()
def get(uid: str, form: str | None, **options: Any) -> None:
    """Show one dispatch batch with the instructions this certificate may see."""
    from caiso_ads.cli._ads_tables import show_batch

    receipt = _call(options, lambda ads: ads.fetch_batch(uid))
    _print(receipt, form, show_batch)


@command.command("trajectory")
@click.option("--since", metavar="UID", default="-1", show_default=True, help="Batches after this one; -1: 24 hours.")
@_target_options
@_formats
@report_errors()
def trajectory(since: str, form: str | None, **options: Any) -> None:
    """Show trajectories: dispatch operating points and compliance."""
    from caiso_ads.cli._ads_tables import show_trajectories

    receipt = _call(options, lambda ads: ads.fetch_trajectories(since))
    _print(receipt, form, show_trajectories)


@command.command("status")
@click.argument("uid")
@_target_options
@_formats
@report_errors()
def status(uid: str, form: str | None, **options: Any) -> None:
    """Show the status and revision of one batch (its header)."""
    from caiso_ads.cli._ads_tables import show_status

    receipt = _call(options, lambda ads: ads.fetch_header(uid))
    _print(receipt, form, show_status)


def _call(options: Mapping[str, Any], ask: Callable[[AdsClient], Coroutine[Any, Any, _T]]) -> _T:
    from caiso_ads.ads.client import AdsClient
    from caiso_ads.ads.tls import client_context

    target = _target(options)
    context = client_context(
        ca_file=target.ca_file,
        certificate=target.certificate,
        key=target.key,
        passphrase_file=target.passphrase_file,
    )

    async def run() -> _T:
        async with AdsClient(target.url, ssl_context=context, version=target.version) as ads:
            return await ask(ads)

    return asyncio.run(run())


def _target(options: Mapping[str, Any]) -> Target:
    chosen: dict[str, Any] = {}
    if options["config"]:
        from caiso_ads.config import load_config

        ads = load_config(options["config"]).ads
        chosen = {name: getattr(ads, name) for name in Target.__dataclass_fields__}
    given = {name: value for name, value in options.items() if name != "config" and value is not None}
    if given.get("certificate") and "key" not in given:
        chosen.pop("key", None)  # the configured key belongs to the configured certificate
    if given.get("url"):
        chosen.pop("version", None)
    chosen |= given
    missing = [f"--{name}" for name in ("url", "certificate") if not chosen.get(name)]
    if missing:
        raise click.UsageError(f"give --config FILE, or {' and '.join(missing)}")
    return Target(**chosen)


def _print(receipt: Receipt[Any], form: str | None, show: Callable[[Any], None]) -> None:
    """Print a receipt; raises the WireError of content that cannot be read, except for ``--xml``, which needs none."""
    from caiso_ads.core.plain import to_json
    from caiso_ads.errors import WireError
    from caiso_ads.wire.packing import unpack

    if form == "xml":
        click.echo(unpack(receipt.payload.decode()))
        return
    if isinstance(receipt.content, WireError):
        raise receipt.content
    if form == "json":
        click.echo(to_json(receipt.content))
    else:
        show(receipt.content)
