"""How the daemon logs: one line an event, on standard error; text for people or JSON for machines.

Rule: a foreign text can never break a line or move a cursor; control characters are written as escapes.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import msgspec


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


class TextFormatter(logging.Formatter):
    """``2026-07-01T12:00:00Z WARNING caiso_ads.gateway: text``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; a traceback follows on lines of its own."""
        line = f"{_time(record)} {record.levelname} {record.name}: {_clean(record.getMessage())}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and exception where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        fields = {"time": _time(record), "level": record.levelname, "logger": record.name}
        fields["message"] = _clean(record.getMessage())
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields).decode()


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def set_up_logging(*, level: str, form: str) -> None:
    """Send this package's log to standard error in the given form: ``text`` or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("caiso_ads").setLevel(level.upper())
