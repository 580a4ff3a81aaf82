from __future__ import annotations

from caiso_ads.core.alarm_kinds import Ident, ident_of


def test_an_alarm_is_found_by_its_text_whatever_its_subject_is_called() -> None:
    for ident in (Ident("link"), Ident("value_refused", "R 1"), Ident("price_stale", "A:B:C")):
        assert ident_of(ident.text) == ident
