"""Open pages hear what changed, once encoded; one that is behind gets the whole again; nobody is waited for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks.status import document
from caiso_ads.web.broadcast import AT_ONCE, MOST_WAITING, Listener, changed
from tests.sinks.modbus.snapshots import IDS, resource, snapshot
from tests.web.rig import serving, site


def told(listener: Listener, made: Any) -> list[tuple[str, Any]]:
    text = made.broadcast.take(listener).decode()
    events = [part.split("\n") for part in text.split("\n\n") if part]
    return [(kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for kind, data in events]


def merged(shown: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """What a page makes of it."""
    shown = json.loads(json.dumps(shown)) | {"snapshot_id": change["snapshot_id"], "at": change["at"]}
    rows = {each["id"]: each["points"] for each in shown["resources"]} | {
        each["id"]: each["points"] for each in shown["nodes"]
    }
    for points, said in (
        (shown["gateway"], change["gateway"]),
        *((rows[key], said) for part in ("resources", "nodes") for key, said in change[part].items()),
    ):
        for key, (value, quality, source_time, word) in said.items():
            point = {name: points[key][name] for name in ("unit",) if name in points[key]}
            point |= {"value": value, "quality": quality}
            point |= {"source_time": source_time} if source_time is not None else {}
            points[key] = point | ({"word": word} if word is not None else {})
    return shown


@given(
    st.sampled_from([Quality.GOOD, Quality.BAD_COMM, Quality.INIT]),
    st.sampled_from(list(Directive)),
    st.floats(-100, 100) | st.none(),
)
def test_the_whole_and_what_changed_make_the_next_whole(
    quality: Quality, directive: Directive, mw: float | None
) -> None:
    made = site()
    old = made.feed.latest
    values: dict[str, Any] = {"directive": directive, "setpoint_mw": mw}
    new = snapshot({IDS[0]: resource(quality, **values), IDS[1]: resource()}, generation=2)
    whole = json.loads(json.dumps(document(old, made.context, "running")))
    assert merged(whole, json.loads(json.dumps(changed(old, new)))) == document(new, made.context, "running")


async def test_a_page_that_comes_between_two_snapshots_ends_with_the_newest() -> None:
    """A value that goes and comes back: a change told against a snapshot the page never had would leave it wrong."""
    made = site()
    running = asyncio.create_task(made.broadcast.run())
    await asyncio.sleep(0)
    away = {IDS[0]: resource(directive=Directive.HOLD, setpoint_mw=7.0), IDS[1]: resource()}
    made.feed.publish(snapshot(away, generation=2))
    listener = Listener(asyncio.Event())
    made.broadcast.join(listener)
    ((kind, shown),) = told(listener, made)
    assert kind == "snapshot"
    made.feed.publish(snapshot(generation=3))
    while shown["snapshot_id"] < 3:
        await asyncio.sleep(0)
        for _, change in told(listener, made):
            shown = merged(shown, change)
    assert shown == document(made.feed.latest, made.context, "running")
    running.cancel()
    await asyncio.wait({running})


async def test_many_pages_are_told_a_few_at_a_time() -> None:
    made = site()
    running = asyncio.create_task(made.broadcast.run())
    listeners = [Listener(asyncio.Event()) for _ in range(3 * AT_ONCE)]
    for each in listeners:
        made.broadcast.join(each)
    await asyncio.sleep(0)
    made.feed.publish(snapshot(generation=2))
    counts = []
    for _ in range(10):
        await asyncio.sleep(0)
        counts.append(sum(each.wake.is_set() for each in listeners))
    assert counts[-1] == len(listeners)
    assert max(after - before for before, after in zip([0, *counts], counts, strict=False)) == AT_ONCE
    running.cancel()
    await asyncio.wait({running})


def test_nothing_changed_is_nothing_told() -> None:
    old, new = snapshot(generation=1), snapshot(generation=2)
    assert changed(old, new)["resources"] == {}


def test_a_page_that_does_not_take_gets_the_whole_again() -> None:
    made = site()
    listener = Listener(asyncio.Event())
    made.broadcast.join(listener)
    assert [kind for kind, _ in told(listener, made)] == ["snapshot"]
    for _ in range(MOST_WAITING):
        listener.put(b"event: change\ndata: {}\n\n", whole=True)
    assert [kind for kind, _ in told(listener, made)] == ["change"] * MOST_WAITING
    for _ in range(MOST_WAITING + 1):
        listener.put(b"event: change\ndata: {}\n\n", whole=True)
    assert [kind for kind, _ in told(listener, made)] == ["snapshot"]
    assert told(listener, made) == []


def test_what_is_kept_greets_who_comes_later() -> None:
    made = site()
    made.broadcast.tell("alarms", {"active": 1}, keep=True)
    made.broadcast.tell("news", {"text": "gone"})
    listener = Listener(asyncio.Event())
    made.broadcast.join(listener)
    assert [kind for kind, _ in told(listener, made)] == ["snapshot", "alarms"]


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    kind = ""
    async for line in answer.content:
        if line.startswith(b"event: "):
            kind = line[7:].decode().strip()
        elif line.startswith(b"data: "):
            yield kind, json.loads(line[6:])


async def test_a_page_hears_the_whole_and_then_each_snapshot_over_http() -> None:
    async with serving() as (base, made), aiohttp.ClientSession() as client:
        async with client.get(base + "/api/v1/events") as answer:
            assert answer.content_type == "text/event-stream"
            heard = events(answer)
            kind, whole = await anext(heard)
            assert (kind, whole["snapshot_id"]) == ("snapshot", 1)
            made.feed.publish(snapshot({IDS[0]: resource(directive=Directive.HOLD), IDS[1]: resource()}, generation=2))
            kind, change = await anext(heard)
            assert (kind, change["snapshot_id"]) == ("change", 2)
            assert change["resources"][IDS[0]]["directive"][3] == "HOLD"
        async with asyncio.timeout(5):
            while made.broadcast.listeners:
                made.feed.publish(snapshot(generation=made.feed.latest.generation + 1))
                await asyncio.sleep(0.01)
