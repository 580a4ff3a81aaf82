"""The test pattern as a process of its own: read by another program's master, and never two of them at once."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.processes import caiso_ads, free_port, stop, wait_for

CONFIG = """
[ads]
url = "https://adsws.prod.caiso.com/ADS/APIWebService/v8"
certificate = "plant.p12"
[store]
path = "data/ads.sqlite"
[[resource]]
id = "NORTH_1_UNIT"
pmin_mw = 0.0
pmax_mw = 100.0
[sinks.modbus]
port = %d
custom_map = "map.csv"
"""
MAP = "point,resource,table,address,type,scale\nsetpoint_mw,NORTH_1_UNIT,holding,200,int16,0.1\n"


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("mbpoll"), reason="mbpoll is not installed")
def test_the_pattern_is_served_to_any_master_and_by_one_process_only(tmp_path: Path) -> None:
    port, config = free_port(), tmp_path / "gateway.toml"
    config.write_text(CONFIG % port, encoding="utf-8")
    (tmp_path / "map.csv").write_text(MAP, encoding="utf-8")
    words = ("points", "walk", "--config", str(config))
    log, second, walk = (tmp_path / name for name in ("first.log", "second.log", "walk.json"))
    pattern = caiso_ads(*words, "--test-pattern", "--yes", log=log)
    try:
        wait_for("TEST pattern on 127.0.0.1", log, pattern)
        assert "(configured: production)" in log.read_text()
        for options, value in (("-t 4:float -B -r 1123", "103.25"), ("-t 4 -r 201", "1032"), ("-t 4 -r 1117", "4")):
            command = ["mbpoll", "-m", "tcp", "-p", str(port), "-a", "1", *options.split(), "-1", "127.0.0.1"]
            output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout
            assert [line.split()[1] for line in output.splitlines() if line.startswith("[")] == [value]
        again = caiso_ads(*words, "--test-pattern", "--yes", log=second)
        assert again.wait(20) == 2
        assert f"in use by process {pattern.pid}" in second.read_text()
        assert caiso_ads(*words, "--json", "--filter", "directive", log=walk).wait(20) == 0
        assert [one["word"] for one in json.loads(walk.read_text())] == ["TEST"]
    finally:
        code = stop(pattern)
    assert code == 0
    assert pattern.poll() is not None
