"""``[responses]``, ``[[outage]]`` and what a resource says about automatic answers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from caiso_ads.config.responses import (
    DEFAULT_RESPONSES,
    ResponsesConfig,
    capabilities,
    identity_for_responses,
    policies,
)
from caiso_ads.core.codes import ReasonCode
from caiso_ads.core.policy import NO_POLICY, Outage, Policy, PolicyMode
from tests.config.test_init import GOOD, load, refusal

OUTAGE = '[[outage]]\nresource = "PLANT_1_UNIT"\nstart = 2026-07-01T08:00:00-07:00\nend = 2026-07-01T16:00:00Z\n'
ACTING = """
auto_accept_within_mw = 5
capability_mw = 120
auto_decline_above_capability = true
decline_reason = "unit-derate"
"""


def of_first(keys: str) -> str:
    """Return a good file whose first resource has more keys."""
    return GOOD.replace("pmax_mw = 150.5", f"pmax_mw = 150.5\n{keys}")


def test_by_default_nothing_is_answered_and_the_certificate_is_the_one_of_ads(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    assert config.responses == DEFAULT_RESPONSES == ResponsesConfig()
    assert (config.responses.mode, config.responses.read_only) == ("off", False)
    assert config.outages == ()
    for policy in policies(config.resources, config.responses).values():
        assert policy.mode is NO_POLICY.mode is PolicyMode.OFF
        assert (policy.accept_within_mw, policy.decline_above_capability) == (None, False)
    assert capabilities(config.resources) == {"PLANT_1_UNIT": 150.5, "PLANT_2_UNIT": 20.0}
    assert identity_for_responses(config.ads, config.responses) == (tmp_path / "plant.pem", None, None)


def test_a_resource_says_what_may_be_answered(tmp_path: Path) -> None:
    config = load(tmp_path, of_first(ACTING) + '[responses]\nmode = "on"\ntwo_person_declines = true\n')
    made = policies(config.resources, config.responses)
    assert made["PLANT_1_UNIT"] == Policy(PolicyMode.ON, 5.0, True, ReasonCode.UNIT_DERATE, True, 0.0, 150.5)
    assert made["PLANT_2_UNIT"] == Policy(PolicyMode.ON, second_person=True, pmin_mw=-20.0, pmax_mw=20.0)
    assert capabilities(config.resources)["PLANT_1_UNIT"] == 120.0


@pytest.mark.parametrize("reason", ['"unit-derate"', '"UNIT_DERATE"', "13"])
def test_a_reason_is_its_number_or_its_word(tmp_path: Path, reason: str) -> None:
    config = load(tmp_path, of_first(ACTING.replace('"unit-derate"', reason)))
    policy = policies(config.resources, config.responses)["PLANT_1_UNIT"]
    assert policy.decline_reason is ReasonCode.UNIT_DERATE


def test_an_outage_is_in_utc(tmp_path: Path) -> None:
    first, second = load(tmp_path, GOOD + OUTAGE + OUTAGE + "available_mw = 30\n").outages
    start, end = datetime(2026, 7, 1, 15, tzinfo=UTC), datetime(2026, 7, 1, 16, tzinfo=UTC)
    assert first.outage == Outage("PLANT_1_UNIT", start, end, 0.0)
    assert first.start.tzinfo is UTC
    assert second.available_mw == 30.0


def test_response_calls_may_have_their_own_certificate(tmp_path: Path) -> None:
    ours = '[responses]\ncertificate = "answers.p12"\npassphrase_file = "answers.pass"\n'
    config = load(tmp_path, GOOD.replace('"plant.pem"', '"plant.pem"\nkey = "plant.key"') + ours)
    found = identity_for_responses(config.ads, config.responses)
    assert found == (tmp_path / "answers.p12", None, tmp_path / "answers.pass")


def test_read_only_wins(tmp_path: Path) -> None:
    said = GOOD.replace('"plant.pem"', '"plant.pem"\nacknowledge = true')
    assert load(tmp_path, said).acknowledges
    config = load(tmp_path, said + '[responses]\nmode = "on"\nread_only = true\n')
    assert not config.acknowledges
    assert config.responses.policy_mode is PolicyMode.DRY_RUN
    assert load(tmp_path, GOOD).acknowledges is False
    assert ResponsesConfig(read_only=True).policy_mode is PolicyMode.OFF
    assert ResponsesConfig(mode="on").policy_mode is PolicyMode.ON


@pytest.mark.parametrize(
    ("text", "table", "key", "words"),
    [
        (GOOD + '[responses]\nmode = "dry"\n', "responses", "mode", "dry-run"),
        (GOOD + "[responses]\nmode = true\n", "responses", "mode", "text"),
        (GOOD + "[responses]\nreadonly = true\n", "responses", "readonly", "did you mean 'read_only'"),
        (GOOD + '[responses]\nkey = "k.pem"\n', "responses", "key", "certificate of its own"),
        (GOOD + '[responses]\npassphrase_file = "p"\n', "responses", "passphrase_file", "certificate of its own"),
        (GOOD + "[[responses]]\n", "responses", "", "must be a table"),
        (GOOD + OUTAGE.replace("-07:00", ""), "[outage]", "#1 start", "timezone"),
        (GOOD + OUTAGE.replace("T08:00:00-07:00", ""), "[outage]", "#1 start", "date"),
        (GOOD + OUTAGE.replace("16:00:00Z", "15:00:00Z"), "[outage]", "#1 end", "not after start"),
        (
            GOOD + OUTAGE.replace("2026-07-01T08:00:00-07:00", "0001-01-01T00:00:00+07:00"),
            "[outage]",
            "#1 start",
            "time",
        ),
        (GOOD + OUTAGE + OUTAGE.replace("_1_", "_9_"), "[outage]", "#2 resource", "known: PLANT_1_UNIT, PLANT_2_UNIT"),
        (GOOD + OUTAGE + "available_mw = -1\n", "[outage]", "#1 available_mw", "0"),
        (GOOD + "[outage]\nresource = 1\n", "outage", "", "headed [[outage]]"),
        (of_first("auto_accept_within_mw = -1"), "[resource]", "#1 auto_accept_within_mw", "0"),
        (of_first("auto_accept_within_mw = inf"), "[resource]", "#1 auto_accept_within_mw", "usable"),
        (of_first("capability_mw = -1"), "[resource]", "#1 capability_mw", "0"),
        (of_first("auto_decline_above_capability = true"), "[resource]", "#1 decline_reason", "goes together"),
        (of_first("decline_reason = 13"), "[resource]", "#1 decline_reason", "goes together"),
        (of_first(ACTING.replace('"unit-derate"', "15")), "[resource]", "#1 decline_reason", "10 line-down"),
        (of_first(ACTING.replace('"unit-derate"', '"weather"')), "[resource]", "#1 decline_reason", "13 unit-derate"),
        (
            of_first(ACTING.replace('"unit-derate"', "true")),
            "[resource]",
            "#1 decline_reason",
            "a whole number or text in quotes, got",
        ),
    ],
)
def test_a_value_that_cannot_work_is_refused_with_its_place(
    tmp_path: Path, text: str, table: str, key: str, words: str
) -> None:
    error = refusal(tmp_path, text)
    assert (error.table, error.key) == (table, key)
    assert words in str(error)
    assert "gateway.toml" in error.file
