from __future__ import annotations

import pytest

from caiso_ads.ads.exchange import HttpReply
from caiso_ads.core.price import Market
from caiso_ads.errors import HttpStatusError, OasisError, ThrottledError, WireError
from caiso_ads.oasis.reading import content
from caiso_ads.wire.oasis import answer
from caiso_ads.wire.oasis.checks import Prices
from caiso_ads.wire.oasis.writing import THROTTLE_HTML, error_zip
from tests.price_fakes import NOW


def read(body: bytes, status: int, **headers: str) -> Prices:
    reply = HttpReply(status, headers, body, NOW)
    return content(reply, lambda found, known: answer.read_prices(found, Market.RTD, None, known))


@pytest.mark.parametrize("status", [200, 404, 500])
def test_an_error_document_counts_whatever_the_status(status: int) -> None:
    with pytest.raises(OasisError, match="1005"):
        read(error_zip(1005)[1], status)


@pytest.mark.parametrize("status", [200, 429, 503])
def test_the_page_of_the_edge_is_a_refusal_whatever_the_status(status: int) -> None:
    with pytest.raises(ThrottledError):
        read(THROTTLE_HTML, status)


@pytest.mark.parametrize(
    ("status", "cure"), [(404, "no such report"), (302, "https://x/"), (414, "fewer nodes"), (500, "")]
)
def test_a_status_without_readable_content_is_named(status: int, cure: str) -> None:
    with pytest.raises(HttpStatusError, match=str(status)) as error:
        read(b"<html>", status, location="https://x/")
    assert cure in error.value.cure


def test_a_page_that_is_no_answer_is_a_wire_error() -> None:
    with pytest.raises(WireError):
        read(b"<html>maintenance</html>", 200)
