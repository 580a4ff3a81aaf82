"""The documents inside the SOAP result: XML text <-> nouns."""

from __future__ import annotations

from dataclasses import dataclass

from caiso_ads.errors import WireError


@dataclass(frozen=True, slots=True)
class BadItem:
    """One item of a list that cannot be read, while its neighbours can. ``uid`` where at least that was readable."""

    uid: str | None
    error: WireError
