"""Operator's commands to the running gateway, through a folder beside its store: one file each, one answer each.

Rule: the gateway executes a command at most once, and only a regular file of its own user, small, well-formed and
fresh. It claims the file by renaming it before it reads it, so that the one who asked can still take back a command
that nobody claimed: "no gateway is running" is certain, and "unknown" is said when it is. Names are random, never a
user's text. On Windows the owner and the mode are not looked at: there the rights of the folder decide.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import logging
import os
import re
import secrets
import socket
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from caiso_ads.core.override import Cleared, Limited, Override, read_clear, read_override, read_time
from caiso_ads.errors import CommandError, StoreError
from caiso_ads.ports import Clock, Store

log = logging.getLogger("caiso_ads.commands")

LARGEST_BYTES = 4096
MOST_AT_ONCE = 20
KEPT_ASIDE = 100
FRESH_S = 10.0
"""A command older or newer than this by the wall clock is refused: nobody waits for it any more."""
ANSWER_S = 5.0
LOOK_S = 0.05
LONGEST_ANSWER = 300
"""Characters; an answer must stay below LARGEST_BYTES however they are written."""
KINDS = ("set", "clear")
_FIELDS = {"format", "kind", "resource", "mw", "directive", "reason", "until", "at", "who", "host"}
_NAME = re.compile(r"[0-9a-f]{32}\.(command|taken|result|refused|part)")


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asks for. ``said`` is as read from the file, checked in form only; ``owner`` owns the file."""

    command_id: str
    said: Mapping[str, object]
    owner: str

    @property
    def origin(self) -> dict[str, object]:
        """Where it came from, for the audit table: the file's owner is checked, the host is as told."""
        return {"command": self.command_id, "owner": self.owner, "host": self.said["host"]}


@dataclass(frozen=True, slots=True)
class Result:
    """The gateway's answer: done or refused, and one sentence."""

    done: bool
    text: str


