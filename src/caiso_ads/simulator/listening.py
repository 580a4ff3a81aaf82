"""One listening address of the simulator: start, stop, and the port it got.

Rule: a stop ends every connection at once, whatever the peer does; a taken port is named.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from ssl import SSLContext

from aiohttp import web

from caiso_ads.errors import LocalError


class Listener:
    """Serves one application; ``port`` 0 takes a free one."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._runner: web.AppRunner | None = None

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    async def start(self, application: web.Application, context: SSLContext | None) -> None:
        """Listen, with TLS where a context is given; raises LocalError when the port is taken."""
        runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, self.host, self.port, ssl_context=context)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise LocalError(f"cannot listen on {self.host} port {self.port}: {error.strerror}") from error
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every connection."""
        if self._runner is not None and self._runner.server is not None:
            open_ones = [connection.transport for connection in self._runner.server.connections]
            await self._runner.cleanup()
            for transport in open_ones:
                if transport is not None:
                    # A peer that keeps its end open would hold a polite TLS goodbye for long. Where the goodbye is
                    # over, Pythons up to 3.11.3 have nothing left to abort, and say so in this way.
                    with suppress(AttributeError):
                        transport.abort()
            await asyncio.sleep(0)
            self._runner = None
