"""The gateway of this package as a real process on a fast clock: configuration, speed, and a pair of wall and mono."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from caiso_ads import app
from caiso_ads.cli._logging import set_up_logging
from caiso_ads.config import load_config
from caiso_ads.ports import ScaledClock


async def main(path: Path, speed: float, wall: datetime, mono: float) -> None:
    """Run until stopped; ``wall`` is what the fast clock showed when the machine's monotonic clock was ``mono``."""
    clock = ScaledClock(speed, wall + timedelta(seconds=(time.monotonic() - mono) * speed))
    async with app.open_app(load_config(path), clock) as opened:
        await opened.run()


if __name__ == "__main__":
    set_up_logging(level="info", form="text")
    config, how_fast, at, since = sys.argv[1:]
    asyncio.run(main(Path(config), float(how_fast), datetime.fromisoformat(at), float(since)))