class Spool:
    """The folder of one store's commands, ``<store>.commands``."""

    def __init__(self, database: Path) -> None:
        self.folder = database.absolute().with_name(database.name + ".commands")
        self._troubled = False

    # --- the gateway's side ------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the folder, for this user only, and forget what a former process left half done.

        Call it once the store's lock is held. Raises StoreError when others could put commands there.
        """
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            found = self.folder.lstat()
        except OSError as problem:
            raise StoreError(f"{self.folder}: cannot be made: {problem.strerror}") from problem
        if not stat.S_ISDIR(found.st_mode) or _is_foreign(found, 0o077):
            error = StoreError(f"{self.folder}: is not a folder of this user alone; commands would not be safe")
            error.cure = f"remove {self.folder}, the gateway makes it again"
            raise error
        for pattern in ("*.taken", "*.part", "*.result"):
            for path in self.folder.glob(pattern):
                log.info("left by a former process, not executed: %s", path.name)
                _remove(path)

    def take(self) -> list[Command]:
        """Claim the commands that wait, oldest names first; what is not a command of ours is put aside and logged."""
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except OSError as problem:
            if not self._troubled:
                log.warning("%s: cannot be read, no commands are taken: %s", self.folder, problem.strerror)
            self._troubled = True
            return []
        self._troubled = False
        waiting = [name for name in names if name.endswith(".command") or not _NAME.fullmatch(name)]
        taken = [self._claim(name) for name in waiting[:MOST_AT_ONCE]]
        if len(names) - len(waiting) > KEPT_ASIDE:
            self._tidy()
        return [command for command in taken if command is not None]

    def answer(self, command: Command, result: Result) -> None:
        """Tell the one who asked, and let go of the command."""
        try:
            self._write(command.command_id, "result", {"done": result.done, "text": result.text[:LONGEST_ANSWER]})
        except OSError as problem:
            log.warning("command %s: cannot be answered: %s", command.command_id, problem.strerror)
        _remove(self._path(command.command_id, "taken"))

    def _claim(self, name: str) -> Command | None:
        """Rename the file, then read it."""
        if not _NAME.fullmatch(name):
            self._set_aside(self.folder / name, "not a name of ours", None)
            return None
        command_id = name.partition(".")[0]
        taken = self._path(command_id, "taken")
        try:
            (self.folder / name).replace(taken)
        except FileNotFoundError:
            return None  # taken back at this moment
        except OSError as problem:
            log.warning("%s: cannot be claimed: %s", self.folder / name, problem.strerror)
            return None
        try:
            said, owner = _read(taken)
            return Command(command_id, _checked(said), owner)
        except OSError as problem:
            self._set_aside(taken, f"cannot be read: {problem.strerror}", command_id)
        except (CommandError, ValueError, RecursionError) as problem:
            self._set_aside(taken, str(problem) or "not JSON", command_id)
        return None

    def _set_aside(self, path: Path, why: str, command_id: str | None) -> None:
        name = path.name.encode("ascii", "backslashreplace").decode()
        log.error("command file %r refused and put aside: %s", name, why)
        try:
            path.replace(self._path(secrets.token_hex(16), "refused"))
            if command_id is not None:
                self._write(command_id, "result", {"done": False, "text": f"the command file was refused: {why}"})
        except OSError as problem:
            log.warning("%r: cannot be put aside: %s", name, problem.strerror)

    def _tidy(self) -> None:
        """Keep the newest of what was put aside or never fetched."""
        old: list[tuple[float, Path]] = []
        for path in (*self.folder.glob("*.refused"), *self.folder.glob("*.result"), *self.folder.glob("*.part")):
            with suppress(FileNotFoundError):
                old.append((path.lstat().st_mtime, path))
        for _, path in sorted(old)[: -KEPT_ASIDE // 2]:
            _remove(path)

    # --- the side of the one who asks --------------------------------------------------------------------------------

    def submit(self, said: Mapping[str, object]) -> str:
        """Put a command into the folder and return its id. Raises CommandError when there is no folder of ours."""
        try:
            found = self.folder.lstat()
            if _is_foreign(found, 0):
                raise CommandError(
                    f"{self.folder} belongs to {_user(found.st_uid)}",
                    cure=f"give the command as that user: sudo -u {_user(found.st_uid)} caiso-ads override ...",
                )
            command_id = secrets.token_hex(16)
            self._write(command_id, "command", {"format": 1, **said})
        except FileNotFoundError as problem:
            raise _no_gateway(f"{self.folder} does not exist") from problem
        except OSError as problem:
            raise CommandError(f"{self.folder}: cannot be written: {problem.strerror}") from problem
        return command_id

    def result(self, command_id: str) -> Result | None:
        """Return the answer and remove it, or None while there is none. Raises CommandError for one of no sense."""
        path = self._path(command_id, "result")
        try:
            said, _ = _read(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, CommandError) as problem:
            raise CommandError(f"the gateway's answer cannot be read: {problem}", cure=_LOOK) from problem
        _remove(path)
        return Result(said.get("done") is True, str(said.get("text", "")))

    def withdraw(self, command_id: str) -> bool:
        """Take a command back; False when the gateway has claimed it."""
        try:
            self._path(command_id, "command").unlink()
        except FileNotFoundError:
            return False
        return True

    def _path(self, command_id: str, kind: str) -> Path:
        return self.folder / f"{command_id}.{kind}"

    def _write(self, command_id: str, kind: str, said: Mapping[str, object]) -> None:
        """Write a file that appears whole or not at all."""
        part = self._path(secrets.token_hex(16), "part")
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(fd, "w", encoding="ascii") as file:
            json.dump(said, file)
        part.replace(self._path(command_id, kind))


_LOOK = "look with: caiso-ads override list"


async def handle(
    spool: Spool,
    store: Store,
    clock: Clock,
    resources: Mapping[str, Limited],
    apply: Callable[[Override | Cleared], None],
) -> list[Override | Cleared]:
    """Execute the commands that wait: check again, commit, ``apply`` (fold and publish), answer; in this order.

    Returns what was applied. A store that cannot write refuses the command; it does not raise here.
    """
    applied: list[Override | Cleared] = []
    for command in await asyncio.to_thread(spool.take):
        try:
            change = understood(command, clock, resources)
            await _commit(store, change, command.origin)
        except CommandError as refused:
            result = Result(done=False, text=str(refused))
        except StoreError as problem:
            result = Result(done=False, text=f"the store cannot write it: {problem}; {_LOOK}")
        else:
            apply(change)
            applied.append(change)
            result = Result(done=True, text=_told(change))
        log.warning("operator command %s by %s: %s", command.command_id, command.said["who"], result.text)
        await asyncio.to_thread(spool.answer, command, result)
    return applied


def understood(command: Command, clock: Clock, resources: Mapping[str, Limited]) -> Override | Cleared:
    """Check all of a command against the configuration and the clock. Raises CommandError naming the field."""
    now, said = clock.now().wall, command.said
    if abs(now - read_time(str(said["at"]), "at")) > timedelta(seconds=FRESH_S):
        raise CommandError(f"given at {said['at']}, which is not now; nobody waits for it", field="at")
    read = read_override if said["kind"] == "set" else read_clear
    return read(said, now=now, resources=resources, who=str(said["who"]))


async def ask(spool: Spool, said: Mapping[str, object], clock: Clock) -> Result:
    """Give a command and wait for its answer, at most 5 s. Raises CommandError when nobody answers."""
    here = {"at": clock.now().wall.isoformat(), "who": whoami(), "host": socket.gethostname()[:120]}
    command_id = spool.submit({**said, **here})
    end = clock.now().mono + ANSWER_S
    while True:
        result = spool.result(command_id)
        if result is not None:
            return result
        if clock.now().mono >= end:
            break
        await clock.sleep(LOOK_S)
    if spool.withdraw(command_id):
        raise _no_gateway("nobody took the command")
    result = spool.result(command_id)
    if result is None:
        raise CommandError(
            "the gateway took the command and did not answer: unknown whether it is in force", cure=_LOOK
        )
    return result


def whoami() -> str:
    """Return this user's name as the system has it, and who became it by sudo."""
    name, behind = _own_user(), os.environ.get("SUDO_USER", "")
    return f"{name} (sudo by {behind[:60]})" if behind.isprintable() and behind not in ("", name) else name


