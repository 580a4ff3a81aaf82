"""Overrides as commands: what is told; the whole way of one is in test_commands.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from caiso_ads.core.override import Cleared, Override
from caiso_ads.core.quality import Directive
from caiso_ads.loop.overriding import told
from tests.fakes import START


def test_an_override_is_told_with_its_value() -> None:
    one = Override("A", -0.25, None, "r", "w", START, START + timedelta(hours=1))
    assert told(one) == "A: forced to -0.25 MW until 2026-07-01 13:00:00 UTC"
    assert "NO_DATA" in told(replace(one, setpoint_mw=None, directive=Directive.NO_DATA))
    assert told(Cleared("A", "r", "w", START)) == "A: the override is cleared"
