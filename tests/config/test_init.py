"""A configuration is good as a whole, or refused with file, line, table and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from caiso_ads.config import Config, describe_config, load_config
from caiso_ads.core.directive import DEFAULT_LIMITS, Environment
from caiso_ads.errors import ConfigError

GOOD = """\
[ads]
url = "https://adsws.prod.caiso.com/ADS/APIWebService/v8"
certificate = "plant.pem"

[store]
path = "data/gateway.db"

[[resource]]
id = " PLANT_1_UNIT "
pmin_mw = 0
pmax_mw = 150.5

[[resource]]
id = "PLANT_2_UNIT"
name = "Plant 2"
pmin_mw = -20.0
pmax_mw = 20.0

[limits]
schedule_bad_s = 120

[sinks.files]
directory = "out"
"""
LOCAL = 'url = "https://127.0.0.1:8443/ADS/APIWebService/v8"\nenvironment = "simulator"'
PRODUCTION = 'url = "https://adsws.prod.caiso.com/ADS/APIWebService/v8"'


def load(folder: Path, text: str) -> Config:
    """Load a text as gateway.toml."""
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def refusal(folder: Path, text: str) -> ConfigError:
    """Return the error that refuses a text."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return caught.value


def test_a_good_file_gives_every_value_typed(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    first, second = config.resources
    assert (first.id, first.name, first.pmin_mw, first.pmax_mw) == ("PLANT_1_UNIT", "PLANT_1_UNIT", 0.0, 150.5)
    assert (second.name, second.pmin_mw) == ("Plant 2", -20.0)
    assert config.ads.poll_interval_s == 10.0
    assert config.ads.environment is Environment.PRODUCTION
    assert not config.ads.acknowledge
    assert config.limits.ages.schedule_bad_s == 120.0
    assert config.source == tmp_path / "gateway.toml"


def test_default_ages_are_the_promised_ones(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD.replace("schedule_bad_s = 120", "")).limits.ages == DEFAULT_LIMITS


def test_response_url_and_version_follow_from_the_url(tmp_path: Path) -> None:
    ads = load(tmp_path, GOOD).ads
    assert ads.response_url == "https://adsws.prod.caiso.com/ADS/APIResponseWebService/v8"
    assert ads.version == "v8"


def test_response_url_and_version_can_be_given(tmp_path: Path) -> None:
    given = f'{PRODUCTION}\nresponse_url = "https://other.example/R/v7"\nversion = "v7"'
    ads = load(tmp_path, GOOD.replace(PRODUCTION, given)).ads
    assert (ads.response_url, ads.version) == ("https://other.example/R/v7", "v7")


def test_an_address_that_tells_neither_gives_the_newest_version_and_no_response_service(tmp_path: Path) -> None:
    ads = load(tmp_path, GOOD.replace("/ADS/APIWebService/v8", "/behind/a/proxy")).ads
    assert (ads.response_url, ads.version) == ("", "v8")


def test_relative_paths_start_at_the_file_and_absolute_ones_stay(tmp_path: Path) -> None:
    elsewhere = (tmp_path / "elsewhere.pem").as_posix()
    config = load(tmp_path, GOOD.replace('"plant.pem"', f'"{elsewhere}"'))
    assert config.store.path == tmp_path / "data" / "gateway.db"
    assert config.sinks["files"].directory == tmp_path / "out"  # type: ignore[attr-defined]  # a sink's own key
    assert config.ads.certificate == Path(elsewhere)


def test_a_relative_configuration_path_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gateway.toml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_config(Path("gateway.toml")).store.path.is_absolute()


def test_the_status_file_is_beside_the_store_unless_given(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).status_path == tmp_path / "data" / "gateway.db.status.json"
    given = load(tmp_path, GOOD + '[sinks.status]\npath = "run/status.json"\n')
    assert given.status_path == tmp_path / "run" / "status.json"


def test_a_byte_order_mark_of_a_windows_editor_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert len(load_config(path).resources) == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "table", "key", "words"),
    [
        ("pmin_mw = -20.0", 'pmin_mw = "low"', 16, "[[resource]] #2", "pmin_mw", "a number, got text"),
        ("pmin_mw = -20.0", "pmin_mw = nan", 16, "[[resource]] #2", "pmin_mw", "not a usable number"),
        ("pmax_mw = 20.0", "pmax_mw = inf", 17, "[[resource]] #2", "pmax_mw", "not a usable number"),
        ("pmin_mw = -20.0", "pmin_mw = 21.0", 16, "[[resource]] #2", "pmin_mw", "above pmax_mw"),
        ("pmin_mw = -20.0\n", "", 13, "[[resource]] #2", "pmin_mw", "must be given"),
        ("pmin_mw = 0\n", "", 8, "[[resource]] #1", "pmin_mw", "must be given"),
        ("pmin_mw = -20.0", "pmin = -20.0", 16, "[[resource]] #2", "pmin", "did you mean 'pmin_mw'?"),
        ('"PLANT_2_UNIT"', '"PLANT_1_UNIT"', 14, "[[resource]] #2", "id", "stands twice"),
        ('"PLANT_2_UNIT"', '"  "', 14, "[[resource]] #2", "id", "not empty"),
        ('"Plant 2"', '"a\\nb"', 15, "[[resource]] #2", "name", "control characters"),
        ('certificate = "plant.pem"', "certificate = 3", 3, "[ads]", "certificate", "a file path"),
        ('certificate = "plant.pem"', 'certificate = ""', 3, "[ads]", "certificate", "a file path"),
        ('certificate = "plant.pem"\n', "", 1, "[ads]", "certificate", "must be given"),
        ("schedule_bad_s = 120", "schedule_bad_s = 901", 20, "[limits]", "schedule_bad_s", "0..900"),
        ("schedule_bad_s = 120", "link_bad_s = 29", 20, "[limits]", "link_bad_s", "30..300"),
        ("schedule_bad_s = 120", "link_bad_s = 301", 20, "[limits]", "link_bad_s", "30..300"),
        ("schedule_bad_s = 120", "link_uncertain_s = 61", 20, "[limits]", "link_uncertain_s", "above link_bad_s"),
        ("[sinks.files]", "[sinks.fils]", 22, "[sinks.fils]", "", "did you mean 'files'?"),
        ("[store]", "[stor]", 5, "[stor]", "", "did you mean 'store'?"),
        ('directory = "out"', 'folder = "out"', 23, "[sinks.files]", "folder", "unknown key"),
        ("https://adsws", "http://adsws", 2, "[ads]", "url", "must be https"),
        ("https://adsws", "https://user:word@adsws", 2, "[ads]", "url", "user name"),
        ("caiso.com/ADS", "caiso.com:port/ADS", 2, "[ads]", "url", "not an address"),
        ("/ADS/APIWebService/v8", "/ADS/APIWebService/v99", 1, "[ads]", "version", "use one of v7, v8"),
    ],
)
def test_a_wrong_value_is_refused_by_file_line_table_and_key(
    tmp_path: Path, old: str, new: str, line: int, table: str, key: str, words: str
) -> None:
    assert GOOD.count(old) == 1
    error = refusal(tmp_path, GOOD.replace(old, new))
    place, _, problem = str(error).partition(": ")
    assert place.replace(str(tmp_path), "").lstrip("/\\") == f"gateway.toml:{line} {table} {key}".strip()
    assert words in f"{problem} {error.cure}"


