"""``caiso-ads api`` prints the OpenAPI document, or the page with every route of the table."""

from __future__ import annotations

import json

from click.testing import CliRunner

from caiso_ads.cli import main
from caiso_ads.web.api.openapi import described
from caiso_ads.web.routes import all_routes


def test_it_prints_the_description_of_the_api() -> None:
    done = CliRunner().invoke(main, ["api"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == json.loads(json.dumps(described(all_routes())))


def test_the_page_has_a_line_for_every_route() -> None:
    done = CliRunner().invoke(main, ["api", "--document"])
    lines = [line for line in done.stdout.splitlines() if line.startswith(("| GET", "| POST", "| DELETE"))]
    assert len(lines) == len(all_routes())
    assert any("| POST | `/api/v1/overrides` | operator |" in line for line in lines)
