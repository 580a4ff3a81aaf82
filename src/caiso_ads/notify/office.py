"""All notifiers of one gateway: each hears every change of an alarm, and a test goes through every one of them.

Rule: one that fails holds up none of the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from caiso_ads.core.alarm_kinds import AlarmEvent
from caiso_ads.errors import CertificateError, ConfigError
from caiso_ads.notify import NotifyConfig, Way
from caiso_ads.notify.courier import Circumstances, Courier
from caiso_ads.notify.message import item_of


class Office:
    """Every courier. Building it reads secrets: ConfigError names the table, and nothing is sent yet."""

    def __init__(self, configs: Sequence[NotifyConfig], about: Circumstances) -> None:
        self.couriers = tuple(Courier(config, _built(config), about) for config in configs)

    def restore(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Let each take up from its last row what it still has to tell; once the alarms themselves are restored.

        ``rows`` are the details of the last row of each.
        """
        last = {str(row.get("notifier")): row for row in rows}
        for courier in self.couriers:
            courier.restore(last.get(courier.name, {}))

    def heard(self, event: AlarmEvent) -> None:
        """Take a change of an alarm. Never waits."""
        wanted = [courier for courier in self.couriers if courier.wants(event)]
        if wanted:
            item = item_of(event)  # once: a flood must not cost the control loop its time
            for courier in wanted:
                courier.take(event, item)

    async def try_out(self, who: str) -> list[str]:
        """Send a test message by each at once; return a line for each with what became of it."""
        outcomes = await asyncio.gather(*(courier.try_out(who) for courier in self.couriers))
        return [f"{courier.name}: {outcome}" for courier, outcome in zip(self.couriers, outcomes, strict=True)]


def _built(config: NotifyConfig) -> Way:
    try:
        return config.way.build()
    except ConfigError as error:
        raise ConfigError(error.problem, table=f"notify {config.rules.name}", key=error.key, cure=error.cure) from error
    except CertificateError as error:
        raise ConfigError(str(error), table=f"notify {config.rules.name}", cure=error.cure) from error
