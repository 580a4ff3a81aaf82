"""The four roles, and who asks. Rule: a name here was checked, whatever it says was not invented by the client."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do; a person may have several."""

    VIEWER = "viewer"  # read what the plant can read
    OPERATOR = "operator"  # answer the ISO, override, acknowledge alarms
    ADMIN = "admin"  # users and tokens
    AUDITOR = "auditor"  # read the evidence and export it


ANONYMOUS_OPERATOR = "anonymous (simulator)"
"""Who operates the demo. No user can have this name: it holds a space."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks. ``name`` is empty for a viewer who is not signed in.

    ``address`` is where the request comes from, ``session`` or ``token`` the number of what it was admitted by, and
    ``csrf`` what the next unsafe request must carry; each is empty where there is none.
    """

    name: str
    roles: frozenset[Role]
    address: str = ""
    session: str = ""
    token: str = ""
    csrf: str = ""

    @property
    def anonymous(self) -> bool:
        """Whether nobody signed in."""
        return not (self.session or self.token)

    @property
    def host(self) -> str:
        """Where a command of this person comes from, for the evidence."""
        return f"page, {self.address}" if self.address else "page"
