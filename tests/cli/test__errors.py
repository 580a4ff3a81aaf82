"""One line, one cure, the right exit code, and nothing a server wrote steers the terminal."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner, Result

from caiso_ads.cli._errors import one_line, report_errors
from caiso_ads.errors import CaisoAdsError, ConfigError, SoapFaultError, UnreachableError


def run(error: Exception) -> Result:
    @click.command()
    @report_errors()
    def failing() -> None:
        raise error

    return CliRunner().invoke(failing)


@pytest.mark.parametrize(
    ("error", "code"),
    [(UnreachableError("down"), 1), (SoapFaultError("Server", "no"), 1), (ConfigError("bad", key="url"), 2)],
)
def test_exit_code_tells_whose_side_it_is(error: CaisoAdsError, code: int) -> None:
    assert run(error).exit_code == code


def test_error_and_cure_are_one_line_each_on_standard_error() -> None:
    result = run(ConfigError("is missing", file="gateway.toml", table="ads", key="url", cure="add url"))
    assert result.stderr == "error: gateway.toml [ads] url: is missing\n  cure: add url\n"
    assert result.stdout == ""


def test_text_of_a_server_cannot_break_the_line_or_steer_the_terminal() -> None:
    text = one_line("a\nb\x1b[31mred\x07" + "x" * 5000)
    assert text.startswith("a b?[31mred?x")
    assert len(text) == 600


def test_other_errors_are_not_hidden() -> None:
    assert isinstance(run(ZeroDivisionError()).exception, ZeroDivisionError)
