"""``[[notify]]``: the keys of all kinds and of its own in one table, refused with line, number and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from caiso_ads.config import describe_config
from caiso_ads.config.notify import described, parts
from caiso_ads.notify import KINDS
from caiso_ads.notify.mail import Config as Mail
from caiso_ads.notify.mqtt import Config as Mqtt
from tests.config.test_init import GOOD, load, refusal

MAIL = """
[[notify]]
kind = "email"
name = "duty"
min_priority = "medium"
events = ["raised", "returned", "acknowledged"]
resources = ["PLANT_2_UNIT"]
host = "mail.example"
sender = "ads@plant.example"
to = ["op@plant.example"]
"""
BUS = (
    '\n[[notify]]\nkind = "mqtt"\nname = "bus"\nurl = "mqtts://broker.example"\npassword_file = "pw"\nusername = "u"\n'
)


def test_each_is_read_with_its_rules_and_its_way(tmp_path: Path) -> None:
    mail, bus = load(tmp_path, GOOD + MAIL + BUS).notify
    assert isinstance(mail.way, Mail)
    assert (mail.rules.name, mail.rules.min_priority, mail.way.to) == ("duty", "medium", ("op@plant.example",))
    assert isinstance(bus.way, Mqtt)
    assert bus.way.password_file == tmp_path / "pw"
    assert bus.rules.events == ("raised", "returned")
    assert load(tmp_path, GOOD).notify == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('kind = "email"', 'kind = "pigeon"'), r'\[\[notify\]\] #1 kind: .*"email" or "mqtt" or "webhook"'),
        (('host = "mail', 'hots = "mail'), r"#1 hots: unknown key 'hots'; did you mean 'host'"),
        (('name = "duty"\n', ""), r"#1 name: must be given"),
        (('name = "duty"', 'name = "bus"'), r"#2 name: 'bus' stands twice"),
        (("PLANT_2_UNIT", "PLANT_9_UNIT"), r"#1 resources: 'PLANT_9_UNIT' is no \[\[resource\]\]"),
        (('"acknowledged"]', '"seen"]'), r"#1 events"),
        (("op@plant.example", "op"), r"#1 to: 'op' is no mail address"),
        (('url = "mqtts:', 'host = "x"\nurl = "mqtts:'), r"#2 host: unknown key"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    good = GOOD + MAIL + BUS
    head, _, tail = good.partition("[[notify]]")
    changed = tail.replace(*change, 1)
    assert changed != tail
    error = refusal(tmp_path, f"{head}[[notify]]{changed}")
    assert re.search(words, str(error)), str(error)
    assert f"gateway.toml:{error.file.rpartition(':')[2]}" in error.file


@pytest.mark.parametrize("text", ["[notify]\nname = 'x'\n", "notify = 3\n"])
def test_one_that_is_no_list_of_tables_is_refused(tmp_path: Path, text: str) -> None:
    whole = GOOD + text if text.startswith("[") else text + GOOD
    assert "[[notify]]" in str(refusal(tmp_path, whole))


def test_the_documentation_has_the_keys_of_all_and_of_each() -> None:
    tables = [table for table, _ in described()]
    assert tables == ["[[notify]]", *(f'[[notify]] kind = "{kind}"' for kind in KINDS)]
    assert set(tables) <= {row.table for row in describe_config()}


def test_the_keys_are_parted() -> None:
    assert parts({"name": "x", "host": "y"}) == ({"name": "x"}, {"host": "y"})
