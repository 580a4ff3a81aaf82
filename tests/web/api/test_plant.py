"""Resources as configured, in pages; the catalogue of points; a resource that is not served is not found."""

from __future__ import annotations

import pytest

from caiso_ads.core.points import RESOURCE_POINTS
from caiso_ads.web.answers import ProblemError
from caiso_ads.web.api.plant import served
from tests.sinks.modbus.snapshots import IDS
from tests.web.filling import NODE
from tests.web.rig import site, told


async def test_resources_come_in_configured_order_and_in_pages(base: str) -> None:
    first = await told(base, "/api/v1/resources?limit=1")
    assert first["items"] == [
        {"id": IDS[0], "name": IDS[0], "pmin_mw": 0.0, "pmax_mw": 100.0, "technology": "other", "node": NODE}
    ]
    second = await told(base, f"/api/v1/resources?limit=1&cursor={first['next']}")
    assert [one["id"] for one in second["items"]] == [IDS[1]]
    assert second["next"] is None


async def test_every_point_is_in_the_catalogue(base: str) -> None:
    found = await told(base, "/api/v1/points")
    assert [one["key"] for one in found["resource"]] == [point.key for point in RESOURCE_POINTS]
    assert {one["unit"] for one in found["node"]} >= {"USD/MWh", "s"}


def test_a_resource_that_is_not_served_is_not_found() -> None:
    assert served(site(), IDS[1]) == IDS[1]
    with pytest.raises(ProblemError) as refused:
        served(site(), "GAMMA")
    assert (refused.value.status, refused.value.problem.field) == (404, "resource")
