"""Operator's commands to the running gateway, through a folder beside its store: one file each, one answer each.

What a command does is its handler's, see ``obeying``. Rule: the gateway executes a command at most once, and only a regular file of its own user, small, well-formed and
fresh. It claims the file by renaming it before it reads it, so that the one who asked can still take back a command
that nobody claimed: "no gateway is running" is certain, and "unknown" is said when it is. Names are random, never a
user's text. On Windows the owner and the mode are not looked at: there the rights of the folder decide.
"""

from __future__ import annotations

import getpass
import json
import logging
import os
import re
import secrets
import socket
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from caiso_ads.errors import CommandError, StoreError, UnansweredError
from caiso_ads.ports import Clock

log = logging.getLogger("caiso_ads.commands")

LARGEST_BYTES = 4096
MOST_AT_ONCE = 20
KEPT_ASIDE = 100
ANSWER_S = 5.0
LOOK_S = 0.05
LONGEST_ANSWER = 300
"""Characters; an answer must stay below LARGEST_BYTES however they are written."""
_FRAME = frozenset({"format", "kind", "at", "who", "host"})
FIELDS: Mapping[str, frozenset[str]] = {
    "set": _FRAME | {"resource", "mw", "directive", "reason", "until"},
    "clear": _FRAME | {"resource", "mw", "directive", "reason", "until"},
    "accept": _FRAME | {"instruction", "revision"},
    "decline": _FRAME | {"instruction", "revision", "reason_code"},
    "partial": _FRAME | {"instruction", "revision", "reason_code", "mw"},
    "second": _FRAME | {"answer"},
    "mss": _FRAME | {"batch", "rows"},
    "alarm-ack": _FRAME | {"alarm", "note"},
    "alarm-ack-all": _FRAME | {"note"},
    "alarm-shelve": _FRAME | {"alarm", "minutes", "reason"},
    "alarm-unshelve": _FRAME | {"alarm", "reason"},
    "alarm-test": _FRAME,
}
"""Every kind of command, and what it may say."""
LARGEST: Mapping[str, int] = {"mss": 256 * 1024}
"""Kinds whose file may be larger than LARGEST_BYTES (bytes)."""
LARGEST_ANSWER = 2 * 1024 * 1024
"""An answer may carry rows of the ISO (bytes)."""
WAIT_S: Mapping[str, float] = dict.fromkeys(("accept", "decline", "partial", "second", "mss", "alarm-test"), 30.0)
"""How long the answer to a command that was taken may take where that is more than ANSWER_S: another is asked (s)."""
_LOOK = {
    "set": "look with: caiso-ads override list",
    "clear": "look with: caiso-ads override list",
    "mss": "look with: caiso-ads evidence export",
}
_NAME = re.compile(r"[0-9a-f]{32}\.(command|taken|result|refused|part)")


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asks for. ``said`` is as read from the file, checked in form only; ``owner`` owns the file."""

    command_id: str
    said: Mapping[str, object]
    owner: str

    @property
    def kind(self) -> str:
        """What is asked for, one of ``FIELDS``."""
        return str(self.said["kind"])

    @property
    def author(self) -> str:
        """Who gave it: the file's owner, and the person behind ``sudo`` where the frame tells one.

        The owner is checked; who became that user by sudo is as told by the one who asked.
        """
        who = str(self.said["who"])
        return who if who.startswith(f"{self.owner} (sudo by ") else self.owner

    @property
    def origin(self) -> dict[str, object]:
        """Where it came from, for the audit table: the file's owner is checked, the host is as told."""
        return {"command": self.command_id, "owner": self.owner, "host": self.said["host"]}


@dataclass(frozen=True, slots=True)
class Result:
    """The gateway's answer: done or refused, and one sentence; ``rows`` where there is a table, plain JSON values."""

    done: bool
    text: str
    rows: tuple[Mapping[str, object], ...] = ()


