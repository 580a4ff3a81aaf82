"""What goes back: JSON by msgspec, and one form for everything that went wrong.

Rule: a problem has a sentence for people, and the field where there is one. Never an exception's own text from inside.
"""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every answer that is no success."""

    error: str
    field: str = ""


class ProblemError(Exception):
    """Raised by handlers: the status and the problem to answer with."""

    def __init__(self, status: int, error: str, *, field: str = "") -> None:
        self.status, self.problem = status, Problem(error, field)
        super().__init__(error)


def as_json(value: Any, status: int = 200) -> web.Response:
    """Return an answer of JSON that no cache keeps."""
    body = msgspec.json.encode(value)
    return web.Response(
        body=body, status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def as_problem(error: ProblemError) -> web.Response:
    """Return the answer for what went wrong."""
    return as_json(error.problem, error.status)
