from __future__ import annotations

import os
import ssl
import stat
import tomllib
from pathlib import Path

import pytest

from caiso_ads.config import load_config
from caiso_ads.simulator.ca import MARK
from caiso_ads.simulator.fleet import OPERATOR, default_fleet
from caiso_ads.simulator.kit import KitPaths, write_kit
from caiso_ads.simulator.oasis_nodes import HUB, Nodes

URL = "https://127.0.0.1:8447/ADS/APIWebService/v8"
RESPONSE_URL = "https://127.0.0.1:8447/ADS/APIResponseWebService/v8"


OASIS_URL = "https://127.0.0.1:8448/oasisapi"


def _written(directory: Path, oasis_url: str = "") -> KitPaths:
    return write_kit(
        directory, URL, RESPONSE_URL, default_fleet(), modbus_port=5020, poll_interval_s=2.0, oasis_url=oasis_url
    )


def test_the_configuration_is_one_the_gateway_accepts(tmp_path: Path) -> None:
    kit = _written(tmp_path / "kit")
    config = load_config(kit.config)
    assert config.ads.url == URL
    assert config.ads.response_url == RESPONSE_URL
    assert [r.id for r in config.resources] == [r.resource_id for r in default_fleet().visible_to(OPERATOR)]
    assert config.resources[2].pmin_mw == -80.0


def test_the_configuration_names_its_files_beside_itself(tmp_path: Path) -> None:
    kit = _written(tmp_path)
    raw = tomllib.loads(kit.config.read_text("utf-8"))
    assert raw["ads"]["environment"] == "simulator"
    assert raw["ads"]["acknowledge"] is True
    for key, path in (("certificate", kit.certificate), ("key", kit.key), ("ca_file", kit.ca)):
        assert tmp_path / raw["ads"][key] == path
        assert path.exists()
    assert raw["sinks"]["modbus"] == {"host": "127.0.0.1", "port": 5020}
    assert tmp_path / raw["store"]["path"] == kit.store
    assert tmp_path / raw["sinks"]["files"]["directory"] == kit.files


def test_the_pair_loads_and_is_marked(tmp_path: Path) -> None:
    kit = _written(tmp_path)
    context = ssl.create_default_context(cafile=str(kit.ca))
    context.load_cert_chain(kit.certificate, kit.key)
    assert kit.certificate.read_bytes().startswith(MARK)
    assert kit.p12.stat().st_size > 500


@pytest.mark.skipif(os.name == "nt", reason="Windows has access lists instead of modes")
def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    _written(tmp_path)
    private = [*tmp_path.glob("*-key.pem"), *tmp_path.glob("*.p12")]
    assert len(private) == 1 + 4 + 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def test_good_certificates_are_kept_and_damaged_ones_replaced(tmp_path: Path) -> None:
    kit = _written(tmp_path)
    first = kit.certificate.read_bytes()
    assert _written(tmp_path).certificate.read_bytes() == first
    kit.key.write_text("half a", encoding="utf-8")
    assert _written(tmp_path).certificate.read_bytes() != first


def test_certificates_of_another_authority_are_replaced(tmp_path: Path) -> None:
    kit = _written(tmp_path)
    first = kit.certificate.read_bytes()
    kit.ca.unlink()
    assert _written(tmp_path).certificate.read_bytes() != first


def test_prices_are_configured_where_there_is_a_price_service(tmp_path: Path) -> None:
    kit = _written(tmp_path, OASIS_URL)
    config = load_config(kit.config)
    assert config.oasis.url == OASIS_URL
    assert config.oasis.ca_file == kit.ca
    own = [resource.node for resource in default_fleet().visible_to(OPERATOR)]
    assert [resource.node for resource in config.resources] == own
    assert [(node.id, node.name) for node in config.nodes[:2]] == [(own[0], "Sun Ridge"), (HUB, "Northern hub")]
    assert {node.id for node in config.nodes} == {*own, HUB}
    known = Nodes(default_fleet(), size=1)
    assert all(node.id in known for node in config.nodes)


def test_without_a_price_service_nothing_is_said_of_prices(tmp_path: Path) -> None:
    raw = tomllib.loads(_written(tmp_path).config.read_text("utf-8"))
    assert not {"oasis", "node"} & set(raw)
    assert all("node" not in resource for resource in raw["resource"])


def test_the_page_is_on_where_it_has_a_port(tmp_path: Path) -> None:
    assert load_config(_written(tmp_path / "without").config).web is None
    fleet = default_fleet()
    kit = write_kit(
        tmp_path / "with", "https://127.0.0.1:1/a", "https://127.0.0.1:1/b", fleet, modbus_port=5020,
        poll_interval_s=10.0, web_port=8099,
    )  # fmt: skip
    web = load_config(kit.config).web
    assert web is not None
    assert (web.host, web.port) == ("127.0.0.1", 8099)
