"""One filled store for all tests of this folder, and a server in front of it for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.web.filling import NODE, filled, well
from tests.web.rig import serving, site


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with ThreadPoolExecutor(1) as thread:  # it runs a loop of its own
        return thread.submit(filled, tmp_path_factory.mktemp("api") / "data" / "gateway.db").result()


@pytest.fixture
async def base(store: Path) -> AsyncIterator[str]:
    async with serving(site(store=store, node=NODE)) as (address, made):
        made.feed.publish(well())
        yield address