def test_a_key_that_exists_twice_or_broken_toml_names_the_line(tmp_path: Path) -> None:
    assert "gateway.toml:3: is not TOML" in str(refusal(tmp_path, "[ads]\n\nurl = = 3\n"))
    assert "gateway.toml:2: is not TOML" in str(refusal(tmp_path, '[ads]\nurl = """never closed'))


@pytest.mark.parametrize(
    "text", ["", "[ads]\n", "ads = 3\n[store]\npath = 'a'\n", GOOD.replace("[[resource]]", "[[x]]")]
)
def test_a_file_with_something_missing_is_refused(tmp_path: Path, text: str) -> None:
    assert "gateway.toml" in str(refusal(tmp_path, text))


def test_a_single_resource_table_is_told_how_to_write_it(tmp_path: Path) -> None:
    text = GOOD.partition("[[resource]]")[0] + '[resource]\nid = "A"\npmin_mw = 0\npmax_mw = 1\n'
    assert "headed [[resource]]" in str(refusal(tmp_path, text))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read"):
        load_config(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(ConfigError, match=r"latin\.toml: cannot be read"):
        load_config(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("environment", "host", "good"),
    [
        ("production", "adsws.prod.caiso.com", True),
        ("production", "ads-proxy.plant.example", True),
        ("production", "localhost", False),
        ("production", "127.0.0.1", False),
        ("production", "127.8.8.8:447", False),
        ("production", "[::1]:8443", False),
        ("production", "ads.localhost.", False),
        ("market-sim", "adsmap.caiso.com:447", True),
        ("market-sim", "adsws.prod.caiso.com", False),
        ("market-sim", "ADSWS.PROD.CAISO.COM.", False),
        ("simulator", "localhost:8443", True),
        ("simulator", "adsmap.caiso.com", False),
        ("simulator", "caiso.com", False),
        ("simulator", "notcaiso.com", True),
        ("testing", "localhost", False),
    ],
)
def test_an_environment_refuses_the_hosts_of_another(
    tmp_path: Path, environment: str, host: str, *, good: bool
) -> None:
    text = GOOD.replace("adsws.prod.caiso.com", host).replace("[ads]", f'[ads]\nenvironment = "{environment}"')
    if good:
        assert load(tmp_path, text).ads.environment == environment
    else:
        assert "[ads]" in str(refusal(tmp_path, text))


def test_a_response_url_is_guarded_like_the_url(tmp_path: Path) -> None:
    given = f'{LOCAL}\nresponse_url = "https://adsws.prod.caiso.com/ADS/APIResponseWebService/v8"'
    error = refusal(tmp_path, GOOD.replace(PRODUCTION, given))
    assert error.key == "response_url"


@pytest.mark.parametrize("seconds", ["0.9", "61", "0", "-1", "nan", "true", '"10"'])
def test_a_poll_interval_outside_1_to_60_s_is_refused(tmp_path: Path, seconds: str) -> None:
    error = refusal(tmp_path, GOOD.replace("[ads]", f"[ads]\npoll_interval_s = {seconds}"))
    assert (error.table, error.key) == ("ads", "poll_interval_s")


def test_every_key_is_described_with_type_default_and_meaning() -> None:
    keys = {(row.table, row.key): row for row in describe_config()}
    assert all(row.doc and row.type for row in keys.values())
    assert keys["[[resource]]", "pmin_mw"].default == ""
    assert keys["[limits]", "link_bad_s"].type == "number 30..300"
    assert keys["[ads]", "acknowledge"].default == "false"
    assert '"market-sim"' in keys["[ads]", "environment"].type
    assert ("[sinks.files]", "directory") in keys


PLANT_WRITER = """
[[sinks.plant_writer.plant]]
resource = "PLANT_1_UNIT"
host = "10.0.8.20"
rate_mw_per_min = 6.0
readback_tolerance = 0.2
setpoint = { address = 100, type = "int16", scale = 0.1 }
tls_ca_file = "plant-ca.pem"
"""


def test_a_plant_to_write_to_has_a_table_of_its_own(tmp_path: Path) -> None:
    writer: Any = load(tmp_path, GOOD + PLANT_WRITER).sinks["plant_writer"]
    assert (writer.mode, writer.required, len(writer.plant)) == ("dry-run", False, 1)
    assert writer.plant[0].tls_ca_file == tmp_path / "plant-ca.pem"
    assert {"[sinks.plant_writer]", "[[sinks.plant_writer.plant]]"} <= {key.table for key in describe_config()}
    error = refusal(tmp_path, GOOD + PLANT_WRITER.replace("rate_mw", "raet_mw"))
    assert "raet_mw_per_min" in str(error)
    assert refusal(tmp_path, GOOD + PLANT_WRITER + 'on_release = "disable"\n').key == "on_release"


def test_a_number_without_an_end_is_refused_in_an_inner_table_too(tmp_path: Path) -> None:
    plant = '[[sinks.plant_writer.plant]]\nresource = "PLANT_1_UNIT"\nhost = "h"\nrate_mw_per_min = 6.0\n'
    inner = "readback_tolerance = 0.2\nsetpoint = { address = 1, scale = inf }\n"
    path = tmp_path / "gateway.toml"
    for text in (plant + inner, plant.replace("6.0", "inf") + inner.replace("inf", "1.0")):
        path.write_text(GOOD + text, encoding="utf-8")
        with pytest.raises(ConfigError, match="not a usable number"):
            load_config(path)
