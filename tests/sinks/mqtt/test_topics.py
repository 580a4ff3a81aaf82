"""Topics: identifiers are escaped, so none can mean another's topic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.sinks.mqtt.topics import Topics

TOPICS = Topics("site/ads")


def test_where_the_documents_stand() -> None:
    assert (TOPICS.state, TOPICS.gateway) == ("site/ads/state", "site/ads/gateway")
    assert TOPICS.resource("ALPHA_1_UNIT") == "site/ads/resource/ALPHA_1_UNIT"
    assert TOPICS.node("TH_NP15_GEN-APND") == "site/ads/node/TH_NP15_GEN-APND"


def test_what_could_mean_something_in_a_topic_is_escaped() -> None:
    assert TOPICS.resource("a/b+c#d\0e%f") == "site/ads/resource/a%2Fb%2Bc%23d%00e%25f"


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_identifiers_never_share_a_topic(one: str, other: str) -> None:
    one, other = (text.encode("utf-8", "replace").decode() for text in (one, other))
    assert (TOPICS.resource(one) == TOPICS.resource(other)) == (one == other)
    assert not set("+#\0") & set(TOPICS.resource(one))
    assert TOPICS.resource(one).count("/") == 3
