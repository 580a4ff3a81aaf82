from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from caiso_ads.cli.run import command


def test_a_configuration_that_is_not_there_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["--config", str(tmp_path / "nothing.toml")])
    assert result.exit_code == 2
    assert "nothing.toml" in result.output
    assert "Traceback" not in result.output


def test_the_configuration_must_be_given() -> None:
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 2
    assert "--config" in result.output
