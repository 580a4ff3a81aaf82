"""The pages and their files, served from the package: a plant without a way out of its network sees all of it.

Rule: the list of files is made once at start; a path from the wire is looked up in it and never joined to a folder.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Any

from aiohttp import web

from caiso_ads.web.answers import ProblemError
from caiso_ads.web.routes import EVERYBODY, Route
from caiso_ads.web.site import Site

_KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is served; ``packed`` is the same compressed."""

    body: bytes
    packed: bytes
    kind: str
    tag: str


def _found() -> dict[str, StaticFile]:
    """Return every file by its path below ``static``."""
    found: dict[str, StaticFile] = {}
    waiting = [("", files("caiso_ads.web") / "static")]
    while waiting:
        path, place = waiting.pop()
        if place.is_dir():
            waiting += [(f"{path}/{each.name}".lstrip("/"), each) for each in place.iterdir()]
        elif kind := _KINDS.get(path[path.rfind(".") :]):
            body = place.read_bytes()
            found[path] = StaticFile(body, gzip.compress(body, mtime=0), kind, f'"{sha256(body).hexdigest()[:20]}"')
    return found


_FILES = _found()
VIEWS = ("/", "/timeline", "/instructions", "/alarms", "/history", "/system", "/login")
"""Addresses of the page; each is the same file, which shows the view of its address."""


async def file(_site: Site, request: web.Request, _query: Any) -> web.StreamResponse:
    """Return one file."""
    return _file(request.match_info["path"], request)


async def index(_site: Site, request: web.Request, _query: Any) -> web.StreamResponse:
    """Return the page."""
    return _file("index.html", request)


def _file(path: str, request: web.Request) -> web.Response:
    known = _FILES.get(path)
    if known is None:
        raise ProblemError(404, "there is no such file")
    headers = {"Cache-Control": "no-cache", "ETag": known.tag, "Vary": "Accept-Encoding"}
    if known.tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    body = known.packed if packed else known.body
    return web.Response(body=body, content_type=known.kind, charset="utf-8", headers=headers)


ROUTES = (
    *(Route("GET", path, index, EVERYBODY, "the page", kind="text/html") for path in VIEWS),
    Route("GET", "/static/{path:.+}", file, EVERYBODY, "a file of the page", kind="*/*"),
)
