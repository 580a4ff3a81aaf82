from __future__ import annotations

import csv
import io
import json

import pytest

from caiso_ads.cli._dnp3_points import dnp3_list
from caiso_ads.sinks.dnp3.plan import Plan


@pytest.mark.parametrize("form", ["table", "csv", "md", "json"])
def test_every_form_lists_every_point(form: str) -> None:
    text = dnp3_list(None, form)
    entries = list(Plan(("EXAMPLE_1_UNIT", "EXAMPLE_2_UNIT"), ("EXAMPLE_NODE",)).entries())
    if form == "json":
        found = [(one["type"], str(one["index"]), one["key"]) for one in json.loads(text)["points"]]
    elif form == "csv":
        found = [(one["type"], one["index"], one["key"]) for one in csv.DictReader(io.StringIO(text))]
    else:
        assert all(entry.key in text for entry in entries)
        return
    assert found == [(entry.type, str(entry.number), entry.key) for entry in entries]
