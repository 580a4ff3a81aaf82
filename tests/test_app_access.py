"""The whole gateway with its page: what people do at the door stands in the evidence chain, what was refused too."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from caiso_ads.app import open_app
from caiso_ads.cli.users import command
from caiso_ads.config import load_config
from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.kit import write_kit
from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.store.evidence_reader import EvidenceReader
from caiso_ads.web.server import WebSink
from tests.web.access.visiting import PHRASE, Visitor

pytestmark = pytest.mark.slow


async def test_the_chain_tells_who_came_in_and_who_did_not(tmp_path: Path) -> None:
    async with AdsSimulator(directory=tmp_path) as simulator:
        paths = write_kit(
            tmp_path, simulator.url, simulator.response_url, default_fleet(), modbus_port=5020, poll_interval_s=10.0
        )  # fmt: skip
        paths.config.write_text(paths.config.read_text().replace("port = 5020", "port = 0") + "\n[web]\nport = 0\n")
        config = load_config(paths.config)
        async with open_app(config) as app:
            running = asyncio.create_task(app.run())
            page = next(entry.sink for entry in app.supervisor.sinks if entry.name == "web")
            assert isinstance(page, WebSink)
            async with asyncio.timeout(30):
                while not page.bound:  # noqa: ASYNC110 - the sink has no event for it
                    await asyncio.sleep(0.05)
            jar = aiohttp.CookieJar(unsafe=True)
            async with aiohttp.ClientSession(cookie_jar=jar) as client:
                visitor = Visitor(f"http://127.0.0.1:{page.bound[0][1]}", client)
                token = page.site.guard.live.keeper.setup_path.read_text()
                first = {"token": token, "name": "ada", "password": PHRASE}
                assert (await visitor.post("/api/v1/setup", first))[0] == 200
                assert (await visitor.post("/api/v1/login", {"name": "ada", "password": "something else"}))[0] == 401
                word = tmp_path / "word"
                word.write_text(PHRASE)
                word.chmod(0o600)
                said = ["add", "bob", "--role", "viewer", "--password-file", str(word), "--config", str(paths.config)]
                await asyncio.to_thread(command.main, said, standalone_mode=False)
                await asyncio.sleep(1.1)  # the gateway looks once a second
                assert len((await visitor.get("/api/v1/users"))[1]["items"]) == 2
                assert app.gateway.alarms.sources.guessing == page.site.guard.guessing_goes_on  # type: ignore[attr-defined]
            running.cancel()
            await asyncio.wait({running})
        with EvidenceReader(config.store.path) as reader:
            rows = [row for row in reader.rows() if row.kind in ("access", "refused")]
            assert reader.check().broken is None
        assert [(row.kind, row.text) for row in rows] == [
            ("access", "set up: made the first user ada, admin"),
            ("refused", "refused 127.0.0.1 over web: a wrong password for ada"),
            ("access", "made the user bob, viewer, by the command line"),
        ]
        assert rows[0].who == "ada"
