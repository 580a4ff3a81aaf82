"""Names to addresses, with a memory. Rule: a name service that fails or hangs does not cut off a host that was reached.

The last good answer for a host is used when the name service errs or takes too long. A wrong or outdated address does
no harm: the TLS host name check refuses it.
"""

from __future__ import annotations

import asyncio
import socket

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult


class LastGoodResolver(AbstractResolver):
    """Asks ``inner`` (default: the machine's name service, in a thread) for at most ``limit_s`` seconds."""

    def __init__(self, inner: AbstractResolver | None = None, *, limit_s: float = 3.0) -> None:
        self._inner = inner or ThreadedResolver()
        self._limit_s = limit_s
        self._last_good: dict[tuple[str, int, int], list[ResolveResult]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host; raises OSError when there is neither an answer nor an earlier one."""
        asked = (host, port, int(family))
        try:
            async with asyncio.timeout(self._limit_s):
                found = await self._inner.resolve(host, port, family)
        except OSError as error:  # TimeoutError is one
            if asked in self._last_good:
                return self._last_good[asked]
            raise OSError(None, f"name service: {error.strerror or 'no answer in time'}") from error
        self._last_good[asked] = found
        return found

    async def close(self) -> None:
        """Release the inner resolver."""
        await self._inner.close()
