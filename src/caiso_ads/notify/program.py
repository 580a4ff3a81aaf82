"""A program of the plant's own: the document on its standard input, the main fields in its environment.

Rule: no shell, and its arguments come from the configuration alone, so no text of an alarm can become a command. It has
a time limit, and is killed after it with all it has started (on Windows: itself).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from caiso_ads.errors import ConfigError, LocalError
from caiso_ads.notify.message import Message, both_clocks, plain

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT", "SYSTEMDRIVE", "TEMP", "TMP", "USERPROFILE")
"""What a program is given of our own environment: the rest may hold secrets."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``kind = "command"``; ConfigError names the key of a value that cannot work."""

    program: Annotated[Path, Meta(description="the program; it is not looked for in PATH, and no shell is started")]
    arguments: Annotated[tuple[str, ...], Meta(description="its arguments, as they are")] = ()
    limit_s: Annotated[float, Meta(ge=0.1, le=15, description="it is killed after so long")] = 10.0

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        if any("\0" in one for one in self.arguments):
            raise ConfigError("must not hold a NUL character", key="arguments")
        if self.program.suffix.lower() in {".bat", ".cmd"}:
            raise ConfigError("a batch file is run by a shell", key="program", cure="name a program")

    def build(self) -> Program:
        """Return the way. Raises ConfigError where there is no such program."""
        if not self.program.is_file() or not os.access(self.program, os.X_OK):
            raise ConfigError(f"{self.program} is no program we may run", key="program", cure="name an executable file")
        return Program(self)


@dataclass(frozen=True)
class Program:
    """One program, started for each message."""

    config: Config

    async def send(self, message: Message) -> None:
        """Run it to its end; LocalError unless that is 0 within the limit."""
        body = json.dumps(message.document).encode()
        config = self.config
        try:
            process = await asyncio.create_subprocess_exec(
                config.program, *config.arguments, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL,
                env={**_own(), **variables(message)}, **_apart(),
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise LocalError(f"{config.program.name} cannot be started: {type(error).__name__}") from error
        assert process.stdin is not None
        fed = False
        try:
            async with asyncio.timeout(config.limit_s):
                await _feed(process.stdin, body)
                fed = True
                code = await process.wait()
        except TimeoutError:
            raise LocalError(f"{config.program.name} was killed after {config.limit_s:g} s") from None
        finally:
            if process.returncode is None:
                _kill(process)
                if not fed:
                    process.stdin.transport.abort()  # else what it has not read would be waited for
                await process.wait()
        if code != 0:
            raise LocalError(f"{config.program.name} ended with {code}")


def variables(message: Message) -> Mapping[str, str]:
    """Return the fields of the foremost change, as environment variables: printable text without line ends."""
    item = message.foremost
    told = {
        "SUBJECT": message.subject, "WHAT": item.what, "PRIORITY": item.priority.word, "ALARM": item.alarm,
        "RESOURCE": item.resource, "TEXT": item.text, "ACTION": item.action, "AT": both_clocks(item.at),
        "ENVIRONMENT": plain(message.environment), "TEST": str(int(not message.is_real)),
        "COUNT": str(len(message.items) + message.left_out), "ID": message.message_id,
    }  # fmt: skip
    return {f"CAISO_ADS_{key}": value for key, value in told.items()}


def _own() -> Mapping[str, str]:
    return {key: os.environ[key] for key in _KEPT if key in os.environ}


def _apart() -> dict[str, Any]:
    """Return how to start it apart from us: a signal for us is none for it, and a kill reaches all of its group."""
    if sys.platform == "win32":
        return {"creationflags": 0x0000_0200 | 0x0800_0000}  # CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW
    return {"start_new_session": True}


async def _feed(pipe: asyncio.StreamWriter, body: bytes) -> None:
    """Write all to a program that reads; one that does not want it has taken it too."""
    pipe.transport.set_write_buffer_limits(0)  # drained is then: the system has all of it
    with contextlib.suppress(ConnectionError):
        pipe.write(body)
        await pipe.drain()
    pipe.close()


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)  # its session: what it has started too
