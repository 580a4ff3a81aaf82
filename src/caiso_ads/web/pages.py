"""The pages and their files, served from the package: a plant without a way out of its network sees all of it.

Rule: the list of files is made once at start; a path from the wire is looked up in it and never joined to a folder.
"""

from __future__ import annotations

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


def _found() -> dict[str, tuple[bytes, str]]:
    """Return every file by its path below ``static``, with its media type."""
    found: dict[str, tuple[bytes, str]] = {}
    waiting = [("", files("caiso_ads.web") / "static")]
    while waiting:
        path, place = waiting.pop()
        if place.is_dir():
            waiting += [(f"{path}/{each.name}".lstrip("/"), each) for each in place.iterdir()]
        elif kind := _KINDS.get(path[path.rfind(".") :]):
            found[path] = (place.read_bytes(), kind)
    return found


_FILES = _found()
VIEWS = ("/", "/timeline", "/instructions", "/alarms", "/history", "/system", "/login")
"""Addresses of the page; each is the same file, which shows the view of its address."""


async def file(_site: Site, request: web.Request, _query: Any) -> web.StreamResponse:
    """Return one file."""
    return _file(request.match_info["path"])


async def index(_site: Site, _request: web.Request, _query: Any) -> web.StreamResponse:
    """Return the page."""
    return _file("index.html")


def _file(path: str) -> web.Response:
    known = _FILES.get(path)
    if known is None:
        raise ProblemError(404, "there is no such file")
    body, kind = known
    return web.Response(body=body, content_type=kind, charset="utf-8", headers={"Cache-Control": "no-cache"})


ROUTES = (
    *(Route("GET", path, index, EVERYBODY, "the page", kind="text/html") for path in VIEWS),
    Route("GET", "/static/{path:.+}", file, EVERYBODY, "a file of the page", kind="*/*"),
)
