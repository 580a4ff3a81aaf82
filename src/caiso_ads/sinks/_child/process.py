"""The process of a sink: an ordinary sink, whose feed comes through standard input and whose evidence goes to output.

Rule: when its input ends the gateway is gone, and so goes this process, also where its loop is stuck. It may use no
more memory and descriptors than it was told. Windows has no such cap; there the limits of the sink itself must do.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO, Protocol, TypeVar

import msgspec

from caiso_ads.errors import LocalError
from caiso_ads.ports import Feed
from caiso_ads.sinks._child.wire import (
    LONGEST_TEXT,
    Bound,
    Caps,
    Failed,
    Line,
    Read,
    Refused,
    Reply,
    Seen,
    Shown,
    line,
    read_frame,
    unpacked,
)
from caiso_ads.sinks._within import within
from caiso_ads.sinks.words import shut_down

GRACE_S = 3.0
"""How long after the end of its input the process may still live."""
MOST_WAITING = 10_000

T = TypeVar("T")


class ServedSink(Protocol):
    """What runs in the process: a sink that says where it listens."""

    bound: tuple[tuple[str, int], ...]

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Serve until cancelled."""


class Outbox:
    """Tells the gateway, by a thread: a gateway that stands still must not stop this loop. Also the sink's evidence."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self.shown, self.news = out, -1, asyncio.Event()
        self._waiting: queue.Queue[Reply | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def tell(self, reply: Reply) -> None:
        """Have it told; where the gateway has not listened for long, nothing more is kept for it."""
        with suppress(queue.Full):
            self._waiting.put_nowait(reply)

    def close(self) -> None:
        """Tell the rest, and stop."""
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
            self._thread.join(GRACE_S)

    def _write(self) -> None:
        with suppress(OSError):  # the gateway is gone; the other thread sees that too
            while (reply := self._waiting.get()) is not None:
                self._out.write(line(reply))
                self._out.flush()

    def seen(self, sink: str, generation: int) -> None:  # noqa: ARG002 - the gateway knows whose process this is
        """Tell that the snapshot can be read."""
        self.shown = generation
        self.news.set()
        self.tell(Seen(generation))

    def read(self, sink: str, client: str, unit: int, generation: int) -> None:  # noqa: ARG002 - as above
        """Tell that a client has it."""
        self.tell(Read(client, unit, generation))

    def refused(self, sink: str, client: str, what: str) -> None:  # noqa: ARG002 - as above
        """Tell that a client tried what it may not."""
        self.tell(Refused(client, what))

    def acted(self, sink: str, resource: str, text: str, detail: Mapping[str, object]) -> None:
        """Refuse: what acts on the plant does not run here."""
        raise NotImplementedError


class LogLines(logging.Handler):
    """Sends log records to the gateway's log."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(logging.WARNING)
        self._outbox = outbox

    def emit(self, record: logging.LogRecord) -> None:
        """Send one."""
        self._outbox.tell(Line(record.levelno, record.getMessage()[:LONGEST_TEXT]))


class Inbox:
    """Keeps a feed at the newest snapshot, by a thread: pipes of every system can be read that way."""

    def __init__(self, source: BinaryIO, feed: Feed) -> None:
        self.ended = asyncio.Event()
        self._source, self._feed, self._loop = source, feed, asyncio.get_running_loop()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while (body := read_frame(self._source)) is not None:
                snapshot = unpacked(msgspec.msgpack.decode(body, type=Shown))
                self._loop.call_soon_threadsafe(self._feed.publish, snapshot)
        except (ValueError, OSError):
            pass  # a gateway that speaks so is none
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self.ended.set)
        threading.Event().wait(GRACE_S)
        os._exit(1)  # whatever the loop is stuck in


def cap(caps: Caps) -> None:
    """Limit memory and descriptors of this process; a hard limit that is lower stays. Windows: does nothing."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - POSIX only

    wanted = [(resource.RLIMIT_NOFILE, caps.descriptor_limit), (resource.RLIMIT_CORE, 0)]
    if caps.memory_limit_mb and sys.platform != "darwin":  # macOS takes the call and does not keep to it
        wanted.append((resource.RLIMIT_AS, caps.memory_limit_mb << 20))
    for kind, most in wanted:
        hard = resource.getrlimit(kind)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, limit))


async def serve(source: BinaryIO, outbox: Outbox, kind: type[T], make: Callable[[T, Outbox], ServedSink]) -> None:
    """Run the sink of the setup that comes first, until the gateway is gone; what the sink raises is raised."""
    head, body, first = (read_frame(source) for _ in range(3))
    if head is None or body is None or first is None:
        return
    caps = msgspec.msgpack.decode(head, type=Caps)
    cap(caps)
    sink = make(msgspec.msgpack.decode(body, type=kind), outbox)
    feed = Feed(unpacked(msgspec.msgpack.decode(first, type=Shown)))
    inbox = Inbox(source, feed)
    running = asyncio.create_task(sink.run(feed, lambda: outbox.tell(Bound(list(sink.bound)))))
    ended = asyncio.create_task(inbox.ended.wait())
    await asyncio.wait((running, ended), return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if not running.done():
        await _say_goodbye(feed, outbox, caps.last_word_s)
        running.cancel()
    await asyncio.wait((running,))
    if not running.cancelled():
        running.result()


async def _say_goodbye(feed: Feed, outbox: Outbox, last_word_s: float) -> None:
    last = replace(shut_down(feed.latest), generation=feed.latest.generation + 1)
    feed.publish(last)
    with suppress(TimeoutError):
        async with within(GRACE_S / 2):
            while outbox.shown < last.generation:
                outbox.news.clear()
                await outbox.news.wait()
    await asyncio.sleep(last_word_s)


def _failed(error: LocalError | OSError) -> Failed:
    if isinstance(error, OSError):
        return Failed(error.strerror or str(error), error.errno or 0)
    return Failed(str(error))


def main(kind: type[T], make: Callable[[T, Outbox], ServedSink]) -> None:
    """Be the process. Standard output is the gateway's; whatever a library prints goes to standard error."""
    for one in (signal.SIGINT, signal.SIGTERM):  # meant for the gateway, which ends us by closing our input
        signal.signal(one, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    outbox = Outbox(out)
    logging.basicConfig(level=logging.WARNING, handlers=[LogLines(outbox)])
    try:
        asyncio.run(serve(sys.stdin.buffer, outbox, kind, make))
    except (LocalError, OSError) as error:
        outbox.tell(_failed(error))
    except Exception as error:  # noqa: BLE001 - whatever it was: the gateway shall log it, and starts us again
        outbox.tell(Failed(f"{type(error).__name__}: {error}"))
    outbox.close()
    os._exit(0)  # the reading thread may still wait for the pipe
