"""At start: what an older program could not read, of the time that still matters, is read by this one.

Rule: it helps if it can and stops nothing. What cannot be read, or not be written, stays as it was.
"""

from __future__ import annotations

import logging
from datetime import datetime

from caiso_ads.errors import StoreError
from caiso_ads.ports import Store

log = logging.getLogger("caiso_ads.redecoding")


async def read_again(store: Store, since: datetime, *, acknowledge: bool) -> None:
    """Decode again what was received since then and could not be read, and say what can be read now."""
    try:
        found = await store.redecode(since, acknowledge=acknowledge)
    except StoreError as problem:
        log.warning("what could not be read was not decoded again: %s", problem)
        return
    for name in found.readable:
        log.warning("could not be read when it was received and can be now: %s", name)
    if found.unreadable:
        log.warning("%d payloads still cannot be read", found.unreadable)
