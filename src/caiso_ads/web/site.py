"""What a request may use: the live feed, the store for reading, the desk for commands, the health of everything.

Rule: handlers get all they need from here and from the request; none holds state of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from caiso_ads.config import Config
from caiso_ads.loop.desk import Desk
from caiso_ads.loop.supervisor import SupervisedSink
from caiso_ads.loop.watch import AlarmWatch
from caiso_ads.ports import Clock, Feed, Instant, SinkContext
from caiso_ads.web.access.guard import Guard
from caiso_ads.web.access.people import Identity, Role
from caiso_ads.web.broadcast import Broadcast
from caiso_ads.web.certificate import CertificateFile
from caiso_ads.web.reading import Reads
from caiso_ads.web.traffic import Traffic

__all__ = ("IDENTITY", "SITE", "Identity", "Role", "Site")


@dataclass(frozen=True, slots=True)
class Site:
    """One running gateway as the page sees it. ``sinks`` tells the health of each, ``reads`` looks into its store.

    ``started`` is when it was made.
    """

    config: Config
    feed: Feed
    clock: Clock
    desk: Desk
    context: SinkContext
    sinks: Callable[[], Sequence[SupervisedSink]]
    broadcast: Broadcast
    guard: Guard
    alarms: AlarmWatch = field(default_factory=AlarmWatch)
    reads: Reads = field(init=False)
    certificate: CertificateFile = field(init=False)
    started: Instant = field(init=False)
    traffic: Traffic = field(init=False, default_factory=Traffic)

    def __post_init__(self) -> None:
        """Know the store and the start; opens nothing."""
        object.__setattr__(self, "reads", Reads(self.config.store.path))
        object.__setattr__(self, "certificate", CertificateFile(self.config.ads))
        object.__setattr__(self, "started", self.clock.now())


SITE: web.AppKey[Site] = web.AppKey("site", Site)
IDENTITY: web.RequestKey[Identity] = web.RequestKey("identity", Identity)
