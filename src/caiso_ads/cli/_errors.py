"""How a command tells an error: one line, the cure below it, an exit code. Rule: no traceback for what we raise on purpose.

Exit codes: 0 done, 1 the other side (``RemoteError``), 2 our side (``LocalError``; click uses 2 for wrong usage too).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from caiso_ads.errors import CaisoAdsError, LocalError

EXIT_REMOTE = 1
EXIT_LOCAL = 2
_LONGEST = 600


def one_line(text: str) -> str:
    """Return text as one printable line: a server's words must neither break the line nor steer the terminal."""
    spaced = " ".join(text.split())
    line = "".join(sign if sign.isprintable() else "?" for sign in spaced)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def exit_code(error: CaisoAdsError) -> int:
    """Return 2 for an error on our side, else 1."""
    return EXIT_LOCAL if isinstance(error, LocalError) else EXIT_REMOTE


@contextmanager
def report_errors() -> Iterator[None]:
    """Print our errors on standard error and end the command; a context manager and a decorator.

    As a decorator (with parentheses) it stands below click's own decorators. Raises ``click.exceptions.Exit``.
    """
    try:
        yield
    except CaisoAdsError as error:
        click.echo(f"error: {one_line(str(error))}", err=True)
        if error.cure:
            click.echo(f"  cure: {one_line(error.cure)}", err=True)
        raise click.exceptions.Exit(exit_code(error)) from error
