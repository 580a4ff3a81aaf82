"""Answers are JSON that no cache keeps; a problem is a sentence and a field; large ones leave compressed where taken."""

from __future__ import annotations

import gzip
import json
import math

import aiohttp
from aiohttp import web

from caiso_ads.web.answers import COMPRESSED_ABOVE, ProblemError, as_json, as_problem
from tests.web.rig import serving


def body_of(answer: web.Response) -> object:
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


def test_an_answer_is_json_and_not_kept() -> None:
    answer = as_json({"mw": None, "nan": math.nan}, 201)
    assert (answer.status, answer.content_type, answer.headers["Cache-Control"]) == (
        201,
        "application/json",
        "no-store",
    )
    assert body_of(answer) == {"mw": None, "nan": None}


def test_a_problem_has_a_sentence_and_a_field_where_there_is_one() -> None:
    assert body_of(as_problem(ProblemError(404, "there is none", field="uid"))) == {
        "error": "there is none",
        "field": "uid",
    }
    answer = as_problem(ProblemError(503, "busy"))
    assert (answer.status, body_of(answer)) == (503, {"error": "busy"})


async def test_only_large_answers_leave_compressed_and_only_where_taken() -> None:
    async with serving() as (base, _), aiohttp.ClientSession(auto_decompress=False) as client:
        for path, takes, packed in (
            ("/api/v1/points", "gzip, br", True), ("/api/v1/points", "identity", False), ("/healthz", "gzip", False),
        ):  # fmt: skip
            async with client.get(base + path, headers={"Accept-Encoding": takes}) as answer:
                assert ("Content-Encoding" in answer.headers) is packed, (path, takes)
                body = await answer.read()
                assert json.loads(gzip.decompress(body) if packed else body)
                assert packed or (len(body) > COMPRESSED_ABOVE) is (path != "/healthz")
