"""What is sent: every text is plain, both clocks stand there, and nothing that is not production looks real."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.alarm_kinds import Ident, What
from caiso_ads.notify.message import LISTED, SUBJECT, Message, both_clocks, plain, standing_item
from caiso_ads.notify.message import test_item as trial
from tests.fakes import START
from tests.notify.rig import LINK, REFUSED, WORST, alarm, event, items, message

ANY = st.text(st.characters(), max_size=300)


@settings(max_examples=60, deadline=None)
@given(ANY)
def test_whatever_a_text_holds_it_becomes_one_printable_line(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    shown.encode()
    assert len(shown) <= 400
    assert text.isprintable() is False or shown == text


@settings(max_examples=60, deadline=None)
@given(ANY, ANY, ANY, ANY)
def test_no_text_of_an_alarm_makes_a_line_of_its_own_anywhere(subject: str, text: str, who: str, note: str) -> None:
    changed = replace(event(Ident("value_refused", subject)), text=text, who=who, note=note)
    one, calm = message(changed), message(replace(event(REFUSED), who="x", note="y"))
    assert one.subject.isprintable()
    assert len(one.subject) <= SUBJECT
    assert all(line.isprintable() for line in one.text.split("\n"))
    assert one.text.count("\n") <= calm.text.count("\n")
    assert json.loads(json.dumps(one.document).encode()) == one.document


def test_the_worst_text_shows_what_it_tried() -> None:
    shown = plain(WORST)
    assert "\\u{d}\\u{a}Bcc: thief" in shown
    assert "\\u{1b}[2J\\u{202e}" in shown
    assert plain("x" * 500) == "x" * 399 + "…"


def test_a_message_says_what_since_when_on_both_clocks_why_and_what_to_do() -> None:
    text = message(event(REFUSED, text="a value was refused")).text
    assert text.startswith("RAISED high: R1: a value was refused\n")
    assert "at: 2026-07-01 12:00:00 UTC / 2026-07-01 05:00:00 PDT" in text
    assert {line.split(":")[0].strip() for line in text.splitlines() if line} >= {"cause", "consequence", "do", "alarm"}


def test_winter_and_the_day_before_show_in_the_pacific_time() -> None:
    assert both_clocks(datetime(2026, 1, 1, 3, tzinfo=UTC)).endswith("2025-12-31 19:00:00 PST")


def test_only_production_looks_real() -> None:
    real, practice = message(), message(environment="simulator")
    assert real.is_real
    assert real.subject == "caiso-ads RAISED critical: no contact with ADS"
    assert "TEST" not in real.text
    assert real.document["test"] is False
    assert practice.subject == f"TEST {real.subject}"
    assert practice.text.startswith("TEST: environment simulator, not production.")
    assert practice.document["test"] is True


def test_a_test_is_marked_in_production_too() -> None:
    one = Message(START, "production", (trial("mail", "ann", START),))
    assert one.subject == "TEST caiso-ads TEST low: test of the notifier mail: nothing is wrong"
    assert "by: ann" in one.text


def test_a_digest_counts_and_puts_the_most_urgent_first() -> None:
    many = message(
        event(REFUSED), event(LINK, text="worst"), event(REFUSED), event(Ident("mismatch", "R2")), left_out=3
    )
    assert many.subject == "caiso-ads 7 changes of alarms, foremost RAISED critical: worst"
    assert many.foremost.text == "worst"
    assert many.text.endswith("and 3 older changes: see the page or the journal of alarms\n")


def test_a_long_digest_has_a_line_for_each_of_the_newest_and_counts_the_others() -> None:
    many = Message(START, "production", tuple(items(LISTED + 10)), 5)
    lines = many.text.splitlines()
    assert len(lines) == LISTED + 1
    assert lines[0].startswith("2026-07-01 12:00:59 UTC")
    assert lines[-1].startswith("and 15 older")
    shown = many.document["items"]
    assert isinstance(shown, list)
    assert (len(shown), many.document["left_out"]) == (LISTED, 15)
    assert shown[0]["at"] == "2026-07-01T12:00:59Z"


def test_the_same_change_has_the_same_id_and_another_has_not() -> None:
    one, again = message(event()), message(event())
    assert one.message_id == again.message_id
    others = [
        event(at=START + timedelta(seconds=1)), event(what=What.RETURNED), event(REFUSED), event(Ident("value_refused", "R2")),
    ]  # fmt: skip
    ids = {message(other).items[0].item_id for other in others}
    assert len(ids | {one.items[0].item_id}) == 5


@pytest.mark.parametrize(("what", "shown"), [("reminder", True), ("returned", False)])
def test_what_to_do_is_told_while_there_is_something_to_do(what: str, shown: bool) -> None:  # noqa: FBT001 - a case
    later = START + timedelta(minutes=5)
    text = Message(later, "production", (standing_item(alarm(), what, later),)).text
    assert ("do:" in text) is shown
    assert "raised: 2026-07-01 12:00:00 UTC" in text
