"""The snapshot over HTTP is the status document, encoded once; the stream begins with it."""

from __future__ import annotations

import json

import aiohttp
import msgspec

from caiso_ads.sinks.status import document
from caiso_ads.web.api.live import Whole
from tests.web.rig import serving, site, told


async def test_the_snapshot_is_the_status_document() -> None:
    async with serving() as (base, made):
        found = await told(base, "/api/v1/snapshot")
    assert found == document(made.feed.latest, made.context, "running")
    assert msgspec.convert(found, Whole).snapshot_id == 1


def test_it_is_encoded_once_for_all_who_ask() -> None:
    made = site()
    assert made.broadcast.whole() is made.broadcast.whole()
    assert json.loads(made.broadcast.whole())["snapshot_id"] == 1


async def test_a_head_of_the_stream_ends_at_once() -> None:
    async with serving() as (base, made), aiohttp.ClientSession() as client:
        async with client.head(base + "/api/v1/events") as answer:
            assert (answer.status, answer.content_type) == (200, "text/event-stream")
        assert made.broadcast.listeners == 0
