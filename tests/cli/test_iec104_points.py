from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from caiso_ads.cli._iec104_points import iec104_list
from caiso_ads.errors import ConfigError
from caiso_ads.sinks.iec104.plan import Plan


@pytest.mark.parametrize("form", ["table", "csv", "md", "json"])
def test_every_form_lists_every_object(form: str) -> None:
    text = iec104_list(None, form)
    entries = list(Plan(("EXAMPLE_1_UNIT", "EXAMPLE_2_UNIT"), ("EXAMPLE_NODE",)).entries())
    if form == "json":
        found = [(str(one["address"]), one["type"], one["key"]) for one in json.loads(text)["points"]]
    elif form == "csv":
        found = [(one["address"], one["type"], one["key"]) for one in csv.DictReader(io.StringIO(text))]
    else:
        assert all(entry.key in text for entry in entries)
        return
    assert found == [(str(entry.number), entry.type, entry.key) for entry in entries]


@pytest.mark.parametrize("path", ["nothing.toml"])
def test_a_configuration_that_is_not_there_is_named(path: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=path):
        iec104_list(tmp_path / path, "table")
