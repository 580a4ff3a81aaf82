"""The negative control as a real process: the gateway of this package, changed to acknowledge before it stores."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from caiso_ads import app
from caiso_ads.cli._logging import set_up_logging
from caiso_ads.config import load_config
from caiso_ads.core.model import DispatchBatch
from caiso_ads.gateway import Gateway
from caiso_ads.ports import Receipt


class AcknowledgesFirst(Gateway):
    """The order of the specification's pseudo-code."""

    async def _record_batch(self, receipt: Receipt[DispatchBatch]) -> None:
        await self._source.validate(receipt.argument)
        await super()._record_batch(receipt)


async def main(path: Path) -> None:
    async with app.open_app(load_config(path), gateway_type=AcknowledgesFirst) as opened:
        await opened.run()


if __name__ == "__main__":
    set_up_logging(level="info", form="text")
    asyncio.run(main(Path(sys.argv[1])))
