"""A limit of time that also holds in a task that is being cancelled: what is done last must not lose its end.

Rule: goodbyes use this in place of ``asyncio.timeout``. Pythons up to 3.11.3 raise CancelledError, not TimeoutError, where
the limit passes in a task with a cancellation behind it; a goodbye would then be cut short and nobody told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Limit what stands inside to so many seconds; TimeoutError when they are over."""
    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            yield
    except asyncio.CancelledError:
        if scope.expired():
            raise TimeoutError from None
        raise
