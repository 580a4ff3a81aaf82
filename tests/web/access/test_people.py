"""Who asks is anonymous until something was checked."""

from __future__ import annotations

from caiso_ads.web.access.people import ANONYMOUS_OPERATOR, Identity, Role


def test_only_a_session_or_a_token_is_somebody() -> None:
    assert Identity(ANONYMOUS_OPERATOR, frozenset({Role.OPERATOR})).anonymous
    assert not Identity("ada", frozenset(), session="1").anonymous
    assert not Identity("token historian", frozenset(), token="1").anonymous


def test_a_command_says_where_it_was_given() -> None:
    assert Identity("ada", frozenset(), "10.0.0.7").host == "page, 10.0.0.7"
