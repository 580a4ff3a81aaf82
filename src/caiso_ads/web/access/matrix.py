"""Who may what, as a table for people, drawn from the table of routes. Rule: nothing is listed twice by hand."""

from __future__ import annotations

from collections.abc import Iterable

from caiso_ads.web.access.guard import Guarded
from caiso_ads.web.access.people import Role

COLUMNS = ("nobody signed in", *Role)

_HEAD = """\
# Who may what on the page

This page is generated: `caiso-ads users matrix > docs/roles.md`. How people get in is told in [Access](access.md).

A person has one role or several; each route wants one of those marked. "Nobody signed in" is anybody who reaches the
port: before there are users, whoever sits at the gateway's own machine has the role viewer too, in the simulator's
environment also operator.

"""


def may(route: Guarded, who: str) -> bool:
    """Whether the role, or nobody signed in, may use a route."""
    return not route.roles or who in set(route.roles)


def page(routes: Iterable[Guarded]) -> str:
    """Return the page in Markdown."""
    lines = ["| route | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for route in sorted(routes, key=lambda one: (one.path, one.method)):
        marks = " | ".join("yes" if may(route, who) else "" for who in COLUMNS)
        lines.append(f"| `{route.method} {route.path}` | {marks} |")
    return _HEAD + "\n".join(lines) + "\n"
