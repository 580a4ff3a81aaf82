"""Metrics parse as Prometheus text, carry the quality of what they tell, and have no sample for what is not known."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import aiohttp
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.web.api.metrics import family
from tests.sinks.modbus.snapshots import IDS, nothing_known
from tests.web.rig import serving, site

_SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:{(?P<labels>.*)})? (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\\n]|\\[\\n"])*)"(?:,|$)')
_BACK = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}
Key = tuple[str, frozenset[tuple[str, str]]]


def parsed(text: str) -> dict[Key, float]:
    """Read the format by its own grammar; AssertionError where it is not met."""
    assert text.endswith("\n")
    return dict(_samples(text[:-1].split("\n")))


def _samples(lines: list[str]) -> Iterator[tuple[Key, float]]:
    typed: set[str] = set()
    for line in lines:
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in {"gauge", "counter"}
            assert name not in typed, f"{name} stands twice"
            typed.add(name)
        elif not line.startswith("# HELP "):
            found = _SAMPLE.fullmatch(line)
            assert found, line
            assert found["name"] in typed
            labels = _LABEL.findall(found["labels"] or "")
            assert "".join(f'{key}="{value}",' for key, value in labels).rstrip(",") == (found["labels"] or "")
            plain = {(key, re.sub(r"\\.", lambda mark: _BACK[mark[0]], value)) for key, value in labels}
            yield (found["name"], frozenset(plain)), float(found["value"])


async def scraped(base: str) -> dict[Key, float]:
    async with aiohttp.ClientSession() as client, client.get(base + "/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return parsed(await answer.text())


def of(found: dict[Key, float], name: str, **labels: str) -> float | None:
    return found.get((f"caiso_ads_{name}", frozenset(labels.items())))


async def test_what_the_gateway_knows_is_there_with_its_quality(base: str) -> None:
    found = await scraped(base)
    assert of(found, "gateway_link_age_s", quality="GOOD") == 3.5
    assert of(found, "gateway_unacknowledged_batches", quality="GOOD") == 2
    assert of(found, "gateway_clock_offset_s", quality="GOOD") == -0.25
    assert of(found, "resource_setpoint_mw", resource=IDS[0], quality="GOOD") == 150.25
    assert of(found, "directive", resource=IDS[1], directive="FOLLOW") == 1
    assert of(found, "directive", resource=IDS[1], directive="HOLD") == 0
    assert of(found, "web_listeners") == 0


async def test_what_is_not_known_has_no_sample() -> None:
    made = site()
    async with serving(made) as (base, _):
        made.feed.publish(nothing_known(2))
        found = await scraped(base)
    names = {name for name, _ in found}
    assert "caiso_ads_resource_setpoint_mw" not in names
    assert "caiso_ads_certificate_days_left" not in names
    assert of(found, "directive", resource=IDS[0], directive="NO_DATA") == 1


async def test_answers_are_counted(base: str) -> None:
    await scraped(base)
    async with aiohttp.ClientSession() as client:
        await client.get(base + "/nothing")
    found = await scraped(base)
    assert of(found, "web_requests_total", status="2xx") == 1
    assert of(found, "web_requests_total", status="4xx") == 1


@given(st.text(), st.floats())
def test_any_name_and_number_parse_back(name: str, value: float) -> None:
    found = parsed("\n".join([*family("x", name, "gauge", [({"resource": name}, value)]), ""]) or "\n") if math.isfinite(value) else {}  # fmt: skip
    if math.isfinite(value):
        assert of(found, "x", resource=name) == value
    else:
        assert list(family("x", name, "gauge", [({"resource": name}, value)])) == []
