"""Where a request comes from: only listed proxies are believed, only our names answer, no other site asks."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from caiso_ads.config.web import WebConfig
from caiso_ads.web.access.origin import Came, Origins
from caiso_ads.web.answers import ProblemError


class Peer:
    """A transport, of which only the peer's address is asked."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self.address, 50_000) if name == "peername" else default


def came(config: WebConfig, peer: str, headers: dict[str, str] | None = None) -> Came:
    request = make_mocked_request("GET", "/", headers=headers or {}, transport=Peer(peer))
    return Origins(config).came(request)


PROXIED = WebConfig(proxy=("10.0.0.2",))


def test_a_listed_proxy_is_believed() -> None:
    said = {"X-Forwarded-For": "192.168.1.9", "X-Forwarded-Proto": "https"}
    assert came(PROXIED, "10.0.0.2", said) == Came("192.168.1.9", secure=True, forwarded=False)


def test_anybody_else_is_not() -> None:
    said = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}
    assert came(PROXIED, "10.0.0.3", said) == Came("10.0.0.3", secure=False, forwarded=True)


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("127.0.0.1, 192.168.1.9", "192.168.1.9"),  # the client wrote the first one itself
        ("127.0.0.1, 192.168.1.9, 10.0.0.2", "192.168.1.9"),
        ("", "10.0.0.2"),
        ("<script>", "unknown"),
        ("127.0.0.1, evil", "unknown"),
    ],
)
def test_of_many_hops_the_last_that_is_no_proxy_counts(said: str, address: str) -> None:
    assert came(PROXIED, "10.0.0.2", {"X-Forwarded-For": said}).address == address


def check(config: WebConfig, method: str, path: str, headers: dict[str, str], *, address: str = "127.0.0.1") -> int:
    """Return 200, or the status of the refusal."""
    request = make_mocked_request(method, path, headers=headers, transport=Peer(address))
    try:
        Origins(config).check(request, Origins(config).came(request))
    except ProblemError as refused:
        return refused.status
    return 200


OURS = WebConfig(hosts=("gateway.plant.example",))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("localhost:8080", 200),
        ("gateway.plant.example", 200),
        ("GATEWAY.plant.example.:8443", 200),
        ("evil.example", 403),  # a foreign name that was pointed at 127.0.0.1
        ("gateway.plant.example.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("evil.example@127.0.0.1x", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_only_our_names_answer(host: str, status: int) -> None:
    assert check(OURS, "GET", "/api/v1/me", {"Host": host}) == status


@pytest.mark.parametrize(
    ("method", "path", "said", "status"),
    [
        ("GET", "/", {"Sec-Fetch-Site": "cross-site"}, 200),  # a link from elsewhere
        ("GET", "/api/v1/events", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", "/api/v1/events", {"Sec-Fetch-Site": "same-site"}, 403),
        ("GET", "/api/v1/events", {"Origin": "http://evil.example"}, 403),
        ("GET", "/api/v1/events", {"Sec-Fetch-Site": "none"}, 200),
        ("GET", "/api/v1/events", {"Sec-Fetch-Site": "same-origin"}, 200),
        ("GET", "/metrics", {}, 200),
        ("POST", "/api/v1/login", {"Origin": "http://localhost:8080"}, 200),
        ("POST", "/api/v1/login", {"Origin": "http://localhost:8081"}, 403),
        ("POST", "/api/v1/login", {"Origin": "https://localhost:8080"}, 403),
        ("POST", "/api/v1/login", {"Origin": "null"}, 403),
        ("POST", "/api/v1/login", {"Origin": "http://localhost:8080", "Sec-Fetch-Site": "none"}, 403),
        ("POST", "/api/v1/login", {"Origin": "http://localhost:8080", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_no_other_sites_page_asks_anything(method: str, path: str, said: dict[str, str], status: int) -> None:
    assert check(OURS, method, path, {"Host": "localhost:8080", **said}) == status


def test_clear_text_over_a_network_is_refused_unless_it_was_accepted() -> None:
    host = {"Host": "10.0.0.1:8080"}
    opened = WebConfig(host="0.0.0.0", proxy=("10.0.0.2",))
    assert check(opened, "GET", "/", host, address="10.0.0.9") == 403
    assert check(opened, "GET", "/", {**host, "X-Forwarded-For": "10.0.0.9"}, address="10.0.0.2") == 403
    by_tls = {**host, "X-Forwarded-For": "10.0.0.9", "X-Forwarded-Proto": "https"}
    assert check(opened, "GET", "/", by_tls, address="10.0.0.2") == 200
    assert check(opened, "GET", "/", by_tls, address="10.0.0.9") == 403
    assert check(WebConfig(host="0.0.0.0", insecure_http=True), "GET", "/", host, address="10.0.0.9") == 200
