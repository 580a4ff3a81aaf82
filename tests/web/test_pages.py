"""The page and its files: from the package, compressed once, asked for again by tag; nothing beside them is served."""

from __future__ import annotations

import gzip

import aiohttp
import pytest

from caiso_ads.web import pages
from tests.web.rig import serving


async def test_every_view_is_the_same_page() -> None:
    async with serving() as (base, _), aiohttp.ClientSession() as client:
        bodies = set()
        for path in pages.VIEWS:
            async with client.get(base + path) as answer:
                assert (answer.status, answer.content_type, answer.charset) == (200, "text/html", "utf-8")
                bodies.add(await answer.text())
    assert len(bodies) == 1


async def test_a_file_comes_compressed_where_that_is_taken_and_once_only() -> None:
    async with serving() as (base, _), aiohttp.ClientSession(auto_decompress=False) as client:
        async with client.get(base + "/static/main.js", headers={"Accept-Encoding": "gzip"}) as packed:
            assert packed.headers["Content-Encoding"] == "gzip"
            tag, small = packed.headers["ETag"], await packed.read()
        async with client.get(base + "/static/main.js", headers={"Accept-Encoding": "identity"}) as plain:
            assert "Content-Encoding" not in plain.headers
            whole = await plain.read()
        assert gzip.decompress(small) == whole
        assert plain.headers["Cache-Control"] == "no-cache"
        async with client.get(base + "/static/main.js", headers={"If-None-Match": tag}) as again:
            assert (again.status, await again.read()) == (304, b"")


@pytest.mark.parametrize("path", ["__init__.py", "../site.py", "%2e%2e/site.py", "nothing.js", "lib", ""])
async def test_nothing_else_is_served(path: str) -> None:
    async with serving() as (base, _), aiohttp.ClientSession() as client, client.get(f"{base}/static/{path}") as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]


def test_the_first_page_is_small() -> None:
    first = [one for path, one in pages.all_files().items() if not path.startswith(("views/", "vendor/")) or path == "views/now.js"]  # fmt: skip
    assert 0 < sum(len(one.packed) for one in first) <= 150_000
