"""Every kind of notifier has a module, a Config whose keys are its own, and a place in the documentation."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args, get_type_hints

import pytest

from caiso_ads.notify import KINDS, config_type
from caiso_ads.notify.rules import RulesConfig


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_config_whose_keys_are_not_those_of_all(kind: str) -> None:
    struct = config_type(kind)
    assert struct.__struct_fields__
    assert set(struct.__struct_fields__).isdisjoint(RulesConfig.__struct_fields__)


def test_the_kinds_that_may_be_written_are_those_there_are() -> None:
    assert set(get_args(get_type_hints(RulesConfig)["kind"])) == set(KINDS)


def test_an_unknown_kind_is_none() -> None:
    with pytest.raises(KeyError):
        config_type("pigeon")


def test_nobody_pays_for_a_notifier_that_is_not_configured() -> None:
    check = "import sys, caiso_ads.app; print([m for m in ('smtplib', 'aiomqtt', 'caiso_ads.notify.mail') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
