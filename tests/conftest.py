"""Profiles of the property tests. ``--hypothesis-profile=brief`` is for a second Python: what it finds is not new."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("calm", deadline=None)  # a busy machine is no failure
settings.register_profile("brief", max_examples=15, deadline=None)
settings.load_profile("calm")
