"""What goes back: JSON by msgspec, and one form for everything that went wrong.

Rule: a problem has a sentence for people, and the field where there is one. Never an exception's own text from inside.
"""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

COMPRESSED_ABOVE = 1024
"""Bytes."""


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
    return of_json(msgspec.json.encode(value), status)


def of_json(body: bytes, status: int = 200) -> web.Response:
    """Return the same of what is JSON already."""
    return web.Response(
        body=body, status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def as_problem(error: ProblemError) -> web.Response:
    """Return the answer for what went wrong."""
    return as_json(error.problem, error.status)


def compressed(answer: web.StreamResponse, request: web.Request) -> web.StreamResponse:
    """Let a large answer of JSON or XML leave compressed, where the one who asked takes that."""
    whole = isinstance(answer, web.Response) and isinstance(answer.body, bytes) and len(answer.body) > COMPRESSED_ABOVE
    taken = "gzip" in request.headers.get("Accept-Encoding", "")
    if whole and taken and answer.content_type in {"application/json", "text/xml"}:
        answer.enable_compression(web.ContentCoding.gzip)
    if whole:
        answer.headers.setdefault("Vary", "Accept-Encoding")
    return answer
