"""The one pacer of the host: every request of every process that names the same file waits for its turn here.

Rule: the turn is written down, under the operating system's lock, before the request starts; so neither a restart nor
a second process can burst. Live prices go before history. What several hosts behind one address do is not seen here.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from caiso_ads.errors import ConfigError, OasisError, ThrottledError
from caiso_ads.filelock import take
from caiso_ads.oasis import pace
from caiso_ads.oasis.pace import Pace
from caiso_ads.ports import Clock

MIN_INTERVAL_S = 6.0
"""Default time between two request starts (s); the service refuses what comes within 5 s."""
_BUSY_S = 0.05
_BUSY_LIMIT_S = 30.0


def beside(database: Path) -> Path:
    """Return where the pace stands when no file is named: beside that database, so that all who know it meet there."""
    return database.with_name("oasis.pace")


class Pacer:
    """Gives turns; ``file`` is shared by everything on this host that asks the price service.

    ``min_interval_s`` is the least time between two request starts (s). Raises ConfigError when the file cannot be
    used. ``jitter`` gives numbers in 0..1.
    """

    def __init__(
        self, file: Path, clock: Clock, min_interval_s: float = MIN_INTERVAL_S,
        *, jitter: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        if not min_interval_s > 0:
            raise ConfigError(f"{min_interval_s!r} is no time above 0 s", table="oasis", key="min_interval_s")
        self.file, self._clock, self._least_s, self._jitter = file, clock, min_interval_s, jitter
        self._own_start: float | None = None

    @asynccontextmanager
    async def turn(self, *, live: bool) -> AsyncIterator[float]:
        """Wait for the turn, then yield the time it was given (unix seconds); the body makes exactly one request.

        A body that raises ThrottledError makes everybody wait longer, another answer of the service ends that.
        """
        started = await self._granted(live=live)
        try:
            yield started
        except ThrottledError:
            await self._change(self._refused)
            raise
        except OasisError:
            await self._change(self._answered)
            raise
        else:
            await self._change(self._answered)

    async def _granted(self, *, live: bool) -> float:
        while True:
            given: list[float] = []

            def ask(found: Pace, now: float, given: list[float] = given) -> tuple[Pace, float]:
                given.append(now)
                return pace.ask(found, now, self._least_s, live=live, own_wait_s=self._own_wait_s())

            wait = await self._change(ask)
            if wait <= 0:
                self._own_start = self._clock.now().mono
                return given[-1]
            await self._clock.sleep(wait)

    def _own_wait_s(self) -> float:
        if self._own_start is None:
            return 0.0
        return self._own_start + self._least_s - self._clock.now().mono

    def _refused(self, found: Pace, now: float) -> tuple[Pace, float]:
        return pace.refused(found, now, self._least_s, self._jitter()), 0.0

    @staticmethod
    def _answered(found: Pace, _: float) -> tuple[Pace, float]:
        return pace.answered(found), 0.0

    async def _change(self, change: Callable[[Pace, float], tuple[Pace, float]]) -> float:
        """Replace the shared pace under the lock; return the second value of ``change``."""
        begun = self._clock.now().mono
        while True:
            fd = self._open()
            try:
                take(fd)
            except OSError as busy:
                os.close(fd)
                if self._clock.now().mono - begun > _BUSY_LIMIT_S:
                    raise self._unusable("cannot be locked") from busy
                await self._clock.sleep(_BUSY_S)
                continue
            try:
                return self._replace(fd, change)
            except OSError as problem:
                raise self._unusable(problem.strerror or "cannot be written") from problem
            finally:
                os.close(fd)

    def _replace(self, fd: int, change: Callable[[Pace, float], tuple[Pace, float]]) -> float:
        now = self._clock.now().wall.timestamp()
        os.lseek(fd, 0, os.SEEK_SET)
        before = os.read(fd, pace.BLOCK)
        after, result = change(pace.decode(before, now), now)
        content = pace.encode(after)
        if content != before:
            os.lseek(fd, 0, os.SEEK_SET)
            os.write(fd, content)
        return result

    def _open(self) -> int:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.file, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as problem:
            raise self._unusable(problem.strerror or "cannot be opened") from problem

    def _unusable(self, problem: str) -> ConfigError:
        return ConfigError(
            f"{self.file}: {problem}", cure="all who ask the price service from this host need a common file to write"
        )