async def _commit(store: Store, change: Override | Cleared, origin: Mapping[str, object]) -> None:
    if isinstance(change, Override):
        await store.record_override(change, origin)
    elif not await store.record_override_cleared(change, origin):
        raise CommandError(f"nothing is forced for {change.resource_id}", field="resource")


def _told(change: Override | Cleared) -> str:
    if isinstance(change, Cleared):
        return f"{change.resource_id}: the override is cleared"
    what = f"{change.setpoint_mw} MW" if change.directive is None else change.directive.name
    return f"{change.resource_id}: forced to {what} until {change.until:%Y-%m-%d %H:%M:%S} UTC"


def _no_gateway(why: str) -> CommandError:
    return CommandError(f"no gateway is running: {why}; nothing was done", cure="start it with: caiso-ads run")


def _checked(said: Mapping[str, object]) -> Mapping[str, object]:
    """Return a command whose frame is right; its content is for ``understood``."""
    if said.get("format") != 1 or said.get("kind") not in KINDS or not said.keys() <= _FIELDS:
        raise CommandError("not a command of this version")
    for field in ("at", "who", "host"):
        text = said.get(field)
        if not isinstance(text, str) or not text.isprintable():
            raise CommandError("must be plain text", field=field)
    return said


def _read(path: Path) -> tuple[dict[str, object], str]:
    """Read a small JSON object from a regular file of this user, and name its owner; ValueError or CommandError."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise CommandError("not a regular file")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise CommandError("not a regular file")
        if _is_foreign(found, 0o022):
            raise CommandError("another user owns it or may write it")
        body = file.read(LARGEST_BYTES + 1)
    if len(body) > LARGEST_BYTES:
        raise CommandError(f"larger than {LARGEST_BYTES} bytes")
    said = json.loads(body)
    if not isinstance(said, dict):
        raise CommandError("not a JSON object")
    return said, _user(found.st_uid)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as problem:
        log.warning("%s: cannot be removed: %s", path.name, problem.strerror)


if sys.platform == "win32":

    def _is_foreign(found: os.stat_result, forbidden: int) -> bool:  # noqa: ARG001 - told by the folder's rights alone
        return False

    def _user(number: int) -> str:  # noqa: ARG001 - files tell no number here
        return getpass.getuser()

    def _own_user() -> str:
        return getpass.getuser()

else:
    import pwd

    def _is_foreign(found: os.stat_result, forbidden: int) -> bool:
        """Whether a file is another user's, or gives others one of the forbidden rights."""
        return found.st_uid != os.geteuid() or bool(stat.S_IMODE(found.st_mode) & forbidden)

    def _user(number: int) -> str:
        """Return a user's name, or its number where the system has no name."""
        try:
            return pwd.getpwuid(number).pw_name
        except KeyError:
            return f"user {number}"

    def _own_user() -> str:
        return _user(os.geteuid())