def where_to_look(kind: str) -> str:
    """Return, as a sentence, where one sees what became of a command of that kind."""
    if kind.startswith("alarm-"):
        return "look with: caiso-ads alarms list"
    return _LOOK.get(kind, "look with: caiso-ads instructions list")


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
            rows = {"rows": list(result.rows)} if result.rows else {}
            said = {"done": result.done, "text": result.text[:LONGEST_ANSWER], **rows}
            self._write(command.command_id, "result", said)
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
            said, owner, size = _read(taken, max(LARGEST.values()))
            return Command(command_id, _checked(said, size), owner)
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
                    cure=f"give the command as that user: sudo -u {_user(found.st_uid)} caiso-ads ...",
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
            said, _, _ = _read(path, LARGEST_ANSWER)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, CommandError) as problem:
            raise CommandError(f"the gateway's answer cannot be read: {problem}") from problem
        _remove(path)
        rows = said.get("rows")
        table = tuple(row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
        return Result(said.get("done") is True, str(said.get("text", "")), table)

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


async def ask(spool: Spool, said: Mapping[str, object], clock: Clock) -> Result:
    """Give a command and wait for its answer; one that nobody takes within 5 s is taken back.

    Raises CommandError when nobody answers: nothing was done, or it is not known, as the text says.
    """
    here = {"at": clock.now().wall.isoformat(), "who": whoami(), "host": socket.gethostname()[:120]}
    command_id, kind = spool.submit({**said, **here}), str(said["kind"])
    result = await _awaited(spool, command_id, clock, ANSWER_S)
    if result is None and spool.withdraw(command_id):
        raise _no_gateway("nobody took the command")
    if result is None:
        result = await _awaited(spool, command_id, clock, WAIT_S.get(kind, ANSWER_S) - ANSWER_S)
    if result is None:
        what = "was done" if kind.startswith("alarm-") else "is in force" if kind in ("set", "clear") else "was sent"
        raise UnansweredError(
            f"the gateway took the command and did not answer: unknown whether it {what}",
            cure=where_to_look(kind),
        )  # fmt: skip
    return result


async def _awaited(spool: Spool, command_id: str, clock: Clock, seconds: float) -> Result | None:
    """Return the answer as soon as there is one, or None after so many seconds."""
    end = clock.now().mono + seconds
    while True:
        result = spool.result(command_id)
        if result is not None or clock.now().mono >= end:
            return result
        await clock.sleep(LOOK_S)


def whoami() -> str:
    """Return this user's name as the system has it, and who became it by sudo."""
    name, behind = _own_user(), os.environ.get("SUDO_USER", "")
    return f"{name} (sudo by {behind[:60]})" if behind.isprintable() and behind not in ("", name) else name


def _no_gateway(why: str) -> CommandError:
    return CommandError(f"no gateway is running: {why}; nothing was done", cure="start it with: caiso-ads run")


def _checked(said: Mapping[str, object], size: int) -> Mapping[str, object]:
    """Return a command whose frame is right; its content is for its handler. ``size`` is the file's (bytes)."""
    kind = said.get("kind")
    fields = FIELDS.get(kind) if isinstance(kind, str) else None
    if said.get("format") != 1 or fields is None or not said.keys() <= fields:
        raise CommandError("not a command of this version")
    if size > LARGEST.get(str(kind), LARGEST_BYTES):
        raise CommandError(f"larger than {LARGEST_BYTES} bytes")
    for field in ("at", "who", "host"):
        text = said.get(field)
        if not isinstance(text, str) or not text.isprintable():
            raise CommandError("must be plain text", field=field)
    return said


def _read(path: Path, largest: int) -> tuple[dict[str, object], str, int]:
    """Read a JSON object from a regular file of this user; return it, its owner and its size.

    Raises OSError, ValueError or CommandError.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        raise CommandError("not a regular file")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise CommandError("not a regular file")
        if _is_foreign(found, 0o022):
            raise CommandError("another user owns it or may write it")
        body = file.read(largest + 1)
    if len(body) > largest:
        raise CommandError(f"larger than {largest} bytes")
    said = json.loads(body)
    if not isinstance(said, dict):
        raise CommandError("not a JSON object")
    return said, _user(found.st_uid), len(body)


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
