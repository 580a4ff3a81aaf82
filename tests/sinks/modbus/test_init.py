"""The configuration: each wrong value is refused with its key, whichever way it comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from caiso_ads.errors import ConfigError
from caiso_ads.ports import SinkContext
from caiso_ads.sinks.modbus import Config, layout
from caiso_ads.sinks.modbus.server import ModbusSink
from tests.fakes import FakeClock, MemoryStore


def context(count: int) -> SinkContext:
    ids = tuple(f"R{number}" for number in range(count))
    return SinkContext(ids, {one: one for one in ids}, "simulator", MemoryStore(), FakeClock())


def test_the_defaults_serve_nobody_but_this_machine_and_need_no_privilege() -> None:
    assert (Config().host, Config().port >= 1024, Config().required) == ("127.0.0.1", True, True)


FILES: dict[str, Any] = {
    "tls_certificate": Path("c.pem"), "tls_key": Path("k.pem"), "tls_client_ca": Path("ca.pem"),
}  # fmt: skip


def test_row_146_148_the_limits_are_64_and_8_connections_60_s_idle_and_5_s_for_half_a_request() -> None:
    settings = Config().settings()
    assert (settings.places.most, settings.places.per_address, settings.places.kept) == (64, 8, 8)
    assert (settings.idle_timeout_s, settings.half_frame_timeout_s) == (60.0, 5.0)


WRONG: list[tuple[str, Any]] = [
    ("host", " "),
    ("port", -1),
    ("port", 65_536),
    ("unit_id", -1),
    ("unit_id", 256),
    ("first_unit", 248),
    ("scaled_base", 40_001),
    ("scaled_base", 65_002),
    ("scaled_price_base", 40_001),
    ("int16_mw_scale", -4),
    ("int16_mw_scale", 2),
    ("max_connections", 0),
    ("max_per_address", 0),
    ("reserved_connections", 0),
    ("tls_handshake_timeout_s", 0.0),
    ("native_base", 98),
    ("native_base", 1001),
    ("native_base", 65_002),
    ("idle_timeout_s", 0.0),
    ("idle_timeout_s", float("nan")),
    ("half_frame_timeout_s", -1.0),
    ("half_frame_timeout_s", float("inf")),
    ("stall_limit_s", 1.9),
    ("stall_limit_s", 61.0),
    ("vendor_name", "Ü"),
    ("product_code", "a\nb"),
    ("revision", "x" * 65),
    ("application_name", "\x7f"),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_value_that_cannot_work_is_refused_with_its_key(key: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**{key: value})
    assert (caught.value.table, caught.value.key) == ("sinks.modbus", key)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    "table", [{"ports": 5020}, {"port": "5020"}, {"foreign_unit": "maybe"}, {"port": 70_000}, {"required": 1}]
)
def test_a_file_with_an_unknown_key_or_a_wrong_type_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, Config)


@pytest.mark.parametrize(("native_base", "room"), [(1000, 644), (100, 653), (65_000, 4)])
def test_resources_beyond_the_last_register_are_refused(native_base: int, room: int) -> None:
    config = Config(native_base=native_base)
    assert isinstance(config.build(context(room)), ModbusSink)
    with pytest.raises(ConfigError, match=rf"room for {room}$"):
        config.build(context(room + 1))


FITS: list[tuple[dict[str, Any], str, str]] = [
    ({"scaled_base": 1300}, "scaled_base", "1300 lies within the native map, which ends before register 1400"),
    ({"scaled_base": 900}, "scaled_base", "from 900 its registers reach into the native map"),
    ({"scaled_base": 98}, "scaled_base", "98 lies within the legacy map"),
    ({"scaled_base": 64_800}, "scaled_base", "3 resources do not fit; from 64800 there is room for 2"),
    ({"scaled_base": 30_000}, "scaled_base", "30000 lies within the pricing nodes"),
    ({"scaled_price_base": 65_000}, "scaled_price_base", "3 nodes do not fit; from 65000 there is room for 2"),
    (
        {"scaled_base": 40_000, "scaled_price_base": 40_798},
        "scaled_price_base",
        "40798 lies within the scaled values, which ends before register 40800",
    ),
    ({"units": "per-resource", "first_unit": 246}, "first_unit", "3 units from 246 on end at 248"),
    ({"units": "per-resource", "unit_id": 245}, "first_unit", "3 units from 246 on end at 248"),
    ({"units": "per-resource", "unit_id": 255}, "first_unit", "3 units from 256 on end at 258"),
    ({"units": "per-resource", "unit_id": 12, "first_unit": 10}, "first_unit", "10 to 12 of the resources hold"),
]


@pytest.mark.parametrize(("keys", "key", "says"), FITS)
def test_what_does_not_fit_is_refused_at_start_with_its_key(keys: dict[str, Any], key: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**keys).plan(("A", "B", "C"), ("N", "M", "O"))
    assert (caught.value.table, caught.value.key) == ("sinks.modbus", key)
    assert says in str(caught.value)


def test_what_just_fits_is_taken() -> None:
    ids, nodes = ("A", "B", "C"), ("N", "M", "O")
    assert Config(units="per-resource", first_unit=245).plan(ids).unit_ids == (1, 245, 246, 247)
    assert Config(units="per-resource", unit_id=255, first_unit=1).plan(ids).unit_ids == (255, 1, 2, 3)
    assert Config(units="per-resource", unit_id=7).plan(ids).unit_ids == (7, 8, 9, 10)
    assert Config(unit_id=7, first_unit=9).plan(ids).unit_ids == (7,)
    plan = Config(scaled_base=1400, scaled_price_base=2200).plan(ids, nodes)
    assert [(extra.base, extra.count) for extra in plan.extras][::13] == [(1400, 100), (2700, 100)]
    assert layout.clash(layout.rows(plan)) is None
    assert Config().plan(ids, nodes).extras == ()


def test_every_key_is_described() -> None:
    _, parts = msgspec.json.schema_components([Config], schema_hook=lambda _: {"type": "path"})
    schema = parts["Config"]["properties"]
    assert [key for key, spec in schema.items() if not spec.get("description")] == []


def test_identity_tells_what_is_configured_and_leaves_out_what_is_empty() -> None:
    assert Config(revision="", application_name="").settings().identity == {
        0: b"caiso-ads", 1: b"gateway", 2: b"", 4: b"CAISO ADS gateway",
    }  # fmt: skip
    assert Config(application_name="Plant 1").settings().identity[6] == b"Plant 1"


@pytest.mark.parametrize(("word", "answers"), [("refuse", True), ("ignore", False)])
def test_another_unit_is_refused_or_ignored_as_configured(word: Any, answers: bool) -> None:  # noqa: FBT001
    assert Config(foreign_unit=word).settings().answer_foreign_units is answers


def test_limits_are_checked_often_enough_for_the_shortest() -> None:
    assert Config().settings().sweep_s == 0.5
    assert Config(half_frame_timeout_s=0.2).settings().sweep_s == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("key", "keys"),
    [
        ("allow", {"allow": ("10.0.0.0/33",)}),
        ("reserved", {"reserved": ("scada",)}),
        ("reserved", {"allow": ("10.0.0.0/24",), "reserved": ("10.0.1.5",)}),
        ("reserved_connections", {"reserved": ("10.0.0.5",), "reserved_connections": 65}),
        ("tls_key", {"tls_certificate": Path("c.pem"), "tls_client_ca": Path("ca.pem"), "tls_roles": ("reader",)}),
        ("tls_client_ca", {"tls_certificate": Path("c.pem"), "tls_key": Path("k.pem"), "tls_roles": ("reader",)}),
        ("tls_certificate", {"tls_roles": ("reader",)}),
        ("tls_certificate", {"tls_passphrase_file": Path("p")}),
        ("tls_roles", FILES),
        ("tls_roles", {**FILES, "tls_roles": ("reader", "")}),
    ],
)
def test_keys_for_connections_that_do_not_go_together_are_refused(key: str, keys: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**keys)
    assert (caught.value.table, caught.value.key) == ("sinks.modbus", key)


def test_no_key_leaves_out_the_certificate_of_the_client() -> None:
    names = [name for name in Config.__struct_fields__ if name.startswith("tls_")]
    assert names == [
        "tls_certificate", "tls_key", "tls_passphrase_file", "tls_client_ca", "tls_roles", "tls_handshake_timeout_s",
    ]  # fmt: skip
    assert Config().settings().tls is None
    tls = Config(**FILES, tls_roles=("reader",)).settings().tls
    assert tls is not None
    assert (tls.roles, tls.client_ca) == (frozenset({"reader"}), Path("ca.pem"))
